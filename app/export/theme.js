// The theme that the visitor's system has, in the classes that the app's style sheets know.

const darkness = matchMedia("(prefers-color-scheme: dark)");

function follow() {
  for (const element of [document.documentElement, document.body]) element.classList.toggle("dark", darkness.matches);
}

darkness.addEventListener("change", follow);
follow();
