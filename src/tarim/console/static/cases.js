// The queue's ticks, the dialog of giving many away, the causes that go with a verdict, and where the focus goes after an act.
"use strict";
(() => {
  const { find, all } = tarim;

  // --- ticks -----------------------------------------------------------------------------------------------------
  const ticks = () => all("[data-pick]");
  function count() {
    const chosen = ticks().filter((tick) => tick.checked).length;
    const shown = find("[data-picked]");
    if (shown) shown.textContent = chosen ? `(${chosen})` : "";
    const button = find("[data-bulk]");
    if (button) button.disabled = !chosen;
    const every = find("[data-pick-all]");
    if (every) {
      every.checked = chosen > 0 && chosen === ticks().length;
      every.indeterminate = chosen > 0 && chosen < ticks().length;
    }
  }
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-pick-all]")) for (const tick of ticks()) tick.checked = event.target.checked;
    if (event.target.matches("[data-pick], [data-pick-all]")) count();
  });
  tarim.start("[data-bulk]", count);

  // --- the dialog --------------------------------------------------------------------------------------------------
  document.addEventListener("htmx:after:swap", () => {
    const dialog = find("dialog#case-bulk");
    if (dialog && dialog.childElementCount && !dialog.open) dialog.showModal();
  });
  document.addEventListener("click", (event) => {
    const closer = event.target.closest("#case-bulk [data-close]");
    if (closer) { event.preventDefault(); find("dialog#case-bulk").close(); }
  });
  tarim.start("dialog#case-bulk", (dialog) => dialog.addEventListener("close", () => { dialog.replaceChildren(); }));

  // --- causes that go with the verdict -------------------------------------------------------------------------------
  function causes(form) {
    const chosen = form.querySelector("[data-verdict]:checked")?.value;
    const select = form.querySelector("[data-causes]");
    if (!select) return;
    for (const group of select.querySelectorAll("optgroup")) {
      const fits = !chosen || group.dataset.of === chosen;
      group.hidden = group.disabled = !fits;
      if (!fits && group.contains(select.selectedOptions[0])) select.value = "";
    }
  }
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-verdict]")) causes(event.target.form);
  });
  tarim.start("[data-causes]", (select) => causes(select.form));

  // --- after an act: to the trouble, or to the head of the case --------------------------------------------------------
  let acted = false;
  document.addEventListener("submit", (event) => { acted = Boolean(event.target.closest("#case")); }, true);
  document.addEventListener("htmx:after:swap", () => {
    if (!acted) return;
    acted = false;
    const goal = find("#case > [data-refused]") || find("#case [data-after]");
    goal?.focus({ preventScroll: !goal.matches("[data-refused]") });
    if (goal?.matches("[data-refused]")) goal.scrollIntoView({ block: "nearest" });
  });
})();
