/** The centred square of a picture file as an ImageData of so many pixels a side, on white. Rejects if it is none. */
export async function fitted(file, side) {
  const whole = await createImageBitmap(file);
  const size = Math.min(whole.width, whole.height);
  const [left, top] = [whole.width, whole.height].map((length) => Math.floor((length - size) / 2));
  const options = { resizeWidth: side, resizeHeight: side, resizeQuality: "high" };
  const square = await createImageBitmap(whole, left, top, size, size, options);
  const context = new OffscreenCanvas(side, side).getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, side, side);
  context.drawImage(square, 0, 0);
  whole.close();
  square.close();
  return context.getImageData(0, 0, side, side);
}
