import { asking } from "../../web/ask.js";
import { newest } from "../../web/latest.js";

export function mount({ element, props, server, watch }) {
  const [error, uncertainty] = ["error", "uncertainty"].map((name) => element.querySelector(`[data-map="${name}"]`));
  const ask = asking(server);
  const loads = newest();
  let asked = null; // { key, answer }: the uncertainty, which is asked for once for each picture

  async function load(value) {
    const isNewest = loads.begin();
    element.querySelector(".heat-maps").hidden = !value;
    if (!value) return;
    const { mean } = value.error;
    const scale = value.beside.length ? " All models have one scale." : "";
    const off = `Pixels are off by ${levels(mean)} of 255 levels on average; bright places are far off.`;
    draw(error, value.error, off + scale);
    uncertainty.hidden = !value.has_variance;
    if (!value.has_variance) return;
    const key = [value.model, value.picture, ...value.beside].join(" ");
    if (asked?.key !== key) {
      wait(uncertainty, "Drawing samples…");
      asked = { key, answer: ask("uncertainty", value.model, value.picture, value.beside) };
    }
    const mine = asked;
    const answer = await mine.answer;
    if (answer.error && asked === mine) asked = null; // the next value of this picture asks again
    if (!isNewest() || !element.isConnected) return;
    if (answer.error) wait(uncertainty, answer.error);
    else draw(uncertainty, answer, spreadInWords(answer, mean) + scale);
  }

  watch("value", () => load(props.value));
  load(props.value);
}

function wait(figure, words) {
  figure.dataset.state = "waiting";
  figure.querySelector(".heat-map-message").textContent = words;
}

function draw(figure, { url, limit }, words) {
  Object.assign(figure.querySelector("img"), { src: url, alt: words, hidden: false });
  figure.dataset.state = "ready";
  figure.querySelector(".heat-map-message").textContent = "";
  const end = levels(limit);
  figure.querySelector(".heat-map-limit").textContent = end === "255" ? "255 levels" : `${end} levels or more`;
  figure.querySelector(".heat-map-words").textContent = words;
}

function spreadInWords({ mean, samples }, error) {
  const words = `Pixels vary by ${levels(mean)} levels over ${samples} samples from the posterior.`;
  if (mean >= error / 2) return words;
  return `${words} Less than the error: most of what is lost is not in the latent at all.`;
}

const levels = (number) => (number < 9.95 ? number.toFixed(1) : Math.round(number).toString());
