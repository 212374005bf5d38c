// 实时决策: the feed, the figures and the two charts, fed by server-sent events of this console.
"use strict";
(() => {
  const root = document.getElementById("live");
  if (!root) return;
  const one = tarim.find;
  const words = JSON.parse(root.dataset.words);
  const feed = one("#live-rows"), blank = one("#live-row").content.firstElementChild;
  const strip = one("#live-lost"), badge = one("#live-badge"), waiting = one("#live-waiting"), pause = one("#live-pause");
  const empty = one("#live-empty");
  const ROWS_SHOWN = 40, ROWS_WAITING = 200, STEP_MS = 1000, MINUTE_MS = 60000, ASK_MS = 5000, SETTLE_MS = 300, RETRY_MS = [1000, 2000, 5000, 10000];
  const yuan = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const count = new Intl.NumberFormat("en");

  // ---- the feed ----------------------------------------------------------------------------------------------------

  let held = false, over = false, within = false, shown = Number(feed.dataset.seq || -1), queue = [];
  const halted = () => held || over || within;
  const put = (row, name, text) => { const cell = one(`[data-cell="${name}"]`, row); if (cell) cell.textContent = text; };

  function rowOf(said) {
    const row = blank.cloneNode(true);
    const link = one("a", row);
    link.href = root.dataset.decision.replace("SOURCE", encodeURIComponent(said.source)).replace("EVENT", said.event_id.split("/").map(encodeURIComponent).join("/"));
    link.textContent = said.event_id;
    put(row, "at", tarim.instant(said.at_ms, "clock"));
    put(row, "party", said.party);
    put(row, "kind", words.kinds[said.kind] || said.kind);
    put(row, "scenario", said.scenario ? words.scenarios[said.scenario] || said.scenario : "–");
    put(row, "channel", words.channels[said.channel] || said.channel);
    put(row, "amount", said.amount_fen ? yuan.format(said.amount_fen / 100) : "–");
    const why = words.language === "zh" ? said.why_zh : said.why_en;
    put(row, "why", said.more ? `${why} ${words.more.replace("{n}", said.more + 1)}` : why);
    one("[data-cell=why]", row).title = why;
    const outcome = one("[data-cell=outcome]", row);
    outcome.classList.add(said.outcome);
    outcome.textContent = words.outcomes[said.outcome] || said.outcome;
    const score = one("[data-cell=score]", row), meter = one("meter", row);
    if (said.score === null) { score.textContent = "–"; meter.remove(); } else {
      score.textContent = said.score.toFixed(2);
      meter.value = said.score;
      meter.className += ` ${said.score >= 0.85 ? "critical" : said.score >= 0.6 ? "high" : said.score >= 0.3 ? "medium" : "low"}`;
    }
    return row;
  }

  function flush() {
    waiting.hidden = !(halted() && queue.length);
    waiting.textContent = words.waiting.replace("{n}", queue.length >= ROWS_WAITING ? `${ROWS_WAITING}+` : queue.length);
    badged();
    if (!halted()) release();
  }

  function release() {
    if (!queue.length) return;
    const first = !feed.childElementCount;
    for (const said of queue.slice(-ROWS_SHOWN)) {
      const row = rowOf(said);
      if (!first) row.classList.add("new");
      feed.prepend(row);
    }
    queue = [];
    waiting.hidden = true;
    while (feed.childElementCount > ROWS_SHOWN) feed.lastElementChild.remove();
    empty.hidden = true;
  }

  function take(rows) {
    for (const said of rows) {
      if (said.seq <= shown) continue;
      shown = said.seq;
      queue.push(said);
    }
    queue = queue.slice(-ROWS_WAITING);
  }

  pause.addEventListener("click", () => {
    held = !held;
    pause.setAttribute("aria-pressed", String(held));
    one("span", pause).textContent = held ? words.resume : words.pause;
    flush();
  });
  waiting.addEventListener("click", release);
  feed.addEventListener("click", (event) => {
    if (!event.target.closest("a") && !String(getSelection())) one("a", event.target.closest("tr"))?.click();
  });
  feed.addEventListener("mouseenter", () => { over = true; });
  feed.addEventListener("mouseleave", () => { over = false; flush(); });
  feed.addEventListener("focusin", () => { within = true; });
  feed.addEventListener("focusout", () => { within = feed.contains(document.activeElement); });
  setInterval(flush, STEP_MS);

  // ---- figures and charts ------------------------------------------------------------------------------------------

  function figures(said) {
    for (const [name, figure] of Object.entries(said)) {
      const tile = one(`[data-figure="${name}"]`);
      if (!tile) continue;
      one("[data-value]", tile).textContent = figure.value;
      const delta = one("[data-delta]", tile);
      delta.textContent = figure.delta;
      delta.className = `rc-kpi-delta ${figure.tone}`;
    }
  }

  const charts = {}, muted = tarim.colour("dim");
  const drawn = (name, element, option) => {
    if (charts[name]) charts[name].setOption(option); else charts[name] = tarim.mk(element, option);
  };
  const line = (name, data, color, axis, area) => ({
    name, type: "line", data, color, yAxisIndex: axis, showSymbol: false, smooth: 0.2, lineStyle: { width: 2 },
    areaStyle: area ? { opacity: 0.14 } : undefined,
  });

  function trend(said) {
    const element = one("#live-trend");
    const form = said.step_ms > MINUTE_MS ? "day_hour" : "hour";
    const option = {
      grid: { left: 50, right: 46, top: element.clientWidth < 480 ? 76 : 54, bottom: 26 },
      legend: { top: 0, left: "center" },
      xAxis: tarim.axis({ type: "category", boundaryGap: false, data: said.at_ms.map((at) => tarim.instant(at, form)) }),
      yAxis: [
        tarim.axis({ type: "value", name: words.count, minInterval: 1 }),
        tarim.axis({ type: "value", name: words.count, minInterval: 1, splitLine: { show: false } }),
      ],
      series: [
        line(words.passed, said.passed, tarim.colour("low-fill"), 0, true),
        line(words.heldRight, said.held, tarim.colour("high-fill"), 1, false),
        line(words.blocked, said.blocked, tarim.colour("critical-fill"), 1, false),
      ],
    };
    drawn("trend", element, option);
  }

  function bars(said) {
    const element = one("#live-bars");
    one("#live-bars-empty").hidden = said.length > 0;
    element.hidden = !said.length;
    if (!said.length) return;
    const sorted = [...said].sort((a, b) => a.count - b.count).slice(-8);
    const option = {
      grid: { left: 4, right: 52, top: 4, bottom: 4, containLabel: true },
      tooltip: { trigger: "item" },
      xAxis: { type: "value", show: false },
      yAxis: tarim.axis({ type: "category", data: sorted.map((each) => words.scenarios[each.scenario] || each.scenario), axisLine: { show: false }, axisLabel: { color: tarim.colour("ink"), fontSize: 12 } }),
      series: [{
        type: "bar", name: words.count, barWidth: 12, data: sorted.map((each) => each.count), color: "#5b8def", itemStyle: { borderRadius: 3 },
        label: { show: true, position: "right", color: muted, formatter: (point) => count.format(point.value) },
      }],
    };
    drawn("bars", element, option);
  }

  // ---- the connection ----------------------------------------------------------------------------------------------

  let stream = null, tries = 0, timer = 0, lost = false;

  function badged() {
    const state = lost ? "lost" : held ? "paused" : over || within ? "over" : "live";
    if (badge.dataset.state === state) return;
    badge.dataset.state = state;
    one("span", badge).textContent = words[state];
  }
  function connected(state) {
    lost = state === "lost";
    strip.hidden = !lost;
    badged();
  }
  const told = {
    rows: take, figures, trend, bars,
    lost: () => connected("lost"),
    found: () => { tries = 0; connected("live"); },
    over: () => { close(); location.reload(); },
  };

  function close() {
    clearTimeout(timer);
    if (stream) stream.close();
    stream = null;
  }

  function again() {
    connected("lost");
    clearTimeout(timer);
    timer = setTimeout(open, RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]);
    tries += 1;
  }

  function open() {
    close();
    if (document.hidden) return;
    stream = new EventSource(root.dataset.stream);
    for (const [name, take] of Object.entries(told)) stream.addEventListener(name, (event) => take(JSON.parse(event.data)));
    stream.onerror = () => { close(); timer = setTimeout(ask, SETTLE_MS); };  // not for a page that is being left
  }

  // Too many streams, or none to be had: ask every few seconds, and try for a stream again when that fails.
  async function ask() {
    clearTimeout(timer);
    if (document.hidden) return;
    try {
      const answer = await fetch(root.dataset.now, { credentials: "same-origin", headers: { Accept: "application/json" } });
      if (answer.redirected) { location.reload(); return; }
      if (!answer.ok) throw new Error(String(answer.status));
      const said = await answer.json();
      for (const [name, value] of Object.entries(said.told)) told[name](value);
      if (said.trouble) { again(); return; }
      tries = 0;
      connected("live");
      timer = setTimeout(said.full ? ask : open, ASK_MS);
    } catch (error) {
      again();
    }
  }

  document.addEventListener("visibilitychange", () => { if (document.hidden) close(); else open(); });
  addEventListener("pagehide", close);
  one("#live-filter").addEventListener("change", (event) => event.target.form.requestSubmit());
  const begun = JSON.parse(root.dataset.begun);
  for (const [name, value] of Object.entries(begun)) told[name](value);
  flush();
  open();
})();
