// Picture files dropped on the map go into the picture input of the page.

const bringsFiles = ({ dataTransfer }) => dataTransfer?.types.includes("Files");

/**
 * Takes files dropped on `stage` to the gr.Image with the id `target`, as if they had been dropped there: so that the
 * upload, the checks and what follows are the input's own. `onDrop(file)` is called before.
 */
export function passDropsOn(stage, target, onDrop) {
  stage.addEventListener("dragover", (event) => {
    if (!bringsFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    stage.classList.add("is-dropping");
  });
  stage.addEventListener("dragleave", (event) => {
    if (!stage.contains(event.relatedTarget)) stage.classList.remove("is-dropping");
  });
  stage.addEventListener("drop", (event) => {
    if (!bringsFiles(event)) return;
    event.preventDefault();
    stage.classList.remove("is-dropping");
    const [file] = event.dataTransfer.files;
    if (!file) return;
    onDrop(file);
    dropOn(document.getElementById(target), file);
  });
}

// Gradio ignores, without a word, what the browser does not take for a picture by the ending of its name. What a file
// holds is for the server to say.
function dropOn(input, file) {
  const type = file.type.startsWith("image/") ? file.type : "image/*";
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([file], file.name, { type }));
  input.querySelector(".upload-container").dispatchEvent(new DragEvent("drop", { dataTransfer, cancelable: true }));
}
