// One value of the U-Net computed in front of the reader: window, kernel, products, sum.
"use strict";

(function (tarea) {
  const { number, make, argmax, softmax } = tarea, { grid, valueOf } = tarea.unet;
  const LIKELIEST = 4;

  class Workshop {
    constructor(piece) {
      this.piece = piece;
      this.passing = make("p", { className: "tarea-u-passing" });  // about the pixel under the pointer
      this.input = make("input", { type: "number", min: 0, step: 1, inputMode: "numeric" });
      this.channels = make("div", {});
      this.sum = make("div", {});
      const message = piece.labelled("channel", "Mapa de entrada que se mira", this.input, { panel: this.channels });
      this.input.addEventListener("input", () => piece.attempt({ channel: this.input.value }));
      piece.control("channel", {
        example: null, message, input: this.input, write: (value) => (value === null ? "" : String(value)),  // null: what adds most
        parse: (text, { at }) => (text === "" ? null : tarea.parseNumber(text, { min: 0, max: Math.max(0, piece.inputs(at.tile) - 1), whole: true })),
      });
      this.box = make("div", { className: "tarea-u-detail" }, this.channels, this.sum);
    }

    // What the window at a pixel and the weights of its map multiply, on one input map.
    products({ tile, map, row, column }, channel) {
      const { weight, stride, padding, dilation } = this.piece.step(tile).layer, side = weight.shape[3];
      const start = (map * weight.shape[1] + channel) * side ** 2;
      const kernel = Array.from({ length: side }, (_, u) => Array.from(weight.data.subarray(start + u * side, start + (u + 1) * side)));
      const { maps } = this.piece.before(tile);
      return tarea.windowCells((r, c) => valueOf(maps, channel, r, c), kernel, row, column, { stride, top: padding, left: padding, dilation });
    }

    show() {
      const { at, channel: wanted } = this.piece.state, step = this.piece.step(at.tile);
      this.channels.hidden = !step?.layer;
      if (!step?.layer) { this.sum.replaceChildren(...this.other(step, at)); return; }
      const count = this.piece.inputs(at.tile);
      const sums = Array.from({ length: count }, (_, channel) =>
        this.products(at, channel).reduce((sum, { weight, value }) => sum + weight * value, 0));
      const channel = wanted ?? argmax(sums.map(Math.abs));
      this.input.max = count - 1;
      if (this.piece.controls.channel.text === null) this.input.value = channel;
      const cells = this.products(at, channel), side = Math.sqrt(cells.length);
      const rows = (text) => Array.from({ length: side }, (_, u) => Array.from({ length: side }, (_, v) => text(cells[u * side + v])));
      const view = (name, values, kind) => make("div", {}, make("p", { className: "tarea-name" }, name), grid(rows((cell) => number(values(cell), 2)), name, kind));
      const sign = (text) => make("span", { "aria-hidden": "true" }, text);
      const total = sums.reduce((a, b) => a + b, 0), bias = step.layer.bias?.[at.map] ?? 0;
      const parts = [
        `Mapa ${channel}: ${number(sums[channel], 2)}`, ...(count > 1 ? [`los ${number(count)} mapas: ${number(total, 2)}`] : []),
        `con el sesgo (${number(bias, 2)}): ${number(total + bias, 2)}`, ...(step.relu ? [`tras la ReLU: ${number(Math.max(0, total + bias), 2)}`] : []),
      ];
      this.sum.replaceChildren(
        make("div", { className: "tarea-u-product" },
          view("ventana", ({ value }) => value, (u, v) => (cells[u * side + v].inside ? "" : "tarea-u-outside")), sign("×"),
          view("núcleo", ({ weight }) => weight), sign("="), view("productos", ({ weight, value }) => weight * value)),
        count > 1 ? this.bars(sums, channel) : "",
        make("p", {}, `${parts.join("; ")}.`));
    }

    // A bar up or down for what each input map adds; a click chooses it, as the number above does.
    bars(sums, channel) {
      const [high, low, width] = [Math.max(0, ...sums), Math.min(0, ...sums), sums.length], height = high - low || 1;
      const svg = make("svg:svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", class: "tarea-u-bars",
        "aria-label": `Lo que suma cada mapa de entrada: ${sums.map((sum) => number(sum, 2)).join("; ")}` },
      sums.map((sum, k) => make("svg:rect", { x: k + 0.1, width: 0.8, y: high - Math.max(0, sum), height: Math.max(height / 100, Math.abs(sum)),
        class: `${sum < 0 ? "tarea-u-minus" : "tarea-u-plus"}${k === channel ? " tarea-u-this" : ""}` })),
      make("svg:path", { d: `M 0 ${high} H ${width}` }));
      svg.addEventListener("click", (event) => {
        const area = svg.getBoundingClientRect();
        this.piece.set({ channel: Math.min(width - 1, Math.max(0, Math.floor((event.clientX - area.left) / area.width * width))) });
      });
      return make("div", {}, make("p", { className: "tarea-name" }, "lo que suma cada mapa de entrada; pulsa uno para verlo"), svg);
    }

    // Where nothing is multiplied: the mask, the input, what is pooled or joined.
    other(step, { map, row, column }) {
      if (!step) {
        const scores = this.piece.now.of(row * this.piece.size + column), box = make("div", {});
        const shares = softmax(scores).map((share, k) => [k ? String(k - 1) : "fondo", share]);
        tarea.bars(box, shares.sort((a, b) => b[1] - a[1]).slice(0, LIKELIEST));
        return [make("p", { className: "tarea-name" }, "las clases más probables en este píxel"), box];
      }
      if (step.kind === "input") return [make("p", {}, "Un píxel de la escena: 0 es negro y 1, blanco.")];
      if (step.kind === "pool") return [make("p", {}, "El resumen de cuatro valores del nivel de arriba.")];
      const rising = step.maps.shape[1] - this.piece.now.steps[step.from[1]].maps.shape[1];
      return [make("p", {}, map < rising ? `Sube: es el valor del mapa ${map} del nivel ${step.level + 1}, fila ${row >> 1}, columna ${column >> 1}, repetido en 2 × 2.`
        : `Llega por la conexión de salto: es el mapa ${map - rising} de la bajada, en la misma fila y columna${step.cut ? "; como está cortada, vale 0" : ""}.`)];
    }
  }

  Object.assign(tarea.unet, { Workshop });
})(globalThis.tarea);
