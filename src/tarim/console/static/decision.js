// What each feature adds to the score, as bars: red raises the risk, blue lowers it.
"use strict";
tarim.start("#decision-parts", (element) => {
  const { names, values } = JSON.parse(element.dataset.parts);
  tarim.mk(element, {
    grid: { left: 8, right: 56, top: 4, bottom: 4, containLabel: true },
    tooltip: { trigger: "item", renderMode: "richText", confine: true },
    xAxis: tarim.axis({ type: "value", axisLabel: { show: false } }),
    yAxis: tarim.axis({
      type: "category", data: names, axisLine: { show: false, onZero: false },
      axisLabel: { color: tarim.colour("ink"), fontSize: 12, width: Math.min(280, element.clientWidth * 0.42), overflow: "truncate", margin: 12 },
    }),
    series: [{
      type: "bar", barWidth: 12,
      data: values.map((value) => ({
        value, itemStyle: { color: tarim.colour(value > 0 ? "raises" : "lowers"), borderRadius: 2 },
        label: { position: value > 0 ? "right" : "left" },
      })),
      label: { show: true, color: tarim.colour("dim"), fontSize: 11, formatter: ({ value }) => (value > 0 ? "+" : "") + value.toFixed(2) },
    }],
  });
});
