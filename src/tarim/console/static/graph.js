// A card with a link graph: asks for it, shows it, and lets a person expand, filter and read it as a table.
"use strict";
(() => {
  const { find, all } = tarim;
  const { foreign, compact, number, money, fill, make, icon } = tarim.links.parts;
  const NODES = [30, 60, 120, 200];

  function begin(card) {
    const words = JSON.parse(find("template[data-words]", card).content.textContent);
    const said = words.said;
    const part = (name) => find(`[data-${name}]`, card);
    const [canvas, facts, wait, trouble, time, slider] = ["canvas", "facts", "wait", "trouble", "time", "slider"].map(part);
    const filters = part("filters");
    const at = (text) => text ? tarim.instant(new Date(text), "minutes") : "–";
    const short = (fen) => `${compact.format(fen / 100)}${foreign ? " " : ""}${said.yuan}`;
    const list = (text) => (text ? text.split(",") : []);
    const full = card.classList.contains("full");
    const state = {
      entity: card.dataset.entity, also: new Set(list(card.dataset.also)), kept: new Set(list(card.dataset.kept)),
      graph: null, chart: null, option: null, focus: 0, start: null, asked: 0, timer: 0,
    };
    const view = { words, money, short, colour: "kind", hidden: new Set(), selected: "", way: [], wayLinks: new Set(), width: 0, height: 0 };
    const shared = { card, state, view, said, part, at, query, ask, load, draw, leave, settle };
    const [way, flow] = [tarim.links.way(shared), tarim.links.flow(shared)];

    // --- asking -------------------------------------------------------------------------------------------------
    function query() {
      const given = new URLSearchParams({ entity: state.entity });
      if (state.also.size) given.set("also", [...state.also].join(","));
      if (state.kept.size) given.set("kept", [...state.kept].join(","));
      for (const name of ["window", "kinds", "amount", "nodes", "hops"]) {
        const field = filters.elements[name];
        if (field?.value) given.set(name, field.value);
      }
      const boxes = all("input[name=relation]", filters);
      const chosen = boxes.filter((box) => box.checked).map((box) => box.value);
      if (chosen.length && chosen.length < boxes.length) given.set("relations", chosen.join(","));
      return given;
    }
    async function ask(url) {
      const answer = await fetch(url, { credentials: "same-origin", headers: { Accept: "application/json" } });
      if (answer.status === 401 || answer.redirected) { location.reload(); throw new Error(said.lost); }
      const body = await answer.json().catch(() => ({}));
      if (!answer.ok) throw new Error(body.title || said.lost, { cause: answer.status });
      return body;
    }
    async function load() {
      const asked = ++state.asked;
      flow.stop();
      wait.hidden = false;
      trouble.hidden = true;
      try {
        const [graph] = await Promise.all([ask(`${card.dataset.data}?${query()}`), tarim.links.icons()]);
        if (asked !== state.asked) return;
        state.graph = graph;
        show();
      } catch (error) {
        if (asked !== state.asked) return;
        trouble.replaceChildren(make("b", {}, error.cause ? error.message : said.lost), error.cause === 404 ? make("span", {}, said.absent) : "");
        trouble.hidden = false;
      }
      wait.hidden = true;
    }
    function show() {
      const graph = state.graph;
      state.focus = 0;
      part("caption").textContent = fill(said.caption, { nodes: graph.nodes.length + graph.crowds.length, links: graph.links.length })
        + (graph.complete_from ? ` · ${fill(said.complete, { time: at(graph.complete_from) })}` : "");
      if (graph.nodes.length < 2 && !graph.crowds.length) {
        trouble.replaceChildren(make("b", {}, said.none), make("span", {}, said.widen));
        trouble.hidden = false;
      }
      draw();
      legend();
      flow.show();
      table();
      const dialog = find("#links-export [data-export]");
      for (const [name, value] of query()) if (dialog?.elements[name]) dialog.elements[name].value = value;
      const leave = part("leave");
      if (leave) leave.href = `${card.dataset.explorer}?${query()}`;
      if (full) history.replaceState(null, "", `${card.dataset.explorer}?${query()}`);
      if (view.selected) choose(graph.nodes.findIndex((node) => node.id === view.selected));
    }

    // --- drawing ------------------------------------------------------------------------------------------------
    function draw() {
      [view.width, view.height] = [canvas.clientWidth, canvas.clientHeight];
      if (!view.width) return;
      state.option = tarim.links.option(state.graph, view);
      if (state.chart) state.chart.setOption(state.option);
      else {
        state.chart = tarim.mk(canvas, state.option);
        canvas.setAttribute("role", "application");
        state.chart.on("click", (item) => { if (item.dataType === "node") choose(item.data.value); });
        state.chart.on("graphRoam", relabel);
        state.chart.on("dblclick", (item) => { if (item.dataType === "node") expand(item.data.value); });
      }
    }
    let waiting = 0;
    function relabel() {
      clearTimeout(waiting);
      waiting = setTimeout(() => {
        const zoom = state.chart.getOption().series[0].zoom || 1;
        const { data } = state.option.series[0];
        state.chart.setOption({ animationDurationUpdate: 0, series: [{ data: tarim.links.labelled(data.slice(0, -2), zoom).concat(data.slice(-2)) }] });
      }, 150);
    }
    function legend() {
      const graph = state.graph;
      const box = part("legend");
      const dot = (style, name) => make("span", { class: `rc-graph-dot ${style}` }, name ? icon(name) : "");
      if (view.colour === "community") {
        const groups = [...new Set(graph.nodes.map((node) => node.community))].filter((each) => each >= 0 && each < tarim.links.GROUPS.length).sort((a, b) => a - b);
        box.replaceChildren(...groups.map((group) => make("span", { class: "rc-graph-group" }, dot(`c${group}`, ""),
          `${said.community} ${group + 1} · ${graph.nodes.filter((node) => node.community === group).length} ${said.members}`)));
        return;
      }
      const kinds = Object.keys(words.kinds).filter((kind) => [...graph.nodes, ...graph.crowds].some((each) => each.kind === kind));
      const rings = ["convicted", "stopped", "checked"].filter((ring) => graph.nodes.some((node) => tarim.links.ringOf(node) === ring));
      box.replaceChildren(
        ...kinds.map((kind) => make("button", { type: "button", "aria-pressed": String(!view.hidden.has(kind)), onclick: () => {
          if (!view.hidden.delete(kind)) view.hidden.add(kind);
          draw();
          legend();
        } }, dot(kind, words.icons[kind]), words.kinds[kind])),
        rings.length ? make("i") : "",
        ...rings.map((ring) => make("span", { class: `rc-graph-ring ${ring}` }, words.rings[ring])),
      );
    }
    async function table() {
      const rows = part("rows");
      if (rows.hidden) return;
      const answer = await fetch(`${card.dataset.table}?${query()}`, { credentials: "same-origin", headers: { "HX-Request": "true" } });
      const piece = new DOMParser().parseFromString(await answer.text(), "text/html");
      rows.replaceChildren(...piece.body.childNodes);
    }

    // --- one node -----------------------------------------------------------------------------------------------
    function choose(place) {
      const node = state.graph.nodes[place];
      if (!node) { if (state.graph.crowds[place - state.graph.nodes.length]) expand(place); return; }
      view.selected = node.id;
      state.focus = place;
      const line = (name, value) => value === "" || value === null ? [] : [make("dt", {}, name), make("dd", {}, value)];
      const act = (name, text, work, tone = "") => make("button", { type: "button", class: `rc-button small ${tone}`, onclick: work }, icon(name), text);
      const account = node.kind === "account";
      facts.replaceChildren(
        make("header", {}, make("span", { class: `rc-graph-dot ${node.kind}` }, icon(words.icons[node.kind])),
          make("b", {}, node.label, make("small", {}, words.kinds[node.kind] + (place === 0 ? ` · ${said.subject}` : ""))),
          make("button", { type: "button", class: "rc-link", "aria-label": said.close, onclick: leave }, icon("x"))),
        node.convicted ? make("span", { class: "rc-pill critical" }, words.rings.convicted) : "",
        make("dl", {}, ...[
          ...line(said.events, number(node.events)), ...line(said.in, node.in_fen ? money(node.in_fen) : ""), ...line(said.out, node.out_fen ? money(node.out_fen) : ""),
          ...line(said.worst, words.outcomes[node.worst]), ...line(said.risk, node.risk === null ? "" : node.risk.toFixed(3)),
          ...line(said.broker, node.broker ? node.broker.toFixed(3) : ""), ...line(said.community, node.community < 0 ? "" : String(node.community + 1)),
          ...line(said.hidden, node.hidden ? number(node.hidden) : ""),
        ]),
        node.hub && !node.expanded ? make("p", { class: "rc-hint" }, said.hub) : "",
        make("p", { class: "rc-actions" },
          node.expanded ? "" : act("zoom-in", said.expand, () => expand(place)),
          place ? act("focus-centered", said.centre, () => centre(node)) : "",
          account ? act("flag", said.start, () => way.depart(node)) : "",
          account && state.start && state.start.id !== node.id ? act("route", said.end, () => way.arrive(node), "primary") : "",
          find("#links-reveal") ? act("eye", said.reveal, () => reveal(node)) : ""),
      );
      facts.hidden = false;
      const drawn = state.option.series[0].data[place];
      facts.classList.toggle("left", state.chart.convertToPixel({ seriesIndex: 0 }, [drawn.x, drawn.y])[0] > view.width * 0.6);
      state.chart.dispatchAction({ type: "downplay", seriesIndex: 0 });
      state.chart.dispatchAction({ type: "highlight", seriesIndex: 0, dataIndex: place });
      speak(place);
    }
    function settle() {
      facts.hidden = true;
      view.selected = "";
      state.chart?.dispatchAction({ type: "downplay", seriesIndex: 0 });
      state.chart?.dispatchAction({ type: "hideTip" });
    }
    function leave() {
      settle();
      canvas.focus({ preventScroll: true });
    }
    function speak(place) {
      const data = state.option.series[0].data[place];
      const node = state.graph.nodes[place];
      part("spoken").textContent = node
        ? [words.kinds[node.kind], node.label, node.convicted ? words.rings.convicted : "", `${said.events} ${node.events}`, node.expanded ? said.expanded : ""].filter(Boolean).join(" ")
        : data?.name || "";
    }
    function expand(place) {
      const node = state.graph.nodes[place];
      if (!node) {
        const larger = NODES.find((each) => each > Number(filters.elements.nodes.value));
        if (!larger) { tarim.toast(fill(said.full, { count: NODES.at(-1) })); return; }
        filters.elements.nodes.value = String(larger);
      } else if (node.expanded) return;
      else { state.also.add(node.id); view.selected = node.id; }
      load();
    }
    function centre(node) {
      if (!full) { location.assign(`${card.dataset.explorer}?${new URLSearchParams({ entity: node.id })}`); return; }
      state.entity = node.id;
      state.also.clear();
      state.kept.clear();
      way.clear();
      view.selected = "";
      facts.hidden = true;
      load();
    }
    function reveal(node) {
      const dialog = find("#links-reveal");
      const form = find("form", dialog);
      const told = find("[data-told]", dialog);
      told.textContent = "";
      form.onsubmit = async (event) => {
        event.preventDefault();
        const answer = await tarim.send(form.action, { entities: node.id, reason: form.elements.reason.value });
        const body = await answer.json().catch(() => ({}));
        if (!answer.ok) {
          told.replaceChildren(`${body.title || said.lost} `, body.code === "proof-outdated" && card.dataset.proof
            ? make("a", { href: `${card.dataset.proof}?${new URLSearchParams({ next: location.pathname + location.search })}` }, said.again) : "");
          return;
        }
        dialog.close();
        form.reset();
        find("dl", facts).before(make("span", { class: "rc-graph-full" }, body.values[0].value ?? said.gone));
      };
      dialog.showModal();
    }

    // --- keys, filters, switches ----------------------------------------------------------------------------------
    const AIM = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
    canvas.addEventListener("keydown", (event) => {
      if (!state.option) return;
      const { data } = state.option.series[0];
      const aim = AIM[event.key];
      if (aim) {
        const here = data[state.focus];
        let best = [-1, Infinity];
        data.slice(0, -2).forEach((node, place) => {
          const [dx, dy] = [node.x - here.x, node.y - here.y];
          const ahead = dx * aim[0] + dy * aim[1];
          const aside = Math.abs(dx * aim[1]) + Math.abs(dy * aim[0]);
          if (ahead > 1 && ahead + 2 * aside < best[1]) best = [place, ahead + 2 * aside];
        });
        if (best[0] >= 0) state.focus = best[0];
        state.chart.dispatchAction({ type: "downplay", seriesIndex: 0 });
        state.chart.dispatchAction({ type: "highlight", seriesIndex: 0, dataIndex: state.focus });
        const [x, y] = state.chart.convertToPixel({ seriesIndex: 0 }, [data[state.focus].x, data[state.focus].y]);
        state.chart.dispatchAction({ type: "showTip", x, y });
        speak(state.focus);
      } else if (event.key === "Enter") expand(state.focus);
      else if (event.key === " ") choose(state.focus);
      else if (event.key === "Escape") leave();
      else return;
      event.preventDefault();
    });
    facts.addEventListener("keydown", (event) => { if (event.key === "Escape") leave(); });
    filters.addEventListener("change", load);
    filters.addEventListener("submit", (event) => { event.preventDefault(); load(); });
    slider.addEventListener("input", () => { flow.stop(); flow.moment(); });
    part("play").addEventListener("click", flow.play);
    card.addEventListener("click", (event) => {
      const shown = event.target.closest("[data-show]");
      const coloured = event.target.closest("[data-colour]");
      for (const button of shown || coloured ? all("button", (shown || coloured).parentElement) : []) button.setAttribute("aria-pressed", String(button === (shown || coloured)));
      if (shown) {
        const graph = shown.dataset.show === "graph";
        part("body").classList.toggle("away", !graph);  // not hidden: a chart without a size cannot be drawn
        part("legend").hidden = !graph;
        time.hidden = !graph || !state.graph?.steps.length;
        part("rows").hidden = graph;
        if (graph) draw();
        else { flow.stop(); table(); }
      }
      if (coloured) { view.colour = coloured.dataset.colour; draw(); legend(); }
    });
    let late = 0;
    new ResizeObserver(() => {
      clearTimeout(late);
      late = setTimeout(() => { if (state.graph && (canvas.clientWidth !== view.width || canvas.clientHeight !== view.height)) draw(); }, 120);
    }).observe(canvas);
    load();
  }

  tarim.start("[data-graph]", begin);
})();
