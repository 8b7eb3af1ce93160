// Chequerboard: how many copies of the kernel each output of a transposed convolution receives.
"use strict";

(function (tarea) {
  const { array, conv2d, transposedConvolution, number, make, picture } = tarea;
  const INPUTS = 6;
  const ones = (...shape) => { const x = array(shape); x.data.fill(1); return x; };

  // Repeat each value `factor` times along both axes.
  function enlarge(x, factor) {
    const [height, width] = x.shape.slice(-2).map((size) => size * factor);
    return array([1, 1, height, width], Float32Array.from({ length: height * width }, (_, k) =>
      x.data[Math.floor(Math.floor(k / width) / factor) * x.shape.at(-1) + Math.floor((k % width) / factor)]));
  }

  class Checkerboard extends tarea.Piece {
    static title = "El damero";

    build(stage) {
      this.range("kernel", "Tamaño del núcleo", { min: 1, max: 6, step: 1, example: this.data.kernel, decimals: 0 });
      this.range("stride", "Paso", { min: 1, max: 4, step: 1, example: this.data.stride, decimals: 0 });
      this.prediction({
        question: "Lejos de los bordes, ¿recibirán todas las salidas las mismas copias?",
        conceal: true, options: { yes: "todas igual", no: "unas más que otras" },
        truth: () => (this.even ? "yes" : "no"),
        hint: () => "Compara el resto de dividir el núcleo entre el paso.",
      });
      this.bars = make("div", { className: "tarea-scroll", tabIndex: 0, role: "region", "aria-label": "Copias que recibe cada salida en una dimensión" });
      const canvas = (label) => make("canvas", { role: "img", "aria-label": label, style: "width: 12rem" });
      this.board = canvas("Copias que recibe cada salida en dos dimensiones");
      this.cure = canvas("Repetir valores y convolucionar después");
      const view = (name, ...content) => make("div", { className: "tarea-view tarea-answer" }, make("p", { className: "tarea-name" }, name), ...content);
      this.boardText = make("p", { className: "tarea-name" });
      this.cureText = make("p", { className: "tarea-name" });
      this.says = make("output", { className: "tarea-says tarea-wide tarea-answer", "aria-live": "polite" });
      stage.append(make("div", { className: "tarea-view tarea-wide tarea-answer" }, make("p", { className: "tarea-name" }, "una dimensión: copias que recibe cada salida"), this.bars),
        view("dos dimensiones: transpuesta", this.board, this.boardText), view("repetir y después convolucionar", this.cure, this.cureText), this.says);
    }

    // Inside, each output receives ceil(k / s) or floor(k / s) copies along an axis.
    get even() { return this.state.kernel % this.state.stride === 0; }

    draw() {
      const { kernel, stride } = this.state;
      const line = transposedConvolution(ones(1, 1, 1, INPUTS), ones(1, 1, 1, kernel), stride);
      // The row of a 1-D transposed convolution: its kernel has one row, so the stride adds no rows.
      const counts = Array.from(line.data);
      const most = Math.ceil(kernel / stride);
      const inside = counts.slice(Math.max(0, kernel - 1), counts.length - Math.max(0, kernel - 1));
      this.bars.replaceChildren(this.drawBars(counts, most, Math.max(0, kernel - 1)));
      const board = transposedConvolution(ones(1, 1, INPUTS, INPUTS), ones(1, 1, kernel, kernel), stride);
      const side = board.shape[3];
      const shade = (top) => (value) => { const share = value / top; return [30 + 210 * share, 60 + 165 * share, 110 - 40 * share].map(Math.round); };
      picture(this.board, board.data, side, side, shade(most ** 2));
      const smooth = array([1, 1, 3, 3], new Float32Array(9).fill(1 / 9));
      const cured = conv2d(enlarge(ones(1, 1, INPUTS, INPUTS), stride), smooth, 1, 1);
      picture(this.cure, cured.data, cured.shape[3], cured.shape[3], shade(1));
      const [low, high] = [Math.min(...inside), Math.max(...inside)];
      this.boardText.textContent = `de ${number(Math.min(...board.data))} a ${number(Math.max(...board.data))} copias`;
      this.cureText.textContent = "núcleo de 3 × 3; solo cambia el borde, por el relleno";
      this.says.textContent = low === high
        ? `Lejos de los bordes cada salida recibe ${number(low)} ${low === 1 ? "copia" : "copias"} por eje: no hay damero.`
        : `Lejos de los bordes unas salidas reciben ${number(low)} y otras ${number(high)} copias por eje, hasta ${number(high ** 2)} frente a ${number(low ** 2)} en la imagen: hay damero${low === 0 ? ", con huecos que nadie escribe" : ""}.`;
    }

    drawBars(counts, most, edge) {
      const cell = 22, height = 16 * most + 34;
      const svg = make("svg:svg", { width: counts.length * cell + 4, height, viewBox: `0 0 ${counts.length * cell + 4} ${height}`, role: "img",
        "aria-label": `Copias por salida: ${counts.join(", ")}`, style: "max-width: none" });
      counts.forEach((count, k) => {
        const outside = k < edge || k >= counts.length - edge;
        for (let copy = 0; copy < count; copy++) {
          svg.append(make("svg:rect", { x: k * cell + 2, y: height - 32 - 16 * (copy + 1), width: cell - 3, height: 14, rx: 2,
            fill: outside ? "var(--w-line)" : "var(--w-blue)" }));
        }
        svg.append(make("svg:text", { x: k * cell + cell / 2, y: height - 18, "text-anchor": "middle" }, number(count)),
          make("svg:text", { x: k * cell + cell / 2, y: height - 4, "text-anchor": "middle", style: "font-size: 8px" }, `y${k}`));
      });
      return svg;
    }
  }

  tarea.define("checkerboard", Checkerboard);
})(globalThis.tarea);
