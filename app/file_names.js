// In the head of the page: the name of a file that somebody chooses is text. Gradio shows it as HTML where the file is too
// large.

const { get } = Object.getOwnPropertyDescriptor(File.prototype, "name");

Object.defineProperty(File.prototype, "name", {
  configurable: true,
  get() {
    return get.call(this).replaceAll("<", "‹");
  },
});
