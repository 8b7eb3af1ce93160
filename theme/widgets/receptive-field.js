// Receptive field and budget: what one output pixel can see, and what the network costs.
"use strict";

(function (tarea) {
  const { number, make, bytes, picture, grey } = tarea;
  const CLASSES = 11;
  const MOST = 0.9;  // share of the gradient that is said to lie in a square
  const ROW = 12, GAP = 4;  // of the cone, in pixels

  // Rows (or columns) of each level that output pixel `p` depends on, from the output back to the input:
  // [{ level, range: [first, last] }], not yet clipped; decoder, deepest level, way down (models/receptive.py).
  function cone(spec, p) {
    const half = spec.kernel >> 1, steps = [{ level: 0, range: [p, p] }];
    const take = (level, first, last) => steps.push({ level, range: [first, last] });
    const last = () => steps.at(-1).range;
    const reach = (level, cells) => take(level, last()[0] - cells, last()[1] + cells);
    for (let level = 0; level < spec.depth; level++) {
      reach(level, spec.convolutions * half);
      const smooth = spec.up === "bilinear" ? 1 : 0;  // reads the neighbour too
      take(level + 1, (last()[0] - smooth) >> 1, (last()[1] + smooth) >> 1);
    }
    reach(spec.depth, (spec.bottom ?? spec.convolutions) * half * spec.dilation);
    for (let level = spec.depth - 1; level >= 0; level--) {
      take(level, 2 * last()[0], 2 * last()[1] + 1);
      reach(level, spec.convolutions * half);
    }
    return steps;
  }
  const inputRange = (spec, p) => cone(spec, p).at(-1).range;

  // Side of the smallest square around the middle of a map that holds a share of its sum.
  function sideOf(map, size, share) {
    const middle = size >> 1, total = map.reduce((a, b) => a + b, 0);
    for (let reach = 0; reach <= middle; reach++) {
      let sum = 0;
      map.forEach((value, k) => { if (Math.max(Math.abs(Math.floor(k / size) - middle), Math.abs(k % size - middle)) <= reach) sum += value; });
      if (sum >= share * total) return 2 * reach + 1;
    }
    return size;
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

      this.measured = this.data.measured.map((one) => ({ ...one, map: bytes(one.gradient) }));
      this.choice("gradient", "Gradiente medido", { none: "sin él", ...Object.fromEntries(this.measured.map(({ label }, k) => [`n${k}`, `de la ${label}`])) });
      this.prediction({
        question: "¿Cuántos píxeles de lado tendrá el campo receptivo?", conceal: true, text: (value) => number(value),
        truth: () => outputField(this.spec), hint: () => "Cada convolución suma (núcleo − 1) celdas, y las celdas de un nivel hondo miden el doble que las del anterior.",
      });
      const canvas = make("canvas", { role: "img", "aria-label": "Escena con el campo receptivo del píxel elegido",
        style: "width: 18rem; cursor: crosshair" });
      this.heat = make("canvas", { className: "tarea-answer", "aria-hidden": "true", style: "position: absolute; inset: 0; width: 100%; height: 100%; pointer-events: none; border-color: transparent" });
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
      this.cone = make("svg:svg", { width: 6 * size + 62, role: "img", "aria-label": "Cono de celdas de cada nivel que influyen en el píxel" });
      this.says = make("output", { className: "tarea-says tarea-wide tarea-answer", "aria-live": "polite" });
      this.table = make("tbody");
      stage.append(
        make("div", { className: "tarea-view" }, make("div", { style: "position: relative; width: fit-content; max-width: 100%" }, canvas, this.heat, overlay),
          make("p", { className: "tarea-name" }, "Pulsa un píxel de la escena o elígelo con los controles.")),
        make("div", { className: "tarea-view tarea-answer" }, make("p", { className: "tarea-name" }, "columnas que influyen en el píxel, nivel a nivel"), this.cone),
        make("div", { className: "tarea-view tarea-scroll tarea-answer", tabIndex: 0, role: "region", "aria-label": "Redes medidas con pesos parecidos" },
          make("p", { className: "tarea-name" }, "Redes medidas con esos pesos, ±15 %"),
          make("table", {}, make("thead", {}, make("tr", {}, ["red", "pesos", "campo", "mIoU de prueba"].map((text) => make("th", { scope: "col" }, text)))), this.table)),
        this.says);
    }

    get spec() { return { ...this.state, kernel: Number(this.state.kernel) }; }

    // A network whose gradient is looked at shows its own range too.
    attempt(texts) {
      const taken = super.attempt(texts), chosen = taken && this.measured[Number(texts.gradient?.slice(1))];
      if (chosen) {
        const { depth, convolutions, kernel, dilation, down } = chosen.spec;
        this.set({ depth, convolutions, kernel: String(kernel), dilation, down });
      }
      return taken;
    }

    // A row for each level, from the output to the input; a cell of a deep level is as wide as what it covers.
    showCone(column) {
      const { size } = this.data, { depth } = this.state, steps = cone(this.spec, column), side = 6, label = 58;
      const names = (k, level) => (k === 0 ? "salida" : k === steps.length - 1 ? "entrada" : level === depth ? "fondo" : `nivel ${level}`);
      const rows = steps.flatMap(({ level, range: [first, last] }, k) => {
        const wide = side * 2 ** level, y = k * (ROW + GAP);
        const cells = Array.from({ length: Math.ceil(size / 2 ** level) }, (_, cell) => make("svg:rect", {
          x: label + cell * wide, y, width: Math.min(wide, size * side - cell * wide), height: ROW, class: cell >= first && cell <= last ? "tarea-cone-in" : "tarea-cone-out" }));
        return [make("svg:text", { x: 0, y: y + ROW - 2 }, names(k, level)), ...cells];
      });
      const high = steps.length * (ROW + GAP);
      this.cone.setAttribute("viewBox", `0 0 ${size * side + label + 4} ${high}`);
      this.cone.setAttribute("height", high);
      this.cone.replaceChildren(...rows);
    }

    // The measured gradient around the pixel; of weak ones the root is shown, so that they are seen.
    showGradient(row, column) {
      const { size } = this.data, one = this.measured[Number(this.state.gradient.slice(1))], middle = size >> 1;
      const image = new ImageData(size, size);
      for (let k = 0; one && k < size * size; k++) {
        const [i, j] = [Math.floor(k / size) - row + middle, k % size - column + middle];
        if (i < 0 || j < 0 || i >= size || j >= size) continue;
        image.data.set([230, 97, 0, 255 * Math.sqrt(one.map[i * size + j] / 255)], 4 * k);
      }
      Object.assign(this.heat, { width: size, height: size });
      this.heat.getContext("2d").putImageData(image, 0, 0);
      return one ? ` El ${tarea.percent(MOST, 0)} del gradiente medido de la ${one.label} cae en un cuadrado de ${number(sideOf(one.map, size, MOST))} píxeles de lado (media de ${number(this.data.over)} escenas).` : "";
    }

    draw() {
      const { spec } = this, { size, networks } = this.data;
      const { row, column } = this.state;
      const field = outputField(spec), { weights, multiplications } = cost(spec, size);
      const [rows, columns] = [inputRange(spec, row), inputRange(spec, column)];
      for (const [name, value] of Object.entries({ x: columns[0], y: rows[0], width: columns[1] - columns[0] + 1, height: rows[1] - rows[0] + 1 })) {
        this.square.setAttribute(name, value);
      }
      this.cross.setAttribute("d", `M ${column - 1} ${row + 0.5} h 3 M ${column + 0.5} ${row - 1} v 3`);
      this.showCone(column);
      const measured = this.showGradient(row, column);
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
        `Cuesta ${number(weights)} pesos y ${number(multiplications / 1e6, 1)} millones de multiplicaciones por escena.${measured}`;
    }
  }

  Object.assign(tarea, { cone, sideOf, outputField, encoderDecoderCost: cost });
  tarea.define("receptive-field", ReceptiveField);
})(globalThis.tarea);
