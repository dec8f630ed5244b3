/** Says under the page's header who draws its pictures, and how long each takes. */
export function showDrawer(isBrowser, milliseconds) {
  const sign = document.getElementById("who-draws"); // of app/page.py
  if (!sign) return;
  const time = milliseconds < 100 ? milliseconds.toPrecision(2) : milliseconds.toFixed(0);
  sign.textContent = `drawn ${isBrowser ? "in your browser" : "by the server"}, ${time} ms`;
}
