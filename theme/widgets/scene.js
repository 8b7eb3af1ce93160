// Segment your scene: compose or spoil a scene and watch two networks answer.
"use strict";

(function (tarea) {
  const { number, percent, make, bytes, picture, grey, random, array, argmax, softmax } = tarea;
  const SIZE = 48, PIXELS = SIZE * SIZE, GLYPH = 32;
  const THRESHOLD = 0.35;  // ink from which a pixel belongs to a digit, as in the study's scenes
  const INK = 0.8, EMPTY = 0.15;  // added to, and of, an empty background
  const UNKNOWN = 255;  // drawn by hand: nobody says what it is
  const NONE = 0, DRAWN = 1, ERASED = 2;

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

  // Mean IoU over the digits that the truth or the prediction has, where the truth is known.
  function meanIou(truth, found) {
    const hit = Array(11).fill(0), union = Array(11).fill(0);
    truth.forEach((label, k) => {
      if (label === UNKNOWN) return;
      if (label === found[k]) { hit[label]++; union[label]++; } else { union[label]++; union[found[k]]++; }
    });
    const present = [...Array(10).keys()].map((k) => k + 1).filter((k) => union[k]);
    return present.length ? present.reduce((sum, k) => sum + hit[k] / union[k], 0) / present.length : NaN;
  }

  class Scene extends tarea.Piece {
    static title = "Segmenta tu escena";

    build(stage) {
      const { networks, scenes, colours } = this.data;
      this.images = bytes(scenes.images);
      this.masks = bytes(scenes.masks);
      this.glyphs = Float32Array.from(bytes(this.data.glyphs), (value) => value / 255);
      this.colours = colours.map((colour) => [1, 3, 5].map((k) => parseInt(colour.slice(k, k + 2), 16)));
      this.networks = networks.map(({ label, script }) => ({ label, run: tarea.encoderDecoder(tarea.network(script)) }));
      const names = Object.fromEntries([...Array(scenes.count).keys()].map((k) => [k, `de prueba, ${k}`]));
      this.choice("scene", "Escena", { ...names, empty: "vacía" });
      this.button("Otra escena", () => {
        const next = (Number(this.state.scene === "empty" ? -1 : this.state.scene) + 1) % scenes.count;
        this.set({ scene: String(next), placed: [], edits: new Uint8Array(PIXELS) });
      });
      this.range("noise", "Ruido añadido", { min: 0, max: 0.4, step: 0.02, example: 0, decimals: 2 });
      this.range("clutter", "Trazos añadidos", { min: 0, max: 8, step: 1, example: 0, decimals: 0 });
      this.flag("skips", "conexiones de salto", { example: true });
      const edit = make("fieldset", { className: "tarea-group tarea-controls" }, make("legend", {}, "Editar la escena"));
      this.panel.append(edit);
      this.choice("tool", "Herramienta", { place: "colocar un dígito", move: "mover un dígito colocado", draw: "dibujar", erase: "borrar" }, { panel: edit });
      this.choice("digit", "Dígito", Object.fromEntries([...Array(10).keys()].map((k) => [k, String(k)])), { panel: edit, example: "3" });
      this.range("height", "Altura del dígito", { min: 14, max: 20, step: 1, example: 17, decimals: 0, panel: edit, unit: " px" });
      this.button("Quitar lo añadido", () => this.set({ placed: [], edits: new Uint8Array(PIXELS), noise: 0, clutter: 0 }), edit);
      this.control("placed", {
        example: [],
        write: (placed) => placed.map((item) => item.join("_")).join(";"),
        parse: (text) => (text === "" ? [] : text.split(";").map((item) => {
          const values = item.split("_").map(Number);
          const fine = values.length === 4 && values.every(Number.isInteger) && values[0] >= 0 && values[0] < 10
            && values[1] >= 0 && values[1] < SIZE && values[2] >= 0 && values[2] < SIZE && values[3] >= 14 && values[3] <= 20;
          if (!fine) throw new RangeError("Los dígitos colocados del enlace no se entienden.");
          return values;
        })),
      });
      this.control("edits", { example: new Uint8Array(PIXELS), write: writeEdits, parse: readEdits });
      this.choice("network", "Mapas de", { 0: networks[0].label, 1: networks[1].label }, { panel: make("div", { className: "tarea-controls" }), example: "1" });
      this.range("level", "Paso de la red", { min: 0, max: 4, step: 1, example: 0, decimals: 0 });
      this.views(stage);
      this.held = null;
    }

    views(stage) {
      const pad = tarea.pad({
        size: SIZE, width: "18rem", label: "Escena. Las flechas mueven el cursor; la barra espaciadora usa la herramienta",
        use: (...place) => this.use(...place), drag: (...place) => this.drag(...place), release: () => { this.held = null; },
        holds: () => this.held !== null, moved: (row, column) => { this.news.textContent = `Fila ${row}, columna ${column}.`; },
      });
      this.canvas = pad.canvas;
      const view = (name, canvas, text) => make("div", { className: "tarea-view" }, make("p", { className: "tarea-name" }, name), canvas, text ?? "");
      const small = (label) => make("canvas", { role: "img", "aria-label": label, style: "width: 9rem" });
      this.truth = small("Máscara verdadera");
      this.truthText = make("p", { className: "tarea-name" });
      stage.append(view("Escena", pad.box), view("Verdad", this.truth, this.truthText));
      this.answers = this.networks.map(({ label }) => {
        const [classes, sure, text] = [small(`Clases que predice: ${label}`), small(`Confianza: ${label}`), make("p", { className: "tarea-name" })];
        const pair = make("div", { className: "tarea-pair" }, classes, sure);
      stage.append(view(`${label}: clases y confianza`, pair, text));
        return { classes, sure, text };
      });
      this.legend = make("p", { className: "tarea-key tarea-wide" }, this.colours.map((colour, k) => make("span", {},
        make("i", { style: `background: rgb(${colour}); border: 1px solid var(--w-line)` }), k ? String(k - 1) : "fondo")));
      this.mosaic = make("canvas", { role: "img", "aria-label": "Mapas de características", style: "width: 100%" });
      this.levelName = make("p", { className: "tarea-name" });
      this.says = make("output", { className: "tarea-says tarea-wide", "aria-live": "polite" });
      stage.append(this.legend, this.says, make("div", { className: "tarea-wide" },
        this.mapControls, this.levelName, this.mosaic));
    }

    // The controls of the maps stand beside them, not in the panel.
    choice(name, ...rest) {
      const made = super.choice(name, ...rest);
      if (name === "network") this.mapControls = made.closest(".tarea-controls");
      return made;
    }
    range(name, label, options) {
      return super.range(name, label, name === "level" ? { ...options, panel: this.mapControls } : options);
    }

    // Editing -------------------------------------------------------------------------------------

    use(row, column, pressed) {
      const { tool, placed, digit, height } = this.state;
      if (tool === "place") {
        this.set({ placed: [...placed, [Number(digit), row, column, height]] });
        this.held = pressed ? placed.length : null;
      } else if (tool === "move") {
        const distances = placed.map(([, r, c]) => Math.hypot(r - row, c - column));
        const nearest = distances.indexOf(Math.min(...distances));
        this.held = placed.length && distances[nearest] <= 12 ? nearest : null;
        this.news.textContent = this.held === null ? "Aquí no hay ningún dígito colocado; los de la escena de prueba no se mueven."
          : `Dígito ${placed[this.held][0]}: muévelo${pressed ? "" : " con las flechas y suéltalo con la barra"}.`;
      } else this.paint(row, column);
    }
    drag(row, column) {
      const { tool, placed } = this.state;
      if (this.held !== null) {
        this.set({ placed: placed.map((item, k) => (k === this.held ? [item[0], row, column, item[3]] : item)) });
      } else if (tool === "draw" || tool === "erase") this.paint(row, column);
    }
    paint(row, column) {
      const edits = Uint8Array.from(this.state.edits);
      const reach = this.state.tool === "draw" ? 1 : 2;
      for (let i = row - reach + 1; i <= row + reach; i++) for (let j = column - reach + 1; j <= column + reach; j++) {
        if (i >= 0 && j >= 0 && i < SIZE && j < SIZE) edits[i * SIZE + j] = this.state.tool === "draw" ? DRAWN : ERASED;
      }
      this.set({ edits });
    }

    // The scene and its true mask, from the state.
    compose() {
      const { scene, placed, edits, noise, clutter } = this.state;
      const start = Number(scene) * PIXELS;
      const image = scene === "empty" ? new Float32Array(PIXELS).fill(EMPTY)
        : Float32Array.from(this.images.subarray(start, start + PIXELS), (value) => value / 255);
      const truth = scene === "empty" ? new Uint8Array(PIXELS) : this.masks.slice(start, start + PIXELS);
      addClutter(image, clutter);
      for (const [digit, row, column, height] of placed) {
        const ink = this.glyphs.subarray(digit * GLYPH * GLYPH, (digit + 1) * GLYPH * GLYPH);
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

    // Several changes within a frame are answered once.
    draw() {
      this.pending ??= requestAnimationFrame(() => { this.pending = null; this.answer(); });
    }

    answer() {
      const { image, truth } = this.compose();
      picture(this.canvas, image, SIZE, SIZE, grey);
      const colour = (label) => (label === UNKNOWN ? [128, 128, 128] : this.colours[label]);
      picture(this.truth, truth, SIZE, SIZE, colour);
      const known = truth.every((label) => label !== UNKNOWN);
      this.truthText.textContent = known ? "" : "en gris, lo dibujado a mano: sin verdad";
      const sentences = [];
      this.networks.forEach(({ label, run }, place) => {
        const { scores, levels } = run(array([1, 1, SIZE, SIZE], image), { skips: () => this.state.skips });
        const found = new Uint8Array(PIXELS), sure = new Float32Array(PIXELS);
        for (let k = 0; k < PIXELS; k++) {
          const values = Array.from({ length: 11 }, (_, c) => scores.data[c * PIXELS + k]);
          found[k] = argmax(values);
          sure[k] = softmax(values)[found[k]];
        }
        const { classes, sure: map, text } = this.answers[place];
        picture(classes, found, SIZE, SIZE, colour);
        picture(map, sure, SIZE, SIZE, grey);
        const score = meanIou(truth, found);
        text.textContent = Number.isNaN(score) ? "sin dígitos que medir" : `mIoU en esta escena: ${number(score, 3)}`;
        const counts = Array(11).fill(0);
        found.forEach((value) => { counts[value]++; });
        const seen = counts.map((count, k) => [count, k]).slice(1).filter(([count]) => count >= 12).map(([, k]) => k - 1);
        const mean = sure.reduce((sum, value) => sum + value, 0) / PIXELS;
        sentences.push(`${label}: ${seen.length ? `ve ${seen.join(", ")}` : "no ve dígitos"}${Number.isNaN(score) ? "" : `, mIoU ${number(score, 2)}`}, confianza media ${percent(mean)}`);
        if (place === Number(this.state.network)) this.showMaps(levels[this.state.level]);
      });
      this.says.textContent = `${sentences.join(". ")}.`;
    }

    showMaps({ name, maps }) {
      const [, channels, height, width] = maps.shape;
      tarea.mosaic(this.mosaic, maps, Math.min(channels, this.live.clientWidth > 500 ? 10 : 5));
      this.levelName.textContent = `${name}: ${number(channels)} mapas de ${number(height)} × ${number(width)}`;
    }
  }

  tarea.define("scene", Scene);
})(globalThis.tarea);
