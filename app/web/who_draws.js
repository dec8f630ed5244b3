/** Says under the page's header who draws its pictures (the `codec` of this browser, or null), and how long each takes. */
export function showDrawer(codec, milliseconds) {
  const sign = document.getElementById("who-draws"); // of app/page.py
  if (!sign) return;
  const time = milliseconds < 100 ? milliseconds.toPrecision(2) : milliseconds.toFixed(0);
  const who = codec ? `in your browser${codec.drawer === "WebGPU" ? " (WebGPU)" : ""}` : "by the server";
  sign.textContent = `drawn ${who}, ${time} ms`;
}
