// Pages of lists: kinds that leave no choice of what they hold, and removal that needs a tick.
"use strict";
(() => {
  tarim.start("[data-kind]", (kind) => {
    const form = kind.form;
    const field = form.querySelector("[data-field]");
    const own = form.querySelector("[data-own]");
    const settle = () => {
      const fixed = kind.selectedOptions[0].dataset.fixed;
      if (fixed) field.value = fixed;
      field.disabled = Boolean(fixed);
      own.disabled = Boolean(fixed);
      if (fixed) own.checked = kind.value !== "suspect_addresses";
    };
    kind.addEventListener("change", settle);
    settle();
  });
  tarim.start("[data-needs-tick]", (bar) => {
    const form = bar.closest("form");
    const settle = () => { bar.hidden = !form.querySelector("input[name=entry]:checked"); };
    form.addEventListener("change", settle);
    settle();
  });
})();
