// Receptive field and budget: what one output pixel can see, and what the network costs.
"use strict";

(function (tarea) {
  const { number, make, bytes, picture, grey } = tarea;
  const CLASSES = 11;

  // Rows (or columns) of the input that output pixel `p` depends on: [first, last], not yet clipped.
  // From the output back: decoder levels, way up, deepest level, way down (models/receptive.py).
  function inputRange(spec, p) {
    const half = spec.kernel >> 1;
    const bottom = (spec.bottom ?? spec.convolutions) * half * spec.dilation;
    let [first, last] = [p, p];
    for (let level = 0; level < spec.depth; level++) {
      [first, last] = [first - spec.convolutions * half, last + spec.convolutions * half];
      const smooth = spec.up === "bilinear" ? 1 : 0;  // reads the neighbour too
      [first, last] = [(first - smooth) >> 1, (last + smooth) >> 1];
    }
    [first, last] = [first - bottom, last + bottom];
    for (let level = 0; level < spec.depth; level++) {
      [first, last] = [2 * first - spec.convolutions * half, 2 * last + 1 + spec.convolutions * half];
    }
    return [first, last];
  }

  // The largest side over all positions relative to the deepest level's cells: output_field.
  const outputField = (spec) => Math.max(...Array.from({ length: 2 ** spec.depth }, (_, p) => {
    const [first, last] = inputRange(spec, p + 2 ** spec.depth * 64);
    return last - first + 1;
  }));

  // Weights and multiplications of an EncoderDecoderSpec with plain blocks and concatenated skips.
  function cost(spec, size) {
    const channels = Array.from({ length: spec.depth + 1 }, (_, level) => spec.width * 2 ** level);
    let weights = 0, multiplications = 0;
    const convolution = (inputs, outputs, kernel, side, extra = outputs) => {
      weights += inputs * outputs * kernel ** 2 + extra;
      multiplications += inputs * outputs * kernel ** 2 * side ** 2;
    };
    const block = (inputs, outputs, count, side) => {  // batch normalisation: two values per map, no bias
      for (let k = 0; k < count; k++) convolution(k ? outputs : inputs, outputs, spec.kernel, side, 2 * outputs);
    };
    let side = size, before = 1;
    for (let level = 0; level < spec.depth; level++) {
      block(before, channels[level], spec.convolutions, side);
      side >>= 1;
      if (spec.down === "strided") convolution(channels[level], channels[level], 2, side);
      before = channels[level];
    }
    block(before, channels[spec.depth], spec.convolutions, side);
    for (let level = spec.depth - 1; level >= 0; level--) {
      convolution(channels[level + 1], channels[level], 1, side);
      side *= 2;
      block(2 * channels[level], channels[level], spec.convolutions, side);
    }
    convolution(spec.width, CLASSES, 1, size);
    return { weights, multiplications };
  }

  class ReceptiveField extends tarea.Piece {
    static title = "Campo receptivo y presupuesto";

    build(stage) {
      const { example, size } = this.data;
      this.whole("depth", "Reducciones", { min: 1, max: 4, example: example.depth });
      this.whole("convolutions", "Convoluciones por nivel", { min: 1, max: 4, example: example.convolutions });
      this.choice("kernel", "Núcleo", { 1: "1 × 1", 3: "3 × 3", 5: "5 × 5" }, { example: String(example.kernel) });
      this.whole("dilation", "Dilatación en el fondo", { min: 1, max: 4, example: example.dilation });
      this.whole("width", "Filtros del primer nivel", { min: 2, max: 40, example: example.width });
      this.choice("down", "Bajar por", { max: "máximo", mean: "media", strided: "convolución de paso 2" });
      this.range("row", "Fila del píxel", { min: 0, max: size - 1, step: 1, example: example.row, decimals: 0 });
      this.range("column", "Columna del píxel", { min: 0, max: size - 1, step: 1, example: example.column, decimals: 0 });

      this.prediction({
        question: "¿Cuántos píxeles de lado tendrá el campo receptivo?", conceal: true, text: (value) => number(value),
        truth: () => outputField(this.spec), hint: () => "Cada convolución suma (núcleo − 1) celdas, y las celdas de un nivel hondo miden el doble que las del anterior.",
      });
      const canvas = make("canvas", { role: "img", "aria-label": "Escena con el campo receptivo del píxel elegido",
        style: "width: 18rem; cursor: crosshair" });
      picture(canvas, bytes(this.data.scene), size, size, (value) => grey(value / 255));
      this.square = make("svg:rect", { class: "tarea-answer", fill: "#e69f0033", stroke: "#e69f00", "stroke-width": 0.5 });
      this.cross = make("svg:path", { stroke: "#e69f00", "stroke-width": 0.5, fill: "none" });
      const overlay = make("svg:svg", { viewBox: `0 0 ${size} ${size}`, "aria-hidden": "true",
        style: "position: absolute; inset: 0; width: 100%; height: 100%; overflow: hidden; pointer-events: none" },
      this.square, this.cross);
      canvas.addEventListener("click", (event) => {
        const box = canvas.getBoundingClientRect();
        const place = (offset, length) => Math.min(size - 1, Math.max(0, Math.floor(offset / length * size)));
        this.set({ row: place(event.clientY - box.top, box.height), column: place(event.clientX - box.left, box.width) });
      });
      this.says = make("output", { className: "tarea-says tarea-wide tarea-answer", "aria-live": "polite" });
      this.table = make("tbody");
      stage.append(
        make("div", { className: "tarea-view" }, make("div", { style: "position: relative; width: fit-content; max-width: 100%" }, canvas, overlay),
          make("p", { className: "tarea-name" }, "Pulsa un píxel de la escena o elígelo con los controles.")),
        make("div", { className: "tarea-view tarea-scroll tarea-answer", tabIndex: 0, role: "region", "aria-label": "Redes medidas con pesos parecidos" },
          make("p", { className: "tarea-name" }, "Redes medidas con esos pesos, ±15 %"),
          make("table", {}, make("thead", {}, make("tr", {}, ["red", "pesos", "campo", "mIoU de prueba"].map((text) => make("th", { scope: "col" }, text)))), this.table)),
        this.says);
    }

    get spec() { return { ...this.state, kernel: Number(this.state.kernel) }; }

    draw() {
      const { spec } = this, { size, networks } = this.data;
      const { row, column } = this.state;
      const field = outputField(spec), { weights, multiplications } = cost(spec, size);
      const [rows, columns] = [inputRange(spec, row), inputRange(spec, column)];
      for (const [name, value] of Object.entries({ x: columns[0], y: rows[0], width: columns[1] - columns[0] + 1, height: rows[1] - rows[0] + 1 })) {
        this.square.setAttribute(name, value);
      }
      this.cross.setAttribute("d", `M ${column - 1} ${row + 0.5} h 3 M ${column + 0.5} ${row - 1} v 3`);
      const seen = ([first, last]) => Math.min(size - 1, last) - Math.max(0, first) + 1;
      const share = seen(rows) * seen(columns) / size ** 2;
      const close = networks.filter((item) => Math.abs(item.parameters / weights - 1) <= 0.15)
        .sort((a, b) => b.miou - a.miou);
      this.table.replaceChildren(...close.map((item) => make("tr", {},
        make("td", {}, item.label), make("td", { className: "tarea-number" }, number(item.parameters)),
        make("td", { className: "tarea-number" }, item.spec ? number(outputField(item.spec)) : "sin calcular"),
        make("td", { className: "tarea-number" }, number(item.miou, 3)))));
      if (!close.length) this.table.append(make("tr", {}, make("td", { colSpan: 4 }, "Ninguna red del estudio tiene esos pesos.")));
      this.says.textContent = `Campo teórico: ${number(field)} × ${number(field)} píxeles. Este píxel ve el ${tarea.percent(share, 0)} de la escena. ` +
        `Cuesta ${number(weights)} pesos y ${number(multiplications / 1e6, 1)} millones de multiplicaciones por escena.`;
    }
  }

  Object.assign(tarea, { outputField, encoderDecoderCost: cost });
  tarea.define("receptive-field", ReceptiveField);
})(globalThis.tarea);
