import { telling } from "../../web/dom.js";

export function mount({ element, trigger, props, watch }) {
  const tell = telling(trigger);

  function mark() {
    for (const button of element.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", button.value === props.chosen);
    }
  }

  element.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) tell("select", { file: button.value });
  });
  watch(["value", "chosen"], mark);
  mark();
}
