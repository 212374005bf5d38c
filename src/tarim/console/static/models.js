// Charts of models.  The numbers come from the page's `data-charts` address; a chart without numbers is not drawn.
"use strict";
(() => {
  const blue = tarim.colour("primary"), orange = tarim.colour("high-fill"), grey = "#98a2b3", red = tarim.colour("raises");
  const share = (value, digits = 0) => `${(value * 100).toFixed(digits)}%`;
  const grid = (extra = {}) => ({ left: 52, right: 18, top: 34, bottom: 44, ...extra });
  const ratio = (name, extra = {}) => tarim.axis({
    type: "value", min: 0, max: 1, name, nameLocation: "middle", nameGap: 30,
    axisLabel: { color: tarim.colour("dim"), fontSize: 11, formatter: (value) => share(value) }, ...extra,
  });
  const line = (name, data, colour, extra = {}) => ({
    type: "line", name, data, showSymbol: false, color: colour, lineStyle: { width: 2, color: colour }, ...extra,
  });
  const diagonal = { type: "line", data: [[0, 0], [1, 1]], showSymbol: false, silent: true, tooltip: { show: false },
    color: grey, lineStyle: { type: "dotted", width: 1.5, color: grey } };
  const points = (words, x, y) => ({ trigger: "item", renderMode: "richText", confine: true,
    formatter: (at) => `${at.seriesName}\n${x} ${share(at.value[0], 2)}\n${y} ${share(at.value[1], 2)}` });
  const styles = [{ colour: blue, line: "solid" }, { colour: orange, line: "dashed" }];

  // --- curves of one model ----------------------------------------------------------------------------------------
  const charts = {
    roc(element, { curves: { words, roc } }) {
      return tarim.mk(element, { grid: grid(), tooltip: points(words, words.false_alarms, words.recall),
        xAxis: ratio(words.false_alarms), yAxis: ratio(words.recall, { nameGap: 36 }),
        series: [{ ...diagonal, name: words.chance }, line(words.model, roc, blue, { areaStyle: { color: blue, opacity: 0.06 } })] });
    },
    ks(element, { curves: { words, ks } }) {
      return tarim.mk(element, { grid: grid(), legend: { data: [words.frauds, words.genuine], left: 46 },
        tooltip: points(words, words.share, words.reached),
        xAxis: ratio(words.share), yAxis: ratio(words.reached, { nameGap: 36 }),
        series: [{ ...diagonal, name: words.chance }, line(words.frauds, ks.frauds, red), line(words.genuine, ks.genuine, blue, {
          markLine: { symbol: ["none", "none"], silent: true, lineStyle: { color: tarim.colour("ink"), width: 1.6, type: "solid" },
            label: { show: true, position: "middle", rotate: 0, align: "left", distance: 8, offset: [8, 0], fontWeight: 600,
              color: tarim.colour("ink"), formatter: `KS ${ks.gap.toFixed(3)}` },
            data: [[{ coord: [ks.at, ks.low] }, { coord: [ks.at, ks.high] }]] },
        })] });
    },
    precision(element, { curves: { words, precision, base } }) {
      return tarim.mk(element, { grid: grid(), tooltip: points(words, words.recall, words.precision),
        xAxis: ratio(words.recall), yAxis: ratio(words.precision, { nameGap: 36 }),
        series: [line(words.model, precision, blue, { markLine: { symbol: "none", silent: true,
          lineStyle: { color: grey, type: "dotted" }, label: { position: "insideEndTop", color: tarim.colour("dim"),
            formatter: `${words.base} ${share(base, 2)}` }, data: [{ yAxis: base }] } })] });
    },
    calibration(element, { curves: { words, calibration } }) {
      const shown = calibration.filter(([predicted, found]) => predicted > 0 && found > 0);
      const low = Math.max(1e-6, Math.min(...shown.map(([predicted, found]) => Math.min(predicted, found))) / 2);
      const floor = 10 ** Math.floor(Math.log10(low));
      const log = (name, extra = {}) => tarim.axis({ type: "log", min: floor, max: 1, name, nameLocation: "middle", nameGap: 30,
        axisLabel: { color: tarim.colour("dim"), fontSize: 11, formatter: (value) => `${+(value * 100).toPrecision(3)}%` }, ...extra });
      const whiskers = shown.map(([predicted, , lowest, highest]) =>
        [{ coord: [predicted, Math.max(floor, lowest)] }, { coord: [predicted, highest] }]);
      return tarim.mk(element, { grid: grid({ left: 60 }), legend: { data: [words.model, words.perfect], left: 52 },
        tooltip: { trigger: "item", renderMode: "richText", confine: true, formatter: (at) => at.value.length < 5 ? words.perfect
          : `${words.predicted} ${share(at.value[0], 2)}\n${words.found} ${share(at.value[1], 2)}\n${words.interval} `
          + `${share(at.value[2], 2)} – ${share(at.value[3], 2)}` },
        xAxis: log(words.predicted), yAxis: log(words.found, { nameGap: 44 }),
        series: [{ type: "line", name: words.perfect, data: [[floor, floor], [1, 1]], showSymbol: false, silent: true, color: grey,
          lineStyle: { type: "dotted", width: 1.5, color: grey } },
        { type: "line", name: words.model, data: shown, color: blue, symbolSize: 7, lineStyle: { width: 1.6, color: blue },
          markLine: { symbol: "none", silent: true, label: { show: false }, lineStyle: { type: "solid", color: blue, width: 1 },
            data: whiskers } }] });
    },
    lift(element, { curves: { words, lift } }) {
      return tarim.mk(element, { grid: grid({ top: 20 }),
        tooltip: { trigger: "axis", renderMode: "richText", confine: true, formatter: ([at]) =>
          `${words.share} ${share(at.value[0], 2)}\n${words.lift} ${at.value[1].toFixed(1)}` },
        xAxis: tarim.axis({ type: "log", min: Math.max(1e-4, lift[0][0]), max: 1, name: words.share, nameLocation: "middle", nameGap: 28,
          axisLabel: { color: tarim.colour("dim"), fontSize: 11, formatter: (value) => `${+(value * 100).toPrecision(2)}%` } }),
        yAxis: tarim.axis({ type: "value", min: 0, name: words.lift, nameLocation: "middle", nameGap: 36 }),
        series: [line(words.model, lift, blue, { markLine: { symbol: "none", silent: true, label: { show: false },
          lineStyle: { color: grey, type: "dotted" }, data: [{ yAxis: 1 }] } })] });
    },
    threshold: drawThreshold,
    importance(element, { importance: { words, names, gain, permutation } }) {
      const cut = (name) => (name.length > 26 ? `${name.slice(0, 25)}…` : name);
      return tarim.mk(element, { grid: grid({ left: 176, top: 12, bottom: 34 }),
        tooltip: { trigger: "axis", axisPointer: { type: "shadow" }, renderMode: "richText", confine: true, formatter: ([at]) =>
          `${names[at.dataIndex]}\n${words.gain} ${share(at.value, 1)}\n${words.permutation} `
          + `${permutation[at.dataIndex] === null ? words.none : permutation[at.dataIndex].toFixed(4)}` },
        xAxis: tarim.axis({ type: "value", name: words.gain, nameLocation: "middle", nameGap: 24,
          axisLabel: { color: tarim.colour("dim"), fontSize: 11, formatter: (value) => share(value) } }),
        yAxis: tarim.axis({ type: "category", inverse: true, data: names, splitLine: { show: false },
          axisLabel: { color: tarim.colour("dim"), fontSize: 11, interval: 0, formatter: cut } }),
        series: [{ type: "bar", name: words.gain, data: gain, color: blue, barMaxWidth: 14 }] });
    },
    feature_psi(element, { stability: { words, lines, features } }) {
      const cut = (name) => (name.length > 26 ? `${name.slice(0, 25)}…` : name);
      return tarim.mk(element, { grid: grid({ left: 176, top: 28, bottom: 34 }),
        tooltip: { trigger: "axis", axisPointer: { type: "shadow" }, renderMode: "richText", confine: true, formatter: ([at]) =>
          `${features.names[at.dataIndex]}\n${words.psi} ${at.value.toFixed ? at.value.toFixed(3) : at.value}\n`
          + `${words.period} ${features.periods[at.dataIndex]}` },
        xAxis: tarim.axis({ type: "value", min: 0, max: (range) => Math.max(0.3, range.max), name: words.psi, nameLocation: "middle", nameGap: 24 }),
        yAxis: tarim.axis({ type: "category", inverse: true, data: features.names, splitLine: { show: false },
          axisLabel: { color: tarim.colour("dim"), fontSize: 11, interval: 0, formatter: cut } }),
        series: [psiBars(words, features.psi, lines, "xAxis")] });
    },
    score_psi(element, { stability: { words, lines, score } }) {
      return tarim.mk(element, { grid: grid({ top: 24, bottom: 28, right: 110 }),
        tooltip: { trigger: "axis", axisPointer: { type: "shadow" }, renderMode: "richText", confine: true },
        xAxis: tarim.axis({ type: "category", data: score.periods }),
        yAxis: tarim.axis({ type: "value", min: 0, max: (range) => Math.max(0.3, range.max), name: words.psi }),
        series: [psiBars(words, score.psi, lines, "yAxis")] });
    },
    compare_roc(element, { curves: { words, series } }) {
      return overlay(element, series, "roc", words.false_alarms, words.recall, words, true);
    },
    compare_precision(element, { curves: { words, series } }) {
      return overlay(element, series, "precision", words.recall, words.precision, words, false);
    },
    live(element, { live: { words, periods, series } }) {
      return tarim.mk(element, { grid: grid({ bottom: 28 }), legend: { data: series.map((each) => each.name) },
        tooltip: { trigger: "axis", renderMode: "richText", confine: true },
        xAxis: tarim.axis({ type: "category", data: periods }), yAxis: ratio(words.ap, { nameGap: 36 }),
        series: series.map((each, place) => line(each.name, each.ap, styles[place].colour, { showSymbol: true, connectNulls: true,
          lineStyle: { width: 2, type: styles[place].line, color: styles[place].colour } })) });
    },
  };

  function psiBars(words, values, lines, axis) {
    const data = values.map((value) => ({ value, itemStyle: { color: value >= lines[1] ? tarim.colour("critical-fill")
      : value >= lines[0] ? tarim.colour("medium-fill") : tarim.colour("low-fill") } }));
    const label = (text) => ({ formatter: text, color: tarim.colour("dim"), fontSize: 11, position: axis === "xAxis" ? "start" : "end" });
    return { type: "bar", name: words.psi, data, barMaxWidth: axis === "xAxis" ? 14 : 34, markLine: { symbol: "none", silent: true,
      data: [{ [axis]: lines[0], lineStyle: { color: tarim.colour("medium-fill"), type: "dashed" }, label: label(words.moderate) },
        { [axis]: lines[1], lineStyle: { color: tarim.colour("critical-fill"), type: "dashed" }, label: label(words.large) }] } };
  }

  function overlay(element, series, key, x, y, words, chance) {
    return tarim.mk(element, { grid: grid(), legend: { data: series.map((each) => each.name), left: 46 }, tooltip: points(words, x, y),
      xAxis: ratio(x), yAxis: ratio(y, { nameGap: 36 }),
      series: [...(chance ? [{ ...diagonal, name: words.chance }] : []), ...series.map((each, place) => line(each.name, each[key],
        styles[place].colour, { lineStyle: { width: 2, type: styles[place].line, color: styles[place].colour } }))] });
  }

  // --- the threshold: a line that is dragged, a slider for the keyboard, counts beside them ------------------------------
  function drawThreshold(element, { curves: { words, thresholds } }, scope) {
    const { score, alerts, caught, fen, rows, frauds, days } = thresholds;
    const slider = scope.querySelector("[data-slider]");
    const counts = Object.fromEntries(tarim.all("[data-count]", scope).map((each) => [each.dataset.count, each]));
    const known = score.map((value, place) => [value, place]).filter(([value]) => value > 0);
    const floor = 10 ** Math.floor(Math.log10(known[known.length - 1][0]));
    const recall = known.map(([value, place]) => [value, caught[place] / frauds]);
    const precision = known.map(([value, place]) => [value, caught[place] / alerts[place]]);
    const chart = tarim.mk(element, { grid: grid({ top: 30 }), legend: { data: [words.recall, words.precision] }, animation: false,
      tooltip: { show: false },
      xAxis: tarim.axis({ type: "log", min: Math.max(1e-6, floor), max: 1, name: words.score, nameLocation: "middle", nameGap: 28 }),
      yAxis: ratio("", { interval: 0.25 }),
      series: [line(words.recall, recall, red), line(words.precision, precision, blue)] });
    const number = new Intl.NumberFormat(document.documentElement.lang);
    slider.max = String(known.length - 1);
    slider.step = "1";
    // The slider runs from the lowest threshold on the left to the highest on the right, as the chart does.
    const placeOf = (value) => known[known.length - 1 - value][1];
    function show(value) {
      const place = placeOf(value);
      const missed = alerts[place] - caught[place];
      chart.setOption({ series: [{ markLine: { symbol: "none", animation: false, lineStyle: { color: tarim.colour("ink"), width: 2, type: "solid" },
        label: { formatter: score[place].toPrecision(3), color: tarim.colour("ink"), fontWeight: 600 }, data: [[{ coord: [score[place], 0] }, { coord: [score[place], 1] }]] } }, {}] });  // `xAxis:` draws nothing on a log axis
      const texts = { score: score[place].toPrecision(3), per_day: number.format(+(alerts[place] / days).toFixed(1)),
        caught: `${number.format(caught[place])} / ${number.format(frauds)}`, false: number.format(missed),
        precision: share(caught[place] / alerts[place], 1), recall: share(caught[place] / frauds, 1),
        money: thresholds.fen_of_all ? share(fen[place] / thresholds.fen_of_all, 1) : words.none };
      for (const [name, text] of Object.entries(texts)) counts[name].textContent = text;
      slider.setAttribute("aria-valuetext", `${words.threshold} ${texts.score}; ${words.recall} ${texts.recall}; ${words.precision} ${texts.precision}`);
    }
    const nearest = (wanted) => {
      let best = 0;
      for (let value = 0; value < known.length; value += 1) {
        const gap = Math.abs(Math.log(score[placeOf(value)]) - Math.log(wanted));
        if (gap < Math.abs(Math.log(score[placeOf(best)]) - Math.log(wanted))) best = value;
      }
      return best;
    };
    const choose = (value) => { slider.value = String(value); show(Number(slider.value)); };
    let dragging = false;
    const follow = (event) => {
      const [wanted] = chart.convertFromPixel({ gridIndex: 0 }, [event.offsetX, event.offsetY]);
      if (wanted > 0) choose(nearest(wanted));
    };
    chart.getZr().on("mousedown", (event) => { dragging = true; follow(event); });
    chart.getZr().on("mousemove", (event) => { if (dragging) follow(event); });
    addEventListener("mouseup", () => { dragging = false; });
    slider.addEventListener("input", () => show(Number(slider.value)));
    choose(nearest(Math.max(thresholds.chosen, floor)));
    return chart;
  }

  tarim.start("[data-charts]", async (scope) => {
    const data = await tarim.read(scope.dataset.charts);
    for (const element of tarim.all("[data-chart]", scope)) {
      const draw = charts[element.dataset.chart];
      const part = { threshold: "curves", roc: "curves", ks: "curves", precision: "curves", calibration: "curves", lift: "curves",
        importance: "importance", feature_psi: "stability", score_psi: "stability", compare_roc: "curves",
        compare_precision: "curves", live: "live" }[element.dataset.chart];
      if (data[part]) draw(element, data, scope);
    }
  });

  tarim.start("[data-bins]", (element) => {
    const data = JSON.parse(element.parentElement.querySelector("template[data-json]").content.textContent);
    const { words } = data;
    tarim.mk(element, { grid: { left: 44, right: 10, top: 26, bottom: 22 }, legend: { data: [words.expected, words.actual] },
      tooltip: { trigger: "axis", axisPointer: { type: "shadow" }, renderMode: "richText", confine: true, valueFormatter: (value) => share(value, 1) },
      xAxis: tarim.axis({ type: "category", data: data.actual.map((_value, place) => (place ? String(place) : words.missing)) }),
      yAxis: tarim.axis({ type: "value", axisLabel: { color: tarim.colour("dim"), fontSize: 11, formatter: (value) => share(value) } }),
      series: [{ type: "bar", name: words.expected, data: data.expected, color: "#b6c0d0" },
        { type: "bar", name: words.actual, data: data.actual, color: orange }] });
  });

  tarim.start("[data-acts]", (form) => {
    const settle = () => {
      const chosen = form.querySelector("input[name=act]:checked")?.value;
      for (const part of tarim.all("[data-when]", form)) part.hidden = part.dataset.when !== chosen;
    };
    form.addEventListener("change", settle);
    settle();
  });
})();
