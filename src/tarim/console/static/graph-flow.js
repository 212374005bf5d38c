// Money in time in a link graph: a bar for each step, a slider over them, and the flow played step by step.
"use strict";
tarim.links.flow = ({ state, said, part, at, settle }) => {
  const { all } = tarim;
  const { make, icon, number, money, fill } = tarim.links.parts;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const STEP_MS = 900;
  const [canvas, time, slider] = ["canvas", "time", "slider"].map(part);
  function show() {
    const steps = state.graph.steps;
    time.hidden = !steps.length;
    if (!steps.length) return;
    const sums = steps.map((step) => step.moved.reduce((sum, [, , fen]) => sum + fen, 0));
    const most = Math.sqrt(Math.max(1, ...sums));
    part("bars").replaceChildren(...sums.map((fen, place) => {
      const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      const height = Math.max(1.2, 24 * Math.sqrt(fen) / most);
      const width = 100 / steps.length;
      for (const [name, value] of Object.entries({ x: place * width + width * 0.12, y: 24 - height, width: width * 0.76, height })) bar.setAttribute(name, value.toFixed(3));
      return bar;
    }));
    slider.max = String(steps.length);
    slider.value = slider.max;
    moment();
  }
  function moment() {
    const { steps } = state.graph;
    const place = Number(slider.value);
    const whole = place >= steps.length;
    const shown = whole ? steps : [steps[place]];
    const count = shown.reduce((sum, step) => sum + step.moved.reduce((all, [, events]) => all + events, 0), 0);
    const fen = shown.reduce((sum, step) => sum + step.moved.reduce((all, [, , each]) => all + each, 0), 0);
    const text = `${whole ? said.all : `${at(steps[place].since)} – ${at(steps[place].until)}`} · ${fill(said.moved, { count: number(count), money: money(fen) })}`;
    part("moment").textContent = text;
    slider.setAttribute("aria-valuetext", text);
    all("rect", part("bars")).forEach((bar, each) => bar.setAttribute("class", whole || each < place ? "past" : each === place ? "now" : ""));
    if (!state.chart || !state.option) return;
    const base = state.option.series[0].links;
    if (whole) { state.chart.setOption({ series: [{ links: base }] }); return; }
    const before = new Set(steps.slice(0, place).flatMap((step) => step.moved.map(([link]) => link)));
    const now = new Set(steps[place].moved.map(([link]) => link));
    state.chart.setOption({ animationDurationUpdate: 0, series: [{ links: base.map((link, each) => {
      const money_link = state.graph.links[each] ? tarim.links.MONEY.has(state.graph.links[each].relation) : true;
      const lineStyle = now.has(each) ? { ...link.lineStyle, color: tarim.colour("high-fill"), width: Math.max(2.5, link.lineStyle.width), opacity: 1 }
        : { ...link.lineStyle, opacity: money_link ? (before.has(each) ? 0.5 : 0.07) : 0.18 };
      return { ...link, lineStyle };
    }) }] });
    if (!still.matches) for (const link of now) travel(base[link]);
  }
  function travel(link) {
    const { data } = state.option.series[0];
    const [from, to] = [data[link.source], data[link.target]].map((node) => state.chart.convertToPixel({ seriesIndex: 0 }, [node.x, node.y]));
    if (!from || !to) return;
    const bend = link.lineStyle.curveness;
    const middle = [(from[0] + to[0]) / 2 - (from[1] - to[1]) * bend, (from[1] + to[1]) / 2 - (to[0] - from[0]) * bend];
    const coin = new echarts.graphic.Circle({ shape: { r: 5 }, style: { fill: tarim.colour("high-fill"), stroke: "#fff", lineWidth: 1.5 }, z: 20, silent: true });
    const zr = state.chart.getZr();
    zr.add(coin);
    const began = performance.now();
    const move = (now) => {
      const t = Math.min(1, (now - began) / (STEP_MS * 0.8));
      const point = [0, 1].map((axis) => (1 - t) ** 2 * from[axis] + 2 * t * (1 - t) * middle[axis] + t * t * to[axis]);
      coin.attr({ x: point[0], y: point[1] });
      if (t < 1 && canvas.isConnected) requestAnimationFrame(move);
      else zr.remove(coin);
    };
    requestAnimationFrame(move);
  }
  function stop() {
    clearInterval(state.timer);
    state.timer = 0;
    const button = part("play");
    button.setAttribute("aria-pressed", "false");
    button.replaceChildren(icon("player-play"), make("span", {}, said.play));
  }
  function play() {
    if (state.timer) { stop(); return; }
    settle();
    if (Number(slider.value) >= state.graph.steps.length) slider.value = "0";
    const button = part("play");
    button.setAttribute("aria-pressed", "true");
    button.replaceChildren(icon("player-pause"), make("span", {}, said.pause));
    moment();
    state.timer = setInterval(() => {
      slider.value = String(Number(slider.value) + 1);
      moment();
      if (Number(slider.value) >= state.graph.steps.length || !canvas.isConnected) stop();
    }, STEP_MS);
  }
  return { show, moment, stop, play };
};
