// The money's way in a link graph: from an account that a person chose first to one chosen after it, hop by hop in time.
"use strict";
tarim.links.way = ({ card, state, view, said, part, at, query, ask, load, draw, leave }) => {
  const { make, icon, money, fill } = tarim.links.parts;
  const way = part("way");
  function clear() {
    [view.way, view.wayLinks, state.start] = [[], new Set(), null];
    way.hidden = true;
  }
  const closeWay = () => make("button", { type: "button", class: "rc-link", "aria-label": said.close, onclick: () => { clear(); draw(); } }, icon("x"));
  function tell(...children) {
    way.replaceChildren(icon("route"), ...children, closeWay());
    way.hidden = false;
  }
  function depart(node) {
    clear();
    state.start = node;
    tell(make("span", {}, fill(said.pick, { label: node.label })));
    leave();
  }
  async function arrive(node) {
    const start = state.start;
    const between = (from, to) => {
      const asked = query();
      asked.set("entity", from);
      asked.set("to", to);
      return ask(`${card.dataset.path}?${asked}`);
    };
    try {
      let found = await between(start.id, node.id);
      let backward = false;
      if (!found.hops.length && found.exhausted) {
        const other = await between(node.id, start.id);
        if (other.hops.length) [found, backward] = [other, true];
      }
      if (!found.hops.length) { tell(make("b", {}, found.exhausted ? said.noway : said.limit)); return; }
      view.way = [found.hops[0].payer, ...found.hops.map((hop) => hop.payee)];
      view.wayLinks = new Set(found.hops.map((hop) => `${hop.payer} ${hop.payee}`));
      view.way.forEach((id) => state.kept.add(id));
      tell(make("b", {}, `${said.path} · ${fill(said.steps, { count: found.hops.length })}`), backward ? make("span", {}, said.backward) : "",
        make("ol", {}, make("li", { class: "rc-mono" }, found.hops[0].payer_label),
          ...found.hops.map((hop) => make("li", {}, make("span", {}, `${at(hop.at)} · ${money(hop.amount_fen)} ${said.yuan}`), icon("arrow-right"), make("b", { class: "rc-mono" }, hop.payee_label)))));
      load();
    } catch (error) { tell(make("b", {}, error.message)); }
  }
  return { clear, depart, arrive };
};
