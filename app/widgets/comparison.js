"use strict";
// Gradio runs this file as the body of a function, once for each Comparison on the page, with `element`, `props` and
// `watch` in scope.

const root = element.querySelector(".comparison");
const [after, before] = root.querySelectorAll("img");
const slider = root.querySelector("input");
const download = root.querySelector("a");

function load(value) {
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
watch("value", () => load(props.value));
divide();
load(props.value);
