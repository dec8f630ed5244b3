"use strict";
// Gradio runs this file as the body of a function, once for each HeatMaps on the page, with `element`, `props`,
// `server` and `watch` in scope.

const find = (name) => element.querySelector(`[data-map="${name}"]`);
const [error, uncertainty] = [find("error"), find("uncertainty")];
let newest = 0; // tells an answer that arrives late from the one that is waited for
let asked = null; // {key, answer}: the uncertainty is of model and picture only, and is asked for once

const levels = (number) => (number < 9.95 ? number.toFixed(1) : Math.round(number).toString());

function wait(figure, words) {
  figure.dataset.state = "waiting";
  figure.querySelector(".heat-map-message").textContent = words;
}

function draw(figure, { url, limit }, words) {
  const picture = figure.querySelector("img");
  picture.src = url;
  picture.alt = words;
  picture.hidden = false;
  figure.dataset.state = "ready";
  figure.querySelector(".heat-map-message").textContent = "";
  figure.querySelector(".heat-map-limit").textContent =
    levels(limit) === "255" ? "255 levels" : `${levels(limit)} levels or more`;
  figure.querySelector(".heat-map-words").textContent = words;
}

async function load(value) {
  const mine = ++newest;
  element.querySelector(".heat-maps").hidden = !value;
  if (!value) return;
  const mean = value.error.mean;
  draw(error, value.error, `A pixel is ${levels(mean)} of 255 levels off on average; bright places are far off.`);
  const key = `${value.model} ${value.picture}`;
  if (asked?.key !== key) {
    wait(uncertainty, "Drawing samples…");
    const failed = () => ({ refused: "The server did not answer. Try again." });
    asked = { key, answer: server.uncertainty(value.model, value.picture).catch(failed) };
  }
  const answer = await asked.answer;
  if (mine !== newest || !element.isConnected) return;
  if (answer.refused) {
    asked = null;
    wait(uncertainty, answer.refused);
    return;
  }
  const share = answer.mean < mean / 2 ? "Less than the error: most of what is lost, the latent has no words for." : "";
  draw(
    uncertainty,
    answer,
    `A pixel varies by ${levels(answer.mean)} levels over ${answer.samples} samples of the posterior. ${share}`,
  );
}

watch("value", () => load(props.value));
load(props.value);
