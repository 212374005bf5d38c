// How a link graph looks: nodes as discs with the icon of what they are, rings for what is known of them, edges as wide as their
// money.  `tarim.links.option(graph, view)` is all that `graph.js` asks for; nothing here keeps state but drawn symbols.
"use strict";
tarim.links = (() => {
  const FILLS = { customer: "#22375f", account: "#1d5bd6", device: "#7a5af8", address: "#0b8a80", merchant: "#667085" };
  const RINGS = { convicted: "#b42318", stopped: "#e8720c", checked: "#d9a21b", calm: "" };
  const GROUPS = ["#1d5bd6", "#0b8a80", "#7a5af8", "#c2410c", "#be185d", "#4d7c0f", "#0e7490", "#6d28d9"];
  const MONEY = new Set(["pays", "buys"]);
  const SIZE = 128;
  const drawn = new Map();
  let outlines = null;

  async function icons() {
    if (outlines) return outlines;
    const text = await (await fetch(tarim.find('meta[name="icons"]').content)).text();
    const sprite = new DOMParser().parseFromString(text, "image/svg+xml");
    outlines = new Map([...sprite.querySelectorAll("symbol")].map((symbol) =>
      [symbol.id, [...symbol.querySelectorAll("path")].map((path) => path.getAttribute("d"))]));
    return outlines;
  }

  function paint(key, work) {
    if (!drawn.has(key)) {
      const canvas = document.createElement("canvas");
      canvas.width = canvas.height = SIZE;
      const pen = canvas.getContext("2d");
      pen.translate(SIZE / 2, SIZE / 2);
      work(pen);
      drawn.set(key, `image://${canvas.toDataURL()}`);
    }
    return drawn.get(key);
  }
  const disc = (pen, radius, fill) => { pen.beginPath(); pen.arc(0, 0, radius, 0, 2 * Math.PI); pen.fillStyle = fill; pen.fill(); };

  function symbol(icon, fill, ring, subject) {
    return paint(`${icon} ${fill} ${ring} ${subject}`, (pen) => {
      if (subject) disc(pen, 63, "#1d5bd633");
      const outer = subject ? 53 : 61;
      if (ring) { disc(pen, outer, ring); disc(pen, outer - 8, "#fff"); }
      else disc(pen, outer, "#fff");
      const inner = ring ? outer - 11 : outer - 3;
      disc(pen, inner, fill);
      const scale = inner * 1.16 / 24;
      pen.save();
      pen.scale(scale, scale);
      pen.translate(-12, -12);
      pen.strokeStyle = "#fff";
      pen.lineWidth = 1.9;
      pen.lineCap = pen.lineJoin = "round";
      for (const path of outlines.get(icon) || []) pen.stroke(new Path2D(path));
      pen.restore();
      if (ring === RINGS.convicted) {
        pen.translate(42, -42);
        disc(pen, 21, "#fff");
        disc(pen, 17, ring);
        pen.fillStyle = "#fff";
        pen.fillRect(-3, -10, 6, 12);
        pen.fillRect(-3, 5, 6, 6);
      }
    });
  }
  function crowdSymbol(size, fill) {
    const text = size > 999 ? `${Math.round(size / 1000)}k` : `+${size}`;
    return paint(`crowd ${text} ${fill}`, (pen) => {
      disc(pen, 60, "#fff");
      pen.setLineDash([13, 9]);
      pen.lineWidth = 6;
      pen.strokeStyle = fill;
      pen.beginPath();
      pen.arc(0, 0, 56, 0, 2 * Math.PI);
      pen.stroke();
      pen.fillStyle = fill;
      pen.font = `600 ${text.length > 3 ? 34 : 42}px ${tarim.colour("sans")}`;
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      pen.fillText(text, 0, 2);
    });
  }

  const brief = (label) => label.replace(/^\*+(?=.)/, "…");

  function ringOf(node) {
    if (node.convicted) return "convicted";
    if (node.worst === "block" || node.worst === "suspend") return "stopped";
    return node.worst === "pass" ? "calm" : "checked";
  }
  const fillOf = (node, view) => view.colour === "community"
    ? (node.community < 0 ? "#98a2b3" : GROUPS[node.community % GROUPS.length]) : FILLS[node.kind];

  // Places of the server, fitted into the picture; drawn out a little where the picture is wider than the graph.
  function placed(graph, width, height) {
    const all = [...graph.nodes, ...graph.crowds];
    const [xs, ys] = [all.map((each) => each.x), all.map((each) => each.y)];
    const low = [Math.min(...xs), Math.min(...ys)];
    const span = [Math.max(...xs) - low[0] || 1e-6, Math.max(...ys) - low[1] || 1e-6];
    const room = [width - 150, height - 90];
    const scale = Math.min(room[0] / span[0], room[1] / span[1]);
    const stretch = [0, 1].map((axis) => Math.min(room[axis] / span[axis], scale * 1.9, all.length < 8 ? 170 : Infinity));
    return all.map((each) => [
      width / 2 + (each.x - low[0] - span[0] / 2) * stretch[0],
      height / 2 - (each.y - low[1] - span[1] / 2) * stretch[1],
    ]);
  }

  // The same places, with discs that would overlap pushed apart; the subject stays, and so does the room for its label.
  function apart(discs, radii) {
    const [x, y] = discs[0];
    const places = [[x, y], [x - 14, y + radii[0] / 2 + 9], [x + 14, y + radii[0] / 2 + 9], ...discs.slice(1)];
    const sizes = [radii[0], 18, 18, ...radii.slice(1)];
    for (let round = 0; round < 40; round += 1) {
      let moved = false;
      for (let a = 0; a < places.length; a += 1) {
        for (let b = a + 1; b < places.length; b += 1) {
          if (b < 3) continue;
          const gap = (sizes[a] + sizes[b]) / 2 + 6;
          const [dx, dy] = [places[b][0] - places[a][0], places[b][1] - places[a][1]];
          const distance = Math.hypot(dx, dy) || 1e-6;
          if (distance >= gap) continue;
          const push = (gap - distance) / distance * (a < 3 ? 1 : 0.5);
          if (a > 2) { places[a][0] -= dx * push; places[a][1] -= dy * push; }
          places[b][0] += dx * push;
          places[b][1] += dy * push;
          moved = true;
        }
      }
      if (!moved) break;
    }
    return [places[0], ...places.slice(3)];
  }

  function weight(amounts) {
    const most = Math.log1p(Math.max(1, ...amounts));
    return (fen) => Math.log1p(Math.max(0, fen)) / most;
  }

  function option(graph, view) {
    const { words, money, short, width, height } = view;
    const share = weight(graph.links.map((link) => link.sums.amount_fen));
    const busy = weight(graph.nodes.map((node) => Math.max(node.in_fen + node.out_fen, 100 * node.events)));
    const many = graph.nodes.length + graph.crowds.length;
    const base = many > 110 ? 15 : many > 50 ? 19 : 24;
    const inPath = new Set(view.way);
    const sizeOf = (node, place) => place === 0 ? base * 3
      : base * (1 + 0.75 * busy(Math.max(node.in_fen + node.out_fen, 100 * node.events))) + (RINGS[ringOf(node)] ? 5 : 0);
    const sizes = [...graph.nodes.map(sizeOf), ...graph.crowds.map(() => base * 1.9)];
    const places = apart(placed(graph, width, height), sizes);
    const nodes = graph.nodes.map((node, place) => {
      const subject = place === 0;
      const ring = ringOf(node);
      const size = sizes[place];
      const telling = subject || node.convicted || node.expanded || inPath.has(node.id) || view.selected === node.id;
      return {
        id: node.id, name: brief(node.label), value: place, x: places[place][0], y: places[place][1], symbolSize: size,
        symbol: symbol(words.icons[node.kind], fillOf(node, view), RINGS[ring], subject),
        itemStyle: { opacity: view.hidden.has(node.kind) ? 0.08 : 1 },
        rank: (subject ? 4e6 : 0) + (telling ? 2e6 : 0) + (RINGS[ring] ? 1e6 : 0) + size * 1e3, faint: view.hidden.has(node.kind),
        label: { fontWeight: telling ? 600 : 400, fontSize: subject ? 13 : 11, color: tarim.colour(telling ? "ink" : "dim") },
      };
    });
    const crowds = graph.crowds.map((crowd, at) => {
      const way = `${crowd.relation}-${crowd.outward ? "out" : "in"}`;
      const place = graph.nodes.length + at;
      const text = words.crowds[way].replace("{count}", crowd.size.toLocaleString("en-US"));
      return {
        id: `crowd-${at}`, name: text, value: place, x: places[place][0], y: places[place][1], symbolSize: sizes[place],
        symbol: crowdSymbol(crowd.size, FILLS[crowd.kind]),
        itemStyle: { opacity: view.hidden.has(crowd.kind) ? 0.08 : 1 },
        rank: 3e6, faint: view.hidden.has(crowd.kind),
        label: { fontWeight: 500, fontSize: 11, color: tarim.colour("ink"), formatter: crowd.sums.amount_fen ? `${text}\n${short(crowd.sums.amount_fen)}` : text },
      };
    });
    const kindOf = (place) => place < graph.nodes.length ? graph.nodes[place].kind : graph.crowds[place - graph.nodes.length].kind;
    const edge = (source, target, each, opposite) => {
      const cash = MONEY.has(each.relation);
      const blocked = cash && each.sums.stopped_fen && each.sums.stopped_fen === each.sums.amount_fen;
      const onWay = view.wayLinks.has(`${graph.nodes[source]?.id} ${graph.nodes[target]?.id}`) && each.relation === "pays";
      const faint = view.hidden.has(kindOf(source)) || view.hidden.has(kindOf(target));
      return {
        source, target, value: each.sums.amount_fen, ignoreForceLayout: true,
        symbol: cash ? ["none", "arrow"] : ["none", "none"], symbolSize: [0, 5 + 5 * share(each.sums.amount_fen)],
        lineStyle: {
          width: onWay ? 4 : cash ? 0.8 + 4.6 * share(each.sums.amount_fen) ** 2 : 1,
          color: onWay ? tarim.colour("primary") : blocked ? RINGS.convicted : cash ? "#7f92b2" : "#c3ccda",
          type: blocked ? "dashed" : cash ? "solid" : [2, 3], opacity: faint ? 0.05 : onWay ? 1 : cash ? 0.6 : 0.9,
          curveness: opposite ? 0.18 : 0,
        },
      };
    };
    const paired = new Set(graph.links.map((link) => `${link.source} ${link.target}`));
    const links = graph.links.map((link) => edge(link.source, link.target, link, paired.has(`${link.target} ${link.source}`)));
    graph.crowds.forEach((crowd, at) => {
      const place = graph.nodes.length + at;
      links.push(crowd.outward ? edge(crowd.of, place, crowd) : edge(place, crowd.of, crowd));
    });
    return {
      animationDurationUpdate: 500, animationEasingUpdate: "cubicInOut",
      tooltip: { trigger: "item", renderMode: "richText", confine: true, backgroundColor: "#fff", borderColor: tarim.colour("line"), padding: [10, 12],
        textStyle: { color: tarim.colour("ink"), fontSize: 12, rich: { t: { fontWeight: 600, fontSize: 13, lineHeight: 22 }, k: { color: tarim.colour("dim"), lineHeight: 19 }, v: { fontWeight: 500, lineHeight: 19 } } },
        formatter: (item) => item.dataType === "edge" ? tipOfLink(graph, item.dataIndex, words, money) : tipOfNode(graph, item.data.value, words, money) },
      series: [{
        type: "graph", layout: "none", roam: true, draggable: false, left: 0, top: 0, width: "100%", height: "100%",
        scaleLimit: { min: 0.4, max: 6 }, data: labelled([...nodes, ...crowds], 1).concat(corners(width, height)), links,
        label: { distance: 3, formatter: "{b}", textBorderColor: "#fbfcfe", textBorderWidth: 3, fontFamily: tarim.colour("sans") },
        emphasis: { focus: "adjacency", label: { show: true }, lineStyle: { opacity: 1 } },
        blur: { itemStyle: { opacity: 0.12 }, lineStyle: { opacity: 0.05 }, label: { opacity: 0.15 } },
      }],
    };
  }
  // The same nodes with their labels where there is room for them at this zoom: below, else beside, else above, else none; the
  // most telling are placed first, and the subject always has its own.  A label that is not shown comes when its node is pointed at.
  const ruler = document.createElement("canvas").getContext("2d");
  const SIDES = [["bottom", 0, 1], ["right", 1, 0], ["left", -1, 0], ["top", 0, -1]];
  function labelled(nodes, zoom) {
    const taken = nodes.filter((node) => !node.faint).map((node) => {
      const half = node.symbolSize / 2 - 1;
      return [node.x * zoom - half, node.y * zoom - half, node.x * zoom + half, node.y * zoom + half];
    });
    const free = (box) => taken.every((each) => box[2] <= each[0] || box[0] >= each[2] || box[3] <= each[1] || box[1] >= each[3]);
    const sides = new Map();
    for (const node of nodes.filter((each) => !each.faint).sort((a, b) => b.rank - a.rank)) {
      const lines = (node.label.formatter || node.name).split("\n");
      ruler.font = `${node.label.fontWeight} ${node.label.fontSize}px ${tarim.colour("sans")}`;
      const wide = Math.max(...lines.map((line) => ruler.measureText(line).width)) + 2;
      const high = lines.length * (node.label.fontSize + 2);
      for (const [side, right, down] of SIDES) {
        const [x, y] = [node.x * zoom + right * (node.symbolSize / 2 + 3 + wide / 2), node.y * zoom + down * (node.symbolSize / 2 + 3 + high / 2)];
        const box = [x - wide / 2, y - high / 2, x + wide / 2, y + high / 2];
        if (free(box)) { taken.push(box); sides.set(node.id, side); break; }
      }
      if (node.rank >= 4e6 && !sides.has(node.id)) sides.set(node.id, "bottom");
    }
    return nodes.map((node) => ({ ...node, label: { ...node.label, show: sides.has(node.id), position: sides.get(node.id) || "bottom" } }));
  }
  // Two points that are not seen keep the picture's frame where it is, whatever the nodes are.
  const corners = (width, height) => [[0, 0], [width, height]].map(([x, y], at) => ({
    id: `corner-${at}`, name: "", x, y, symbolSize: 0, label: { show: false }, tooltip: { show: false }, silent: true,
  }));

  const rows = (head, pairs) => [`{t|${head}}`, ...pairs.filter(([, value]) => value !== "").map(([key, value]) => `{k|${key}}  {v|${value}}`)].join("\n");
  function tipOfNode(graph, place, words, money) {
    if (place === undefined) return "";
    const said = words.said;
    if (place >= graph.nodes.length) {
      const crowd = graph.crowds[place - graph.nodes.length];
      const head = words.crowds[`${crowd.relation}-${crowd.outward ? "out" : "in"}`].replace("{count}", crowd.size.toLocaleString("en-US"));
      return rows(head, [[said.count, crowd.sums.count.toLocaleString("en-US")], [said.amount, crowd.sums.amount_fen ? money(crowd.sums.amount_fen) : ""],
        [words.rings.convicted, crowd.convicted || ""], [said.worst, words.outcomes[crowd.sums.worst]]]);
    }
    const node = graph.nodes[place];
    return rows(`${words.kinds[node.kind]} ${node.label}`, [
      ["", node.convicted ? words.rings.convicted : ""], [said.events, node.events.toLocaleString("en-US")],
      [said.in, node.in_fen ? money(node.in_fen) : ""], [said.out, node.out_fen ? money(node.out_fen) : ""],
      [said.worst, words.outcomes[node.worst]], [said.risk, node.risk === null ? "" : node.risk.toFixed(3)],
    ]);
  }
  function tipOfLink(graph, at, words, money) {
    const link = graph.links[at];
    if (!link) return tipOfNode(graph, graph.nodes.length + at - graph.links.length, words, money);
    const [source, target] = [graph.nodes[link.source], graph.nodes[link.target]];
    return rows(`${source.label} → ${target.label}`, [
      [words.relations[link.relation], `${link.sums.count.toLocaleString("en-US")} ${words.said.times}`],
      [words.said.amount, MONEY.has(link.relation) ? money(link.sums.amount_fen) : ""],
      [words.said.stopped, link.sums.stopped_fen ? money(link.sums.stopped_fen) : ""], [words.said.worst, words.outcomes[link.sums.worst]],
    ]);
  }
  return { icons, option, labelled, ringOf, GROUPS, MONEY };
})();
