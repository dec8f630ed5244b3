// A - B + C in latents. All four pictures are asked for at once; then, as the slider moves, the result alone.

import { numbersIn, recall, remember } from "../../web/address.js";
import { decoder } from "../../web/decoder.js";
import { make, placing, say, telling } from "../../web/dom.js";
import { downloads, latentOffers, sheetOffer } from "../../web/downloads.js";
import { analogy, pack, unpack } from "../../web/latents.js";
import { newest, oneAtATime } from "../../web/latest.js";
import { LIMITS } from "../../web/limits.js";
import { urlOf } from "../../web/sheet.js";

const TERMS = ["A", "B", "C", "result"];

export function mount({ element, trigger, props, server, watch }) {
  const root = element.querySelector(".analogy");
  const message = root.querySelector(".analogy-message");
  const body = root.querySelector(".analogy-body");
  const slider = root.querySelector("input");
  const readout = root.querySelector("output");
  const signs = TERMS.map(() => make("span", { className: "analogy-sign" }));
  const images = TERMS.map((name) => make("img", { alt: `${name}, decoded` }));

  const tell = telling(trigger);
  const { showMessage, showBody } = placing({ root, message, body }, { props, watch });
  const { decode } = decoder(server);
  const loads = newest();
  const follow = oneAtATime(drawResult);
  let shown = null; // the value that is on the page
  let terms = []; // the latents of A, B and C

  slider.max = LIMITS.maxStrength;
  const strengthIn = (text) => numbersIn(text, { low: 0, high: LIMITS.maxStrength })?.[0] ?? 1;
  slider.value = strengthIn(
    recall(props.address, (text) => {
      slider.value = strengthIn(text);
      writeEquation();
      follow();
      commit();
    }),
  );
  root
    .querySelector(".analogy-equation")
    .append(
      ...TERMS.flatMap((name, k) => [
        signs[k],
        make("figure", {}, images[k], make("figcaption", { textContent: name })),
      ]),
    );

  const strength = () => Number(slider.value);
  const result = () => analogy(...terms, strength());

  async function load(value) {
    const isNewest = loads.begin();
    shown = value;
    if (!value) return showMessage("empty", props.empty_text);
    if (body.hidden) showMessage("loading", "Decoding …");
    terms = unpack(value.latents, value.model);
    const asked = strength();
    const { pictures, error } = await decode(value.model, [...terms, result()], { isWanted: isNewest });
    if (error && isNewest()) return showMessage("error", error);
    if (!pictures) return;
    pictures.forEach(show);
    root.dataset.state = "ready";
    showBody();
    writeEquation();
    if (asked !== strength()) follow();
    commit();
  }

  async function drawResult() {
    const { model } = shown ?? {};
    if (!model) return;
    const mine = shown;
    const { pictures, error } = await decode(model, [result()], { isWanted: () => mine === shown });
    if (error) say(message, error);
    if (!pictures) return;
    show(pictures[0], TERMS.length - 1);
    if (!body.hidden) say(message, ""); // else it is about all four
  }

  function show(picture, k) {
    images[k].src = urlOf(picture);
    picture.close();
  }

  function writeEquation() {
    const s = strength();
    readout.textContent = s.toFixed(2);
    const written = s === 1 ? ["", "−", "+", "="] : [`${s} × (`, "−", ") +", "="];
    written.forEach((sign, k) => {
      signs[k].textContent = sign;
    });
  }

  function commit() {
    if (!shown) return;
    remember(props.address, strength() === 1 ? null : strength());
    const latent = pack([result()], shown.model);
    tell("commit", { model: shown.model.name, latent, words: `analogy ${strength().toFixed(2)}` });
  }

  // A, B, C and what comes of them, as they are shown.
  async function whole() {
    await follow();
    const pictures = await Promise.all(images.map((image) => createImageBitmap(image)));
    const name = `analogy ${strength().toFixed(2)}`;
    const facts = TERMS.map((term) => [term]);
    return {
      model: shown.model,
      latents: [...terms, result()],
      pictures,
      columns: TERMS.length,
      name,
      names: ["term"],
      facts,
    };
  }

  body.append(downloads([sheetOffer("A, B, C and the result in one picture", whole), ...latentOffers(whole)]));
  slider.addEventListener("input", () => {
    writeEquation();
    follow();
  });
  slider.addEventListener("change", commit);
  watch("value", () => load(props.value));
  writeEquation();
  load(props.value);
}
