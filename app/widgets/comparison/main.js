const MOVED = "latentscape-divider"; // told to the whole page: another comparison is another component

export function mount({ element, props, watch }) {
  const root = element.querySelector(".comparison");
  const [after, before] = root.querySelectorAll("img");
  const slider = root.querySelector("input");
  const download = root.querySelector("a");

  function show(value) {
    root.hidden = !value;
    if (!value) return;
    before.src = value.before;
    after.src = value.after;
    download.href = value.after;
    download.download = value.file;
  }

  function divide() {
    root.style.setProperty("--share", `${slider.value}%`);
    slider.setAttribute("aria-valuetext", `${slider.value} percent`);
  }

  const group = () => props.value?.group;

  function divideAll() {
    divide();
    document.dispatchEvent(new CustomEvent(MOVED, { detail: { group: group(), share: slider.value } }));
  }

  function follow({ detail }) {
    if (!element.isConnected) return document.removeEventListener(MOVED, follow);
    if (!detail.group || detail.group !== group()) return;
    slider.value = detail.share;
    divide();
  }

  slider.addEventListener("input", divideAll);
  document.addEventListener(MOVED, follow);
  watch("value", () => show(props.value));
  divide();
  show(props.value);
}
