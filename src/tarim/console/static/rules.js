// The rule editor: what one types goes to the server as one act, what comes back is shown where it belongs; and charts of backtests.
"use strict";
(() => {
  const { find, all } = tarim;
  document.documentElement.classList.add("rc-js");
  const form = find("#rc-draft");

  // --- text with colours behind it ---------------------------------------------------------------------------------
  const words = new Map(all("#rc-names option").map((each) => [each.value, { label: each.label, kind: each.dataset.kind }]));
  const KEYWORDS = new Set(["and", "or", "not", "in", "list", "between", "is", "missing", "has", "true", "false"]);
  const TOKEN = /(#[^\n]*)|("""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\.|[^"\\\n])*"|'[^'\n]*')|(\[\[?[A-Za-z_. ]+\]\]?)|(\d[\d_]*(?:\.\d+)?(?:\s?(?:yuan|fen|元|分|ms|[smhd])\b)?)|([A-Za-z_]\w*)|([\s\S])/g;
  const span = (kind, text) => {
    const element = document.createElement("span");
    element.className = kind;
    element.textContent = text;
    return element;
  };
  function pieces(text, whole) {
    const found = [];
    for (const match of text.matchAll(TOKEN)) {
      const [all_, comment, string, table, number, word] = match;
      const kind = comment ? "c" : string ? "s" : table ? "t" : number ? "d"
        : word && KEYWORDS.has(word) ? "k" : word && words.has(word) ? "f" : "";
      if (whole && string && /^("""|''')?/.test(string) && /\bwhen\s*=\s*$/.test(text.slice(0, match.index))) {
        const quote = string.match(/^("""|'''|"|')/)[0];
        found.push(["s", quote], ...pieces(string.slice(quote.length, -quote.length), false), ["s", quote]);
      } else if (!kind && found.length && !found.at(-1)[0]) found.at(-1)[1] += all_;
      else found.push([kind, all_]);
    }
    return found;
  }
  function paint(box) {
    const area = find("textarea", box);
    const back = find("pre", box);
    const marked = spots(box.dataset.code, area.value);
    back.textContent = "";
    let at = 0;
    for (const [kind, text] of pieces(area.value, box.dataset.code === "text")) {
      let rest = text;
      while (rest) {
        const bad = marked.find((each) => each.from < at + rest.length && each.to > at);
        const begins = bad ? Math.max(bad.from, at) : at + rest.length;
        const ends = bad ? Math.min(bad.to, at + rest.length) : begins;
        if (begins > at) { back.append(span(kind, rest.slice(0, begins - at))); rest = rest.slice(begins - at); at = begins; }
        if (bad && ends > begins) { back.append(span(`${kind} bad`, rest.slice(0, ends - begins))); rest = rest.slice(ends - begins); at = ends; }
      }
    }
    back.append("\n");
    back.scrollTop = area.scrollTop;
    back.scrollLeft = area.scrollLeft;
  }
  const marks = () => JSON.parse(find("#rc-marks")?.dataset.marks || "{}");
  function spots(which, text) {
    const lines = which === "text" ? text.split("\n") : [];
    return (marks()[which] || []).map((each) => {
      let from = each.at;
      if (which === "text") from = lines.slice(0, each.line - 1).reduce((sum, line) => sum + line.length + 1, 0) + each.column - 1;
      const word = /^("[^"\n]*"?|'[^'\n]*'?|\w+|\S)/.exec(text.slice(from));
      return { from: word ? from : Math.max(0, from - 1), to: word ? from + word[0].length : from, ...each };
    });
  }
  function tell(box) {
    const area = find("textarea", box);
    const list = find(`#rc-${box.dataset.code}-faults`);
    if (!list) return;
    const found = spots(box.dataset.code, area.value);
    list.textContent = "";
    area.setAttribute("aria-invalid", String(found.length > 0));
    for (const each of found.slice(0, 8)) {
      const before = area.value.slice(0, each.from).split("\n");
      const item = document.createElement("li");
      const place = document.createElement("button");
      place.type = "button";
      place.className = "rc-link rc-mono";
      place.textContent = `${before.length}:${before.at(-1).length + 1}`;
      place.addEventListener("click", () => { area.focus(); area.setSelectionRange(each.from, each.to); });
      item.append(place, span("", each.text));
      if (each.fix) {
        const mend = document.createElement("button");
        mend.type = "button";
        mend.className = "rc-button small rc-mono";
        mend.textContent = `→ ${each.fix}`;
        mend.addEventListener("click", () => {
          area.focus();
          area.setRangeText(each.fix, each.from, each.to, "end");
          area.dispatchEvent(new Event("input", { bubbles: true }));
        });
        item.append(mend);
      }
      list.append(item);
    }
  }
  function rows() {
    const wrong = marks().rows || {};
    for (const row of all(".rc-crow")) {
      const text = wrong[row.dataset.path] || "";
      row.classList.toggle("wrong", Boolean(text));
      const slot = find(".rc-cfault", row);
      if (slot && slot.textContent !== text) slot.textContent = text;
    }
  }
  const show = () => { for (const box of all("[data-code]")) { paint(box); tell(box); } rows(); };

  // --- names while one types -------------------------------------------------------------------------------------------
  let offered = null;
  function close() {
    offered?.list.remove();
    offered?.box.classList.remove("suggesting");
    offered?.area.removeAttribute("aria-activedescendant");
    offered = null;
  }
  function choose(index) {
    offered.at = (index + offered.list.children.length) % offered.list.children.length;
    [...offered.list.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === offered.at)));
    offered.list.children[offered.at].scrollIntoView({ block: "nearest" });
    offered.area.setAttribute("aria-activedescendant", offered.list.children[offered.at].id);
  }
  function take() {
    const { area, from, found, at } = offered;
    area.setRangeText(found[at][0], from, area.selectionStart, "end");
    close();
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }
  function offer(area, forced) {
    close();
    const before = area.value.slice(0, area.selectionStart);
    const word = /[A-Za-z_]\w*$/.exec(before)?.[0] || "";
    if (!forced && word.length < 2) return;
    const lower = word.toLowerCase();
    const found = [...words].filter(([name]) => name.includes(lower) && name !== word)
      .sort(([one], [two]) => Number(two.startsWith(lower)) - Number(one.startsWith(lower))).slice(0, 40);
    if (!found.length) return;
    const box = area.closest("[data-code]");
    const list = document.createElement("ul");
    list.className = "rc-suggest";
    list.id = "rc-suggest";
    list.setAttribute("role", "listbox");
    found.forEach(([name, { label, kind }], index) => {
      const item = document.createElement("li");
      item.id = `rc-suggest-${index}`;
      item.setAttribute("role", "option");
      const head = document.createElement("b");
      head.textContent = name;
      const note = document.createElement("small");
      note.textContent = `${kind} · ${label}`;
      item.append(head, note);
      item.addEventListener("mousedown", (event) => { event.preventDefault(); offered.at = index; take(); });
      list.append(item);
    });
    const place = caret(box, area);
    list.style.left = `${Math.min(place.left, Math.max(0, box.clientWidth - 340))}px`;
    list.style.top = `${place.top}px`;
    box.append(list);
    box.classList.add("suggesting");
    offered = { area, box, list, found, from: before.length - word.length, at: 0 };
    choose(0);
  }
  function caret(box, area) {
    const back = find("pre", box);
    const range = document.createRange();
    let left = area.selectionStart;
    const walk = document.createTreeWalker(back, NodeFilter.SHOW_TEXT);
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
      if (left <= node.length) { range.setStart(node, left); break; }
      left -= node.length;
    }
    const [at, frame] = [range.getBoundingClientRect(), box.getBoundingClientRect()];
    return { left: at.left - frame.left, top: at.bottom - frame.top + 4 };
  }

  // --- acts -------------------------------------------------------------------------------------------------------------
  const WAIT_MS = 350;
  let waiting = 0;
  let due = "";
  let last = "title";
  function send(act) {
    clearTimeout(waiting);
    due = "";
    last = act;
    const button = find("#rc-act");
    button.value = act;
    form.requestSubmit(button);
  }
  function soon(act) {
    if (due && due !== act) send(due);
    due = act;
    clearTimeout(waiting);
    waiting = setTimeout(() => send(act), WAIT_MS);
  }
  // What is typed is kept by the desk with the next act; until then, and while the desk or the console is away, the page says so.
  const RETRY_MS = 4000;
  let retrying = 0;
  function keeping(state) {
    const said = find("#rc-kept-state");
    if (!said) return;
    said.dataset.state = state;
    find("span", said).textContent = said.dataset[state];
  }
  function again() {
    clearTimeout(retrying);
    retrying = setTimeout(() => send(due || last), RETRY_MS);
  }
  if (form) {
    show();
    form.addEventListener("input", (event) => {
      const box = event.target.closest("[data-code]");
      const act = event.target.dataset.act;
      if (box) { paint(box); offer(event.target, false); }
      if (act && act !== "select") keeping("typing");
      if (act && !(act === "field" && event.target.matches("input")) && !event.target.matches("select")) soon(act);
    });
    form.addEventListener("change", (event) => {
      const act = event.target.dataset.act;
      if (act && (act === "field" || event.target.matches("select"))) send(act);
    });
    form.addEventListener("focusout", (event) => {
      if (event.target.matches(".rc-code-text")) close();
      if (due && event.target.dataset.act === due) send(due);
    });
    form.addEventListener("scroll", (event) => {
      const box = event.target.closest?.("[data-code]");
      if (box) { const back = find("pre", box); back.scrollTop = event.target.scrollTop; back.scrollLeft = event.target.scrollLeft; }
    }, true);
    form.addEventListener("keydown", (event) => {
      const area = event.target.closest(".rc-code-text");
      if (!area) return;
      if (event.ctrlKey && event.key === " ") { event.preventDefault(); offer(area, true); return; }
      if (!offered) return;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); choose(offered.at + (event.key === "ArrowDown" ? 1 : -1)); }
      else if (event.key === "Enter" || event.key === "Tab") { event.preventDefault(); take(); }
      else if (event.key === "Escape") { event.stopPropagation(); event.preventDefault(); close(); }
    });
    let grown = "";
    form.addEventListener("click", (event) => {
      const button = event.target.closest('button[name="act"]');
      grown = button && /^(row|group|expression):/.test(button.value) ? button.value.split(":")[1] : "";
    });
    document.addEventListener("htmx:after:swap", () => {
      if (!find("#rc-draft")) return;
      show();
      if (grown) {
        const group = document.getElementById(`${grown}.form`)?.closest(".rc-cgroup");
        all(".rc-name", group || form).filter((each) => !each.value).at(-1)?.focus();
        grown = "";
      }
      const address = find("#rc-kept").dataset.address;
      if (address && !location.search.includes("draft=")) history.replaceState(history.state, "", address);
      const now = find("#rc-kept-state")?.dataset.state;
      if (now === "lost") again();
      else if (retrying && now === "kept") { retrying = 0; find("#rc-notice").replaceChildren(); }
    });
    const lost = () => { keeping("lost"); again(); };
    form.addEventListener("htmx:error", lost);
    form.addEventListener("htmx:response:error", (event) => { if (event.detail.ctx.response.status >= 500) lost(); });
  }

  // --- charts -------------------------------------------------------------------------------------------------------------
  tarim.start("[data-days]", (element) => {
    const told = JSON.parse(element.dataset.days);
    const two = told.precision?.some((each) => each !== null);
    tarim.mk(element, {
      grid: { left: 46, right: two ? 40 : 12, top: 46, bottom: 24 }, legend: {},
      xAxis: { type: "category", data: told.days, ...tarim.axis() },
      yAxis: [
        { type: "value", name: told.unit, minInterval: 1, ...tarim.axis() },
        ...(two ? [{ type: "value", name: "%", min: 0, max: 100, ...tarim.axis(), splitLine: { show: false } }] : []),
      ],
      series: [
        ...told.bars.map(([name, data], index) => ({ name, type: "bar", data, color: [ "#a9c4f5", "#1d5bd6"][index + (told.bars.length === 1 ? 1 : 0)], barMaxWidth: 18, itemStyle: { borderRadius: 2 } })),
        ...(two ? [{ name: told.line, type: "line", yAxisIndex: 1, data: told.precision, color: tarim.colour("critical"), showSymbol: told.days.length < 4, connectNulls: true, lineStyle: { width: 2 } }] : []),
      ],
    });
  });
})();
