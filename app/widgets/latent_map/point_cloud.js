// Points, drawn with WebGL and nothing between: a million take Plotly, which keeps an object for each, half a minute.

import { make } from "../../web/dom.js";
import { SHAPES } from "./grouping.js";

const BYTES = 12; // of a point: x and y as float32; red, green, blue and the number of its shape
const SHADES = 256; // of a ramp

// `place` is (x, y) from the middle of the map's bounds, which keeps float32 exact enough to zoom.
const VERTEX = `
attribute vec2 place;
attribute vec4 paint;
uniform vec2 shift; // map units, of the bounds' middle from the view's
uniform vec2 scale; // half the drawing's sides for one map unit
uniform mediump float side; // pixels
varying vec3 colour;
varying float shape;
void main() {
  gl_Position = vec4((place + shift) * scale, 0.0, 1.0);
  gl_PointSize = side;
  colour = paint.rgb;
  shape = floor(paint.a * 255.0 + 0.5);
}`;

// In pixels from the middle of the point: how far outside of its shape a fragment is. Square, diamond and triangle have
// about the area of the circle.
const FRAGMENT = `
precision mediump float;
uniform mediump float side;
uniform float radius; // pixels, without the outline
uniform float outline; // pixels
uniform float opacity;
uniform vec3 ink;
varying vec3 colour;
varying float shape;
void main() {
  vec2 at = (gl_PointCoord - 0.5) * side;
  vec2 off = abs(at);
  float out_by = length(at) - radius;
  if (shape == 1.0) out_by = max(off.x, off.y) - 0.89 * radius;
  if (shape == 2.0) out_by = (off.x + off.y - 1.25 * radius) * 0.7071;
  if (shape == 3.0) out_by = max(at.y - 0.7 * radius, 0.866 * off.x - 0.5 * at.y - 0.7 * radius);
  float covered = clamp(0.5 + outline - out_by, 0.0, 1.0);
  float inked = outline > 0.0 ? clamp(0.5 + out_by, 0.0, 1.0) : 0.0;
  float alpha = covered * opacity;
  gl_FragColor = vec4(mix(colour, ink, inked) * alpha, alpha);
}`;

export class PointCloud {
  #canvas = null;
  #gl = null;
  #program = null;
  #layers = []; // each with the `buffer` and the `count` of its points, and how they are drawn
  #place = null; // that is on the page: the viewport, the size about its middle, and pixels for one of the page
  #plot;
  #state;
  #palette;
  #onLost;

  constructor({ plot, state, palette, onLost }) {
    this.#plot = plot;
    this.#state = state;
    this.#palette = palette;
    this.#onLost = onLost;
  }

  async load() {}

  draw(layers, place) {
    if (!this.#canvas) this.#begin();
    for (const { buffer } of this.#layers) this.#gl.deleteBuffer(buffer);
    this.#layers = layers.map(({ rows, ...options }) => this.#upload(rows, options));
    this.move(place);
  }

  move({ viewport, size }) {
    this.#place = { viewport, size, ratio: Math.min(2, devicePixelRatio) };
    this.#paint(this.#place);
  }

  /** Of what was drawn last; always a PNG. The error says in words that nothing is. */
  image(_layers, { viewport, size }, { scale }) {
    if (!this.#canvas) throw new Error("The map is not drawn yet. Try again in a moment.");
    this.#paint({ viewport, size, ratio: scale });
    const url = this.#canvas.toDataURL();
    this.#paint(this.#place); // for the page again
    return url;
  }

  clear() {
    this.#gl?.getExtension("WEBGL_lose_context")?.loseContext(); // browsers allow but a few at a time
    this.#canvas?.remove();
    [this.#canvas, this.#gl, this.#program, this.#layers] = [null, null, null, []];
  }

  #begin() {
    const canvas = make("canvas", { className: "latent-map-cloud" });
    const gl = canvas.getContext("webgl", { antialias: false, depth: false });
    if (!gl) throw new Error("this browser has no WebGL left"); // as after its graphics failed several times
    [this.#canvas, this.#gl, this.#program] = [canvas, gl, programOf(gl)];
    this.#plot.append(canvas);
    canvas.addEventListener("webglcontextlost", () => {
      if (this.#canvas === canvas) this.#onLost();
    });
    gl.useProgram(this.#program);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  #upload(rows, options) {
    const { x, y, bounds } = this.#state.points;
    const [middleX, middleY] = middleOf(bounds);
    const paintOf = this.#paints();
    const places = new Float32Array((rows.length * BYTES) / 4);
    const paints = new Uint32Array(places.buffer);
    rows.forEach((i, k) => {
      places[3 * k] = x[i] - middleX;
      places[3 * k + 1] = y[i] - middleY;
      paints[3 * k + 2] = paintOf(i);
    });
    const buffer = this.#gl.createBuffer();
    this.#gl.bindBuffer(this.#gl.ARRAY_BUFFER, buffer);
    this.#gl.bufferData(this.#gl.ARRAY_BUFFER, places, this.#gl.STATIC_DRAW);
    return { buffer, count: rows.length, ...options };
  }

  // Of a point, by its row: its colour and shape in four bytes.
  #paints() {
    const { groups, groupOf, number } = this.#state.grouping;
    const ofGroups = groups.map(({ slot, shape }) => packed(rgb(this.#palette.slot(slot)), SHAPES.indexOf(shape)));
    if (!number) return (i) => ofGroups[groupOf[i]];
    const { ramp } = this.#palette;
    const shades = Array.from({ length: SHADES }, (_, k) => packed(between(ramp, k / (SHADES - 1)), 0));
    const { values, range } = number;
    const [low, width] = [range[0], range[1] - range[0] || 1];
    return (i) => {
      const value = values[i];
      if (Number.isNaN(value)) return ofGroups[groupOf[i]];
      return shades[Math.round(Math.min(1, Math.max(0, (value - low) / width)) * (SHADES - 1))];
    };
  }

  #paint({ viewport, size, ratio }) {
    if (!this.#canvas) return; // nothing is drawn yet
    const [gl, program] = [this.#gl, this.#program];
    const [width, height] = [size.width, size.height].map((side) => Math.round(side * ratio));
    if (this.#canvas.width !== width || this.#canvas.height !== height) Object.assign(this.#canvas, { width, height });
    gl.viewport(0, 0, width, height);
    gl.clear(gl.COLOR_BUFFER_BIT);
    const uniform = (name) => gl.getUniformLocation(program, name);
    const [middleX, middleY] = middleOf(viewport.bounds);
    gl.uniform2f(uniform("shift"), middleX - viewport.x, middleY - viewport.y);
    gl.uniform2f(uniform("scale"), (2 * viewport.scale) / size.width, (2 * viewport.scale) / size.height);
    gl.uniform3f(uniform("ink"), ...rgb(this.#palette.ink).map((part) => part / 255));
    for (const layer of this.#layers) {
      gl.uniform1f(uniform("radius"), (layer.size / 2) * ratio);
      gl.uniform1f(uniform("outline"), layer.outline * ratio);
      gl.uniform1f(uniform("side"), 1.5 * layer.size * ratio + 2 * layer.outline * ratio + 2);
      gl.uniform1f(uniform("opacity"), layer.opacity);
      gl.bindBuffer(gl.ARRAY_BUFFER, layer.buffer);
      attribute(gl, program, "place", 2, gl.FLOAT, 0);
      attribute(gl, program, "paint", 4, gl.UNSIGNED_BYTE, 8);
      gl.drawArrays(gl.POINTS, 0, layer.count);
    }
  }
}

function programOf(gl) {
  const program = gl.createProgram();
  for (const [kind, source] of [
    [gl.VERTEX_SHADER, VERTEX],
    [gl.FRAGMENT_SHADER, FRAGMENT],
  ]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error("this browser cannot draw points with WebGL");
  return program;
}

function attribute(gl, program, name, parts, type, offset) {
  const place = gl.getAttribLocation(program, name);
  gl.enableVertexAttribArray(place);
  gl.vertexAttribPointer(place, parts, type, type === gl.UNSIGNED_BYTE, BYTES, offset);
}

const middleOf = ({ left, right, bottom, top }) => [(left + right) / 2, (bottom + top) / 2];
const packed = ([red, green, blue], shape) => ((shape << 24) | (blue << 16) | (green << 8) | red) >>> 0;
const rgb = (hex) => [1, 3, 5].map((from) => Number.parseInt(hex.slice(from, from + 2), 16));

// The colour at a share of the way along a ramp.
function between(ramp, share) {
  const at = share * (ramp.length - 1);
  const from = Math.min(Math.floor(at), ramp.length - 2);
  const [a, b] = [rgb(ramp[from]), rgb(ramp[from + 1])];
  return a.map((part, k) => Math.round(part + (at - from) * (b[k] - part)));
}
