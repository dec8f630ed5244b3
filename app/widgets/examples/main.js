import { telling } from "../../web/dom.js";

export function mount({ element, trigger }) {
  const tell = telling(trigger);
  element.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) tell("select", { file: button.value });
  });
}
