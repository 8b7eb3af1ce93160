// Convolution workshop: edit X and K, guess the size of the output, look at each window.
"use strict";

(function (tarea) {
  const { number, make, parseNumber, outputSize } = tarea;
  const LARGEST = 8, LARGEST_1D = 12, LARGEST_KERNEL = 3;

  // A matrix as text for the address: rows separated by ";", values by "_".
  const write = (rows) => rows.map((row) => row.join("_")).join(";");
  function read(text, largestHeight, largestWidth) {
    const rows = String(text).split(";").map((row) => row.split("_").map((value) => parseNumber(value, { min: -9999, max: 9999 })));
    const width = rows[0].length;
    if (rows.some((row) => row.length !== width)) throw new RangeError("Todas las filas necesitan los mismos valores.");
    if (rows.length > largestHeight || width > largestWidth) {
      throw new RangeError(`Como mucho ${largestHeight} × ${largestWidth} valores.`);
    }
    return rows;
  }
  const resized = (rows, height, width) => Array.from({ length: height }, (_, i) =>
    Array.from({ length: width }, (_, j) => rows[i]?.[j] ?? 0));
  const turned = (rows) => rows.map((row) => [...row].reverse()).reverse();

  class Convolution extends tarea.Piece {
    static title = "Taller de convolución";

    build(stage) {
      const { example, presets, dimensions } = this.data;
      this.flat = dimensions === 1;  // a signal is a matrix of one row, without padding above it
      this.answered = new Set();  // sizes that the reader has predicted or asked for
      const sizes = make("fieldset", { className: "tarea-group tarea-controls" }, make("legend", {}, "Tamaños"));
      this.panel.append(sizes);
      const size = (name, label, matrix, axis, max) => this.sizeControl(name, label, matrix, axis, max, sizes);
      if (!this.flat) size("rows", "Filas de X", "x", 0, LARGEST);
      size("columns", this.flat ? "Valores de x" : "Columnas de X", "x", 1, this.flat ? LARGEST_1D : LARGEST);
      if (!this.flat) size("kernelRows", "Filas de K", "k", 0, LARGEST_KERNEL);
      size("kernelColumns", this.flat ? "Pesos del núcleo" : "Columnas de K", "k", 1, this.flat ? 5 : LARGEST_KERNEL);
      this.whole("stride", "Paso", { min: 1, max: 9, example: example.stride });
      this.whole("padding", "Relleno", { min: 0, max: 9, example: example.padding });
      this.whole("dilation", "Dilatación", { min: 1, max: 5, example: example.dilation });
      this.flag("strict", "convolución estricta (núcleo girado 180°)");
      this.flag("ask", "preguntar antes el tamaño", { example: true });

      if (presets.length) {
        const group = make("div", { className: "tarea-group" });
        for (const { label, state } of presets) {
          this.button(label, () => this.attempt(Object.fromEntries(
            Object.entries(state).map(([name, value]) => [name, Array.isArray(value) ? write(value) : String(value)]))), group);
        }
        this.panel.append(group);
      }
      const view = (name, ...children) => make("div", { className: "tarea-view" }, make("p", { className: "tarea-name" }, name), ...children);
      this.inputGrid = make("div", { className: "tarea-grid" });
      this.kernelGrid = make("div", { className: "tarea-grid" });
      this.outputGrid = make("div", { className: "tarea-grid", role: "group", "aria-label": "Salida: las flechas recorren sus celdas" });
      this.strictGrid = make("div", { className: "tarea-grid" });
      this.strictView = view("K girado, el que se desliza", this.strictGrid);
      this.question = make("form", { className: "tarea-group" });
      this.messages = {};
      for (const name of ["x", "k"]) this.messages[name] = make("span", { className: "tarea-message", role: "status" });
      const scroll = (grid) => make("div", { className: "tarea-scroll" }, grid);
      const steps = make("div", { className: "tarea-group" });
      this.nextButton = this.button("Siguiente ventana", () => this.next(), steps);
      this.outputView = view("Salida", this.question, scroll(this.outputGrid), steps);
      this.says = make("output", { className: "tarea-says tarea-wide", "aria-live": "polite" });
      this.sizes = make("p", {});
      stage.append(
        view("X, con sus ceros de relleno", scroll(this.inputGrid), this.messages.x),
        view("K", this.kernelGrid, this.messages.k), this.strictView, this.outputView,
        make("div", { className: "tarea-wide" }, this.sizes,
          make("p", { className: "tarea-key" },
            make("span", {}, make("i", { style: "outline: 2px solid var(--w-vermilion); background: var(--w-mark)" }), "ventana de la salida señalada"),
            make("span", {}, make("i", { style: "background: repeating-linear-gradient(45deg, transparent 0 4px, color-mix(in srgb, var(--w-vermilion) 40%, transparent) 4px 6px)" }), "dato que ninguna ventana ve"),
            make("span", {}, make("i", { style: "border: 2px dashed var(--w-soft)" }), "salida que solo ve relleno"),
            make("span", {}, make("i", { style: "outline: 2px solid var(--w-blue)" }), "salidas a las que llega la celda de X señalada"))),
        this.says);

      this.matrix("x", example.x, this.inputGrid, this.flat ? 1 : LARGEST, this.flat ? LARGEST_1D : LARGEST);
      this.matrix("k", example.k, this.kernelGrid, this.flat ? 1 : LARGEST_KERNEL, this.flat ? 5 : LARGEST_KERNEL);
      this.question.addEventListener("submit", (event) => { event.preventDefault(); this.answer(); });
      this.outputGrid.addEventListener("keydown", (event) => this.walk(event));
      for (const grid of [this.inputGrid, this.kernelGrid]) {
        grid.addEventListener("keydown", (event) => this.walkValues(grid, event));
        grid.addEventListener("focusin", ({ target }) => { this.stopAt(grid, target); target.select(); });
      }
      for (const name of ["pointerover", "focusin"]) this.inputGrid.addEventListener(name, ({ target }) => this.feed(target.dataset.place));
      for (const name of ["pointerleave", "focusout"]) this.inputGrid.addEventListener(name, () => this.feed());
    }

    // Rows or columns of a matrix: kept with the matrix itself, not as a state of their own.
    sizeControl(name, label, matrix, axis, max, panel) {
      const input = make("input", { type: "number", min: 1, max, step: 1, inputMode: "numeric" });
      const message = this.labelled(name, label, input, { panel });
      input.addEventListener("input", () => {
        try {
          const value = parseNumber(input.value, { min: 1, max, whole: true });
          const rows = this.state[matrix];
          message.textContent = "";
          input.removeAttribute("data-wrong");
          const changed = resized(rows, axis ? rows.length : value, axis ? value : rows[0].length);
          const problem = this.check({ ...this.state, [matrix]: changed });
          if (problem) throw new RangeError(problem[1]);
          this.attempt({ [matrix]: write(changed) });
        } catch (error) {
          message.textContent = error.message;
          input.setAttribute("data-wrong", "");
        }
      });
      (this.sizeInputs ??= []).push({ input, matrix, axis, message });
    }

    matrix(name, example, grid, largestHeight, largestWidth) {
      this.control(name, {
        example, write, message: this.messages[name], parse: (text) => read(text, largestHeight, largestWidth),
      });
      grid.addEventListener("input", ({ target }) => {
        const rows = this.state[name].map((row) => [...row]);
        const [i, j] = target.dataset.place.split(",").map(Number);
        try {
          rows[i][j] = parseNumber(target.value, { min: -9999, max: 9999 });
          target.removeAttribute("data-wrong");
          this.messages[name].textContent = "";
          this.attempt({ [name]: write(rows) });
        } catch (error) {
          target.setAttribute("data-wrong", "");
          this.messages[name].textContent = `Fila ${i + 1}, columna ${j + 1}: ${error.message}`;
        }
      });
    }

    check({ x, k, stride, padding, dilation }) {
      try {
        if (!this.flat) outputSize(x.length, k.length, stride, padding, dilation);
        outputSize(x[0].length, k[0].length, stride, padding, dilation);
        return null;
      } catch (error) {
        return [dilation > 1 ? "dilation" : "padding", error.message];
      }
    }

    get kernel() { return this.state.strict ? turned(this.state.k) : this.state.k; }
    get height() { const { x, k, stride, padding, dilation } = this.state; return this.flat ? 1 : outputSize(x.length, k.length, stride, padding, dilation); }
    get width() { const { x, k, stride, padding, dilation } = this.state; return outputSize(x[0].length, k[0].length, stride, padding, dilation); }
    get configuration() { const { x, k, stride, padding, dilation } = this.state; return [x.length, x[0].length, k.length, k[0].length, stride, padding, dilation].join(); }
    get concealed() { return this.state.ask && !this.answered.has(this.configuration); }

    draw() {
      const { x, k, stride, padding, dilation, strict } = this.state;
      for (const { input, matrix, axis, message } of this.sizeInputs) {
        const size = axis ? this.state[matrix][0].length : this.state[matrix].length;
        if (document.activeElement !== input || !message.textContent) input.value = size;
        if (document.activeElement !== input) { message.textContent = ""; input.removeAttribute("data-wrong"); }
      }
      this.top = this.flat ? 0 : padding;
      this.fill(this.inputGrid, x, "X", this.top, padding);
      this.fill(this.kernelGrid, k, "K", 0, 0);
      this.strictView.hidden = !strict;
      this.fill(this.strictGrid, strict ? turned(k) : [], null, 0, 0);
      this.markUnseen();
      this.drawQuestion();
      this.drawOutput();
      const formula = (n, size, side) => `⌊(${n} + 2·${side} − ${dilation}·(${size} − 1) − 1) / ${stride}⌋ + 1`;
      this.sizes.textContent = this.concealed ? "n′ = ⌊(n + 2p − d(k − 1) − 1) / s⌋ + 1"
        : this.flat ? `n′ = ${formula(x[0].length, k[0].length, padding)} = ${this.width}`
          : `alto: ${formula(x.length, k.length, padding)} = ${this.height}; ancho: ${formula(x[0].length, k[0].length, padding)} = ${this.width}`;
    }

    // Fill a grid; where its shape stays, its inputs stay too, and with them the focus.
    fill(grid, rows, name, top, side) {
      const shape = [rows.length, rows[0]?.length, top, side].join();
      const height = rows.length + 2 * top, width = (rows[0]?.length ?? 0) + 2 * side;
      if (grid.dataset.shape !== shape) {
        grid.dataset.shape = shape;
        grid.style.gridTemplateColumns = `repeat(${width}, max-content)`;
        grid.replaceChildren();
        for (let i = 0; i < height; i++) for (let j = 0; j < width; j++) {
          const [r, c] = [i - top, j - side];
          const inside = r >= 0 && r < rows.length && c >= 0 && c < rows[0].length;
          grid.append(!inside ? make("span", { className: "tarea-zero" }, "0")
            : name ? make("input", { type: "text", inputMode: "decimal", "data-place": `${r},${c}`, autocomplete: "off",
              "aria-label": `${name}, fila ${r + 1}, columna ${c + 1}` })
              : make("span", { className: "tarea-cell" }));
        }
        if (name) this.stopAt(grid, grid.querySelector("input"));
      }
      rows.flat().forEach((value, place) => {
        const [r, c] = [Math.floor(place / rows[0].length), place % rows[0].length];
        const cell = grid.children[(r + top) * width + c + side];
        if (cell.localName !== "input") cell.textContent = number(value);
        else if (cell.hasAttribute("data-wrong")) return;
        else if (document.activeElement !== cell || cell.value === "") cell.value = number(value);
      });
    }

    // A matrix is one stop of the Tab key: the value that was edited last, or the first one.
    stopAt(grid, value) {
      for (const input of grid.querySelectorAll("input")) input.tabIndex = input === value ? 0 : -1;
    }
    // The arrows go from value to value; in a text being typed, left and right move in it first.
    walkValues(grid, event) {
      const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key], { target } = event;
      if (!move || event.shiftKey || event.ctrlKey || event.altKey || event.metaKey) return;
      const { selectionStart: from, selectionEnd: to, value: { length } } = target, whole = from === 0 && to === length;
      if (move[1] && !whole && !(from === to && from === (move[1] < 0 ? 0 : length))) return;
      const [r, c] = target.dataset.place.split(",").map(Number);
      const next = grid.querySelector(`[data-place="${r + move[0]},${c + move[1]}"]`);
      event.preventDefault();
      next?.focus();
    }

    // The cells of the padded input that the window of output (i, j) multiplies.
    window(i, j) {
      const { x, stride, padding, dilation } = this.state;
      return tarea.windowCells((r, c) => x[r]?.[c], this.kernel, i, j, { stride, top: this.top, left: padding, dilation });
    }

    markUnseen() {
      const { x, padding } = this.state;
      const seen = new Set();
      for (let i = 0; i < this.height; i++) for (let j = 0; j < this.width; j++) {
        for (const { r, c } of this.window(i, j)) seen.add(`${r},${c}`);
      }
      x.forEach((row, r) => row.forEach((_, c) => {
        const cell = this.cell(r, c);
        const unseen = !seen.has(`${r},${c}`);
        cell.classList.toggle("tarea-unseen", unseen);
        unseen ? cell.setAttribute("title", "Ninguna ventana ve esta celda") : cell.removeAttribute("title");
      }));
    }
    cell(r, c) {
      const { x, padding } = this.state;
      return this.inputGrid.children[(r + this.top) * (x[0].length + 2 * padding) + c + padding];
    }

    drawQuestion() {
      if (!this.concealed) { this.question.replaceChildren(); this.question.hidden = true; return; }
      if (this.question.dataset.for === this.configuration && !this.question.hidden) return;
      this.question.dataset.for = this.configuration;
      this.question.hidden = false;
      const field = (label, id) => [make("label", { htmlFor: `${this.name}-${id}` }, label),
        make("input", { type: "number", min: 0, step: 1, id: `${this.name}-${id}`, inputMode: "numeric" })];
      const show = make("button", { type: "button" }, "Ver sin predecir");
      show.addEventListener("click", () => { this.answered.add(this.configuration); this.draw(); });
      this.reply = make("span", { className: "tarea-message", role: "status" });
      this.question.replaceChildren(
        make("span", {}, this.flat ? "¿Cuántos valores tendrá?" : "¿Qué tamaño tendrá?"),
        ...(this.flat ? [] : field("alto", "guess-rows")), ...field(this.flat ? "valores" : "ancho", "guess-columns"),
        make("button", { type: "submit" }, "Comprobar"), show, this.reply);
    }

    answer() {
      const inputs = [...this.question.querySelectorAll("input")];
      const guesses = [];
      for (const input of inputs) {
        try { guesses.push(parseNumber(input.value, { min: 0, whole: true })); }
        catch (error) { this.reply.textContent = error.message; input.focus(); return; }
      }
      const right = guesses.at(-1) === this.width && (this.flat || guesses[0] === this.height);
      this.answered.add(this.configuration);
      const said = guesses.map((guess) => number(guess)).join(" × ");
      const found = this.flat ? number(this.width) : `${number(this.height)} × ${number(this.width)}`;
      this.draw();
      this.says.textContent = right ? `Sí: la salida tiene ${found}.`
        : `Has dicho ${said} y la salida tiene ${found}: cuenta en la fórmula las posiciones en que cabe el núcleo.`;
    }

    drawOutput() {
      const { height, width } = this;
      this.outputGrid.hidden = this.concealed;
      this.outputGrid.replaceChildren();
      this.nextButton.hidden = this.concealed;
      this.live.classList.toggle("tarea-concealed", this.concealed);
      this.walked = -1;
      this.mark([]);
      if (this.concealed) { this.says.textContent = "Predice el tamaño de la salida antes de verla."; return; }
      this.outputGrid.style.gridTemplateColumns = `repeat(${width}, max-content)`;
      this.outputGrid.classList.toggle("tarea-broad", this.flat);
      for (let i = 0; i < height; i++) for (let j = 0; j < width; j++) {
        const cells = this.window(i, j);
        const sum = cells.reduce((total, { weight, value }) => total + weight * value, 0);
        const onlyZeros = cells.every(({ inside }) => !inside);
        const text = number(Number(sum.toFixed(4)));
        const button = make("button", { type: "button", tabIndex: i || j ? -1 : 0, className: onlyZeros ? "tarea-only-zeros" : "",
          "aria-label": `Salida ${this.place(i, j)}: ${text}${onlyZeros ? ", solo ve relleno" : ""}` }, text);
        button.addEventListener("focus", () => this.explain(i, j, cells, text, onlyZeros));
        button.addEventListener("pointerenter", () => this.explain(i, j, cells, text, onlyZeros));
        button.addEventListener("click", () => this.explain(i, j, cells, text, onlyZeros));
        this.outputGrid.append(button);
      }
      this.says.textContent = this.flat ? "Señala un valor de la salida para ver su ventana." : "Señala una celda de la salida para ver su ventana.";
    }
    place(i, j) { return this.flat ? number(j) : `(${number(i)}, ${number(j)})`; }

    explain(i, j, cells, text, onlyZeros) {
      this.walked = i * this.width + j;
      this.mark(cells);
      this.says.textContent = `Salida ${this.place(i, j)}: ${tarea.terms(cells)} = ${text}${onlyZeros ? ". Su ventana solo ve relleno." : ""}`;
    }

    // The next window in reading order; after the last one, the first.
    next() {
      const cells = [...this.outputGrid.children];
      this.walked = (this.walked + 1) % cells.length;
      cells[this.walked].click();
    }

    // The outputs that a cell of X, "row,column", reaches stand out; none without one.
    feed(place) {
      [...this.outputGrid.children].forEach((cell, k) => {
        const reached = place && this.window(Math.floor(k / this.width), k % this.width).some(({ r, c }) => `${r},${c}` === place);
        cell.classList.toggle("tarea-fed", Boolean(reached));
      });
    }

    mark(cells) {
      for (const cell of this.inputGrid.children) cell.classList.remove("tarea-window");
      for (const { r, c } of cells) this.cell(r, c)?.classList.add("tarea-window");
    }

    walk(event) {
      const move = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.width, ArrowDown: this.width }[event.key];
      if (!move) return;
      event.preventDefault();
      const cells = [...this.outputGrid.children], now = cells.indexOf(document.activeElement);
      const next = cells[now + move];
      if (!next || (Math.abs(move) === 1 && Math.floor(now / this.width) !== Math.floor((now + move) / this.width))) return;
      cells[now].tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    }
  }

  tarea.define("convolution", Convolution);
})(globalThis.tarea);
