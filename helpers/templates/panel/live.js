// The onload of a live panel's style element, so `this` is that element. It adds what ipywidgets 8.1
// leaves out: names of sliders, and keys that stay with the control. See its issue 3912.
const panel = this.closest(".tbn-live");
const announced = panel.querySelector(".tbn-announced");
const mend = () => {
  for (const slider of panel.querySelectorAll(".widget-slider")) {
    const label = slider.querySelector("label").textContent;
    const handles = slider.querySelectorAll(".noUi-handle");
    handles.forEach((handle, index) => {
      const end = handles.length > 1 ? [", from", ", to"][index] : "";
      handle.setAttribute("aria-label", label + end);
    });
    const number = slider.querySelector(".widget-readout");
    number.setAttribute("role", "textbox");
    number.setAttribute("aria-label", label + ", to be typed");
  }
  // JupyterLab would take arrows and letters for its own: move to another cell, delete this one.
  for (const control of panel.querySelectorAll("select, .noUi-handle")) {
    control.setAttribute("data-lm-suppress-shortcuts", "true");
  }
  // A screen reader announces new words in an old place. The summary is a new place each time.
  const summary = panel.querySelector(".tbn-summary")?.textContent ?? "";
  if (announced.textContent !== summary) announced.textContent = summary;
};
mend();
new MutationObserver(mend).observe(panel, { childList: true, subtree: true });
