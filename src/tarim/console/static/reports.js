// Charts of a risk report.
"use strict";
tarim.start("#rp-days", async (element) => {
  const found = await tarim.read(element.dataset.url);
  const names = found.names;
  tarim.mk(element, {
    color: [tarim.colour("primary"), tarim.colour("high-fill")],
    legend: { data: [names.alerts, names.stopped] },
    grid: { left: 52, right: 60, top: 60, bottom: 28 },
    xAxis: { type: "category", data: found.days, ...tarim.axis() },
    yAxis: [
      { type: "value", name: names.alerts, minInterval: 1, ...tarim.axis() },
      { type: "value", name: names.stopped, ...tarim.axis({ splitLine: { show: false } }) },
    ],
    series: [
      { name: names.alerts, type: "bar", barMaxWidth: 22, data: found.alerts },
      { name: names.stopped, type: "line", yAxisIndex: 1, symbolSize: 6, data: found.stopped },
    ],
  });
  const scenarios = tarim.find("#rp-scenarios");
  if (!scenarios) return;
  tarim.mk(scenarios, {
    color: [tarim.colour("primary")],
    grid: { left: 8, right: 48, top: 8, bottom: 8, containLabel: true },
    xAxis: { type: "value", show: false },
    yAxis: { type: "category", data: found.scenarios.map((each) => each[0]), ...tarim.axis({ splitLine: { show: false } }) },
    series: [{ type: "bar", barMaxWidth: 14, data: found.scenarios.map((each) => each[1]),
      label: { show: true, position: "right", color: tarim.colour("dim") } }],
  });
});
