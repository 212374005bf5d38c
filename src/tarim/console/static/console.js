// What every page needs: forms of this session, charts, dialogs, toasts, the menu, keys.  One global: `tarim`.
"use strict";
const tarim = (() => {
  const find = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const csrf = () => find('meta[name="csrf"]')?.content || "";

  // --- requests -------------------------------------------------------------------------------------------------
  document.addEventListener("htmx:config:request", (event) => {
    event.detail.ctx.request.headers["X-Tarim-Csrf"] = csrf();
  });
  async function read(url) {
    const answer = await fetch(url, { credentials: "same-origin", headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(`${answer.status}`);
    return answer.json();
  }
  const send = (url, body) => fetch(url, {
    method: "POST", credentials: "same-origin", headers: { "X-Tarim-Csrf": csrf(), "HX-Request": "true" }, body: new URLSearchParams(body),
  });

  // The page of an act that waited for a proof bears the address of the page it was begun on.
  const address = find('meta[name="address"]')?.content;
  if (address) history.replaceState(null, "", address);
  // Who types is at work, though nothing is sent for a while: the session is told so, or it would end as idle.
  const HERE_MS = 120_000;
  let told = Date.now();
  document.addEventListener("input", () => {
    if (!csrf() || Date.now() - told < HERE_MS) return;
    told = Date.now();
    fetch(document.body.dataset.here, { credentials: "same-origin" }).catch(() => {});
  });

  // --- instants: in the zone of the page's own texts, whatever the browser's is ------------------------------------
  let wall = null;
  const FORMS = {
    seconds: (at) => `${at.year}-${at.month}-${at.day} ${at.hour}:${at.minute}:${at.second}`,
    minutes: (at) => `${at.year}-${at.month}-${at.day} ${at.hour}:${at.minute}`,
    clock: (at) => `${at.hour}:${at.minute}:${at.second}`,
    hour: (at) => `${at.hour}:${at.minute}`,
    day_hour: (at) => `${at.month}-${at.day} ${at.hour}:${at.minute}`,
  };
  // value: milliseconds, or a Date; form: as the server's `instant`, and two short ones for axes.
  function instant(value, form = "seconds") {
    wall ||= new Intl.DateTimeFormat("en-GB", { timeZone: document.body.dataset.zone, hourCycle: "h23", year: "numeric",
      month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" });
    return FORMS[form](Object.fromEntries(wall.formatToParts(value).map((part) => [part.type, part.value])));
  }

  // --- charts ---------------------------------------------------------------------------------------------------
  const charts = new Set();
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const axis = (extra = {}) => ({
    axisLine: { lineStyle: { color: colour("line") } }, axisTick: { show: false },
    axisLabel: { color: colour("dim"), fontSize: 11 }, splitLine: { lineStyle: { color: colour("line-soft") } },
    nameTextStyle: { color: colour("dim"), fontSize: 11 }, ...extra,
  });
  function mk(element, option) {
    const chart = echarts.getInstanceByDom(element) || echarts.init(element, null, { renderer: "canvas" });
    chart.setOption({
      textStyle: { fontFamily: colour("sans"), color: colour("dim") }, animationDuration: still.matches ? 0 : 300,
      animation: !still.matches, aria: { enabled: true },
      tooltip: { renderMode: "richText", trigger: "axis", confine: true },
      ...option,
      legend: option.legend && { top: 0, right: 0, icon: "roundRect", itemWidth: 10, itemHeight: 10,
        textStyle: { color: colour("dim"), fontSize: 12 }, ...option.legend },
    }, { notMerge: true });
    element.setAttribute("role", "img");
    charts.add(chart);
    element.dataset.drawn = "true";
    return chart;
  }
  const resize = new ResizeObserver((entries) => {
    for (const entry of entries) echarts.getInstanceByDom(entry.target)?.resize();
  });
  const drawn = (element, option) => { const chart = mk(element, option); resize.observe(element); return chart; };
  document.addEventListener("htmx:after:swap", () => {
    for (const chart of charts) {
      if (!chart.getDom().isConnected) { resize.unobserve(chart.getDom()); chart.dispose(); charts.delete(chart); }
    }
  });

  // --- what is done once for each piece of page, also for those that htmx brings ---------------------------------
  const starters = [];
  function start(selector, begin) {
    starters.push([selector, begin]);
    run(selector, begin);
  }
  function run(selector, begin) {
    for (const element of all(selector)) {
      const mark = `started${selector.replace(/\W/g, "")}`;
      if (!element.dataset[mark]) { element.dataset[mark] = "true"; begin(element); }
    }
  }
  document.addEventListener("htmx:after:swap", () => starters.forEach(([selector, begin]) => run(selector, begin)));

  // --- dialogs, toasts, menu, keys --------------------------------------------------------------------------------
  function toast(text) {
    if (!text) return;
    const element = document.createElement("p");
    element.className = "rc-toast";
    element.textContent = text;
    find("#rc-toasts")?.append(element);
    setTimeout(() => element.remove(), 6000);
  }
  document.addEventListener("toast", (event) => toast(event.detail?.value ?? event.detail));
  toast(find("#rc-toasts")?.dataset.toast);

  const POPOVERS = "details.rc-me[open], details[data-popover][open]";
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-open]");
    if (opener) { document.getElementById(opener.dataset.open)?.showModal(); return; }
    const closer = event.target.closest("[data-close]");
    if (closer) { closer.closest("dialog")?.close(); return; }
    const menu = event.target.closest("[data-menu]");
    const side = find("#rc-side");
    if (menu && side) { menu.setAttribute("aria-expanded", String(side.classList.toggle("open"))); return; }
    if (side?.classList.contains("open") && !event.target.closest("#rc-side")) side.classList.remove("open");
    for (const open of all(POPOVERS)) if (!open.contains(event.target)) open.open = false;
    const copy = event.target.closest("[data-copy]");
    if (copy) navigator.clipboard?.writeText(copy.dataset.copy).then(() => toast(copy.dataset.copied));
    if (event.target.closest("[data-print]")) print();
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      const box = find("[data-search]");
      if (box) { event.preventDefault(); box.focus(); }
    }
    if (event.key === "Escape") {
      for (const open of all(POPOVERS)) { open.open = false; find("summary", open)?.focus(); }
      find("#rc-side")?.classList.remove("open");
    }
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit]")) event.target.form?.requestSubmit();
  });
  document.addEventListener("htmx:after:swap", () => {
    const notice = find("#rc-notice .rc-error");
    if (notice) { notice.scrollIntoView({ block: "nearest" }); notice.focus(); }
  });
  // --- saved views: the one whose filters stand in the address, also after htmx changed it ------------------------
  const asked = (search) => [...new URLSearchParams(search)].filter(([name, value]) => value && !["all", "cursor", "below"].includes(name))
    .map((pair) => pair.join("=")).filter((each) => !["sort=work", "window=1h"].includes(each)).sort().join("&");
  document.addEventListener("htmx:after:history:push", () => {
    for (const link of all("[data-saved]")) {
      if (asked(link.search) === asked(location.search)) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  });

  // --- search: suggestions while it is typed; sent, it looks everywhere --------------------------------------------
  start("[data-suggest]", (form) => {
    const box = find("[data-search]", form), list = find("#rc-suggested", form);
    const options = () => all("[role=option], button", list);
    let timer = 0, asked = "", chosen = -1;
    const show = (open) => { list.hidden = !open; box.setAttribute("aria-expanded", String(open)); if (!open) choose(-1); };
    function choose(at) {
      chosen = at;
      options().forEach((option, index) => {
        option.id ||= `rc-option-${index}`;
        option.setAttribute("aria-selected", String(index === at));
        if (index === at) { box.setAttribute("aria-activedescendant", option.id); option.scrollIntoView({ block: "nearest" }); }
      });
      if (at < 0) box.removeAttribute("aria-activedescendant");
    }
    async function suggest() {
      const text = box.value.trim();
      if (text === asked && !list.hidden) return;
      asked = text;
      if (text.length < 2) { show(false); return; }
      const answer = await send(form.dataset.suggest, { q: text });
      if (!answer.ok || answer.redirected || asked !== box.value.trim()) return;
      list.innerHTML = await answer.text();
      chosen = -1;
      show(list.childElementCount > 0 && document.activeElement === box);
    }
    box.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(suggest, 200); });
    box.addEventListener("focus", suggest);
    box.addEventListener("keydown", (event) => {
      const count = options().length;
      if (event.key === "Escape") { if (!list.hidden) event.preventDefault(); show(false); }
      else if (list.hidden || !count) return;
      else if (event.key === "ArrowDown") { event.preventDefault(); choose((chosen + 1) % count); }
      else if (event.key === "ArrowUp") { event.preventDefault(); choose(chosen <= 0 ? count - 1 : chosen - 1); }
      else if (event.key === "Enter" && chosen >= 0) { event.preventDefault(); options()[chosen].click(); }
    });
    form.addEventListener("focusout", (event) => { if (!form.contains(event.relatedTarget)) setTimeout(() => show(false), 150); });
  });
  return { find, all, colour, csrf, read, send, axis, instant, mk: drawn, start, toast };
})();
