// What the scripts of a link graph share: elements and icons made by hand, and how numbers and sentences are written.
"use strict";
tarim.links.parts = (() => {
  const foreign = !document.documentElement.lang.startsWith("zh");
  const compact = new Intl.NumberFormat(foreign ? "en-US" : "zh-CN", { notation: "compact", maximumFractionDigits: 1 });
  const number = (value) => value.toLocaleString("en-US");
  const money = (fen) => (fen / 100).toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_all, name) => values[name]);
  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === false || value === undefined) continue;
      if (name === "class") element.className = value;
      else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.filter((each) => each !== "" && each !== null));
    return element;
  }
  function icon(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    svg.setAttribute("class", "rc-icon");
    svg.setAttribute("aria-hidden", "true");
    use.setAttribute("href", `${tarim.find('meta[name="icons"]').content}#${name}`);
    svg.append(use);
    return svg;
  }
  return { foreign, compact, number, money, fill, make, icon };
})();
