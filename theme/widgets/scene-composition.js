// What scenes are composed of: digits, strokes and drawings by hand, as datasets/composition.py draws them.
"use strict";

(function (tarea) {
  const { random } = tarea;
  const SIZE = 48, PIXELS = SIZE * SIZE, GLYPH = 32;
  const THRESHOLD = 0.35;  // ink from which a pixel belongs to a digit, as in the study's scenes
  const INK = 0.8, EMPTY = 0.15;  // added to, and of, an empty background
  const UNKNOWN = 255;  // drawn by hand: nobody says what it is
  const DRAWN = 1, ERASED = 2;

  // Edits as runs: "120n5d…", n nothing, d drawn, e erased.
  const LETTERS = "nde";
  function writeEdits(edits) {
    let text = "";
    for (let k = 0; k < PIXELS;) {
      let end = k;
      while (end < PIXELS && edits[end] === edits[k]) end++;
      text += `${end - k}${LETTERS[edits[k]]}`;
      k = end;
    }
    return text;
  }
  function readEdits(text) {
    const edits = new Uint8Array(PIXELS);
    let k = 0;
    if (!/^(\d{1,4}[nde])+$/.test(text)) throw new RangeError("El dibujo del enlace no se entiende.");
    for (const [, count, letter] of text.matchAll(/(\d+)([nde])/g)) {
      if (k + Number(count) > PIXELS) break;
      edits.fill(LETTERS.indexOf(letter), k, k += Number(count));
    }
    if (k !== PIXELS) throw new RangeError("El dibujo del enlace no tiene 48 × 48 píxeles.");
    return edits;
  }

  // Ink of a digit of `height` pixels around (row, column), as datasets/composition.py draws it.
  function drawDigit(ink, row, column, height) {
    const drawn = new Float32Array(PIXELS), scale = GLYPH / height;
    const at = (v, u) => (v < 0 || u < 0 || v >= GLYPH || u >= GLYPH ? 0 : ink[v * GLYPH + u]);
    for (let i = 0; i < SIZE; i++) for (let j = 0; j < SIZE; j++) {
      const v = (i - row) * scale + (GLYPH - 1) / 2, u = (j - column) * scale + (GLYPH - 1) / 2;
      const [r, c] = [Math.floor(v), Math.floor(u)], [a, b] = [v - r, u - c];
      if (r < 0 || c < 0 || r >= GLYPH - 1 || c >= GLYPH - 1) continue;
      drawn[i * SIZE + j] = (1 - a) * ((1 - b) * at(r, c) + b * at(r, c + 1)) + a * ((1 - b) * at(r + 1, c) + b * at(r + 1, c + 1));
    }
    return drawn;
  }

  // Straight bright strokes that belong to no digit.
  function addClutter(image, count) {
    const draw = random(7);
    for (let stroke = 0; stroke < count; stroke++) {
      const [y0, x0, angle] = [draw() * SIZE, draw() * SIZE, draw() * Math.PI];
      const [half, width, ink] = [(5 + 11 * draw()) / 2, 0.6 + 0.8 * draw(), 0.45 + 0.45 * draw()];
      for (let k = 0; k < PIXELS; k++) {
        const y = Math.floor(k / SIZE) - y0, x = k % SIZE - x0;
        const along = Math.cos(angle) * x + Math.sin(angle) * y, across = Math.cos(angle) * y - Math.sin(angle) * x;
        const distance = Math.hypot(Math.max(Math.abs(along) - half, 0), across);
        image[k] = Math.max(image[k], EMPTY + ink * Math.min(1, Math.max(0, width + 0.5 - distance)));
      }
    }
  }

  // A scene and its true mask: `base` { image, truth } or null for an empty one, what is added, and how much.
  function compose(base, glyphs, { placed, edits, noise, clutter }) {
    const image = base ? Float32Array.from(base.image, (value) => value / 255) : new Float32Array(PIXELS).fill(EMPTY);
    const truth = base ? base.truth.slice() : new Uint8Array(PIXELS);
    addClutter(image, clutter);
    for (const [digit, row, column, height] of placed) {
      const ink = glyphs.subarray(digit * GLYPH * GLYPH, (digit + 1) * GLYPH * GLYPH);
      drawDigit(ink, row, column, height).forEach((drawn, k) => {
        image[k] = Math.max(image[k], EMPTY + INK * drawn);
        if (drawn > THRESHOLD) truth[k] = digit + 1;
      });
    }
    edits.forEach((kind, k) => {
      if (kind === DRAWN) { image[k] = EMPTY + INK; truth[k] = UNKNOWN; }
      if (kind === ERASED) { image[k] = EMPTY; truth[k] = 0; }
    });
    const draw = random(11);
    for (let k = 0; noise && k < PIXELS; k++) {  // Box and Muller
      image[k] += noise * Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());
    }
    return { image: image.map((value) => Math.round(255 * Math.min(1, Math.max(0, value))) / 255), truth };
  }

  tarea.scene = { SIZE, PIXELS, UNKNOWN, DRAWN, ERASED, writeEdits, readEdits, compose };
})(globalThis.tarea);
