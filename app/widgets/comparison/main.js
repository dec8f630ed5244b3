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

  slider.addEventListener("input", divide);
  watch("value", () => show(props.value));
  divide();
  show(props.value);
}
