// Your own photograph: segmented in the page by the network for street scenes, and sent nowhere.
"use strict";

(function (tarea) {
  const { number, percent, make, picture, array, argmax, softmax, resizePicture } = tarea;
  const HIGH = 120, WIDE = 160, DIVISOR = 16;  // as the network was trained; padded as predictor.py does
  const MOST = 50e6, EXACT = 4e6, SHOWN = 960;  // pixels: refused beyond, reduced by the browser beyond; width shown
  const LIKELIEST = 4;

  // A sentence where a file is no photograph that can be taken, by its name and first bytes.
  async function refusal(file) {
    const head = new TextDecoder("latin1").decode(await file.slice(4, 12).arrayBuffer());
    if (/\.hei[cf]$/i.test(file.name) || /hei[cf]/.test(file.type) || /^ftyp(hei|hev|mif1|msf1)/.test(head)) {
      return "Es una fotografía HEIC, que los navegadores no suelen leer: guárdala como JPEG o PNG y elígela otra vez.";
    }
    return null;
  }
  function decode(address) {
    return new Promise((resolve, reject) => {
      const image = new Image();
      image.addEventListener("load", () => resolve(image));
      image.addEventListener("error", () => reject(new RangeError("No es una imagen que el navegador sepa leer: aquí va un JPEG, un PNG o un WebP.")));
      image.src = address;
    });
  }

  // The picture (3, H, W) of 8 bits on a canvas.
  function planes(canvas) {
    const { width, height } = canvas, { data } = canvas.getContext("2d", { willReadFrequently: true }).getImageData(0, 0, width, height);
    const area = width * height, values = new Uint8ClampedArray(3 * area);
    for (let k = 0; k < area; k++) for (let c = 0; c < 3; c++) values[c * area + k] = data[4 * k + c];
    return array([3, height, width], values);
  }
  function drawn(image, width, height) {
    const canvas = make("canvas", { width, height }), context = canvas.getContext("2d", { willReadFrequently: true });
    Object.assign(context, { imageSmoothingQuality: "high", fillStyle: "#fff" });
    context.fillRect(0, 0, width, height);
    context.drawImage(image, 0, 0, width, height);
    return canvas;
  }

  // Scores (K, 120, 160) of a picture (3, H, W): reduced, its edge continued to a multiple of 16, cut off again.
  function scoresOf(run, whole) {
    const { data } = resizePicture(whole, HIGH, WIDE), high = Math.ceil(HIGH / DIVISOR) * DIVISOR;
    const x = array([1, 3, high, WIDE]);
    for (let c = 0; c < 3; c++) for (let i = 0; i < high; i++) for (let j = 0; j < WIDE; j++) {
      x.data[(c * high + i) * WIDE + j] = data[(c * HIGH + Math.min(i, HIGH - 1)) * WIDE + j] / 255;
    }
    const { scores: { shape: [, classes], data: found } } = run(x);
    const scores = array([classes, HIGH, WIDE]);
    for (let c = 0; c < classes; c++) scores.data.set(found.subarray(c * high * WIDE, c * high * WIDE + HIGH * WIDE), c * HIGH * WIDE);
    return scores;
  }

  class Photograph extends tarea.Piece {
    static title = "Tu propia fotografía";
    static captionTells = false;

    build(stage) {
      const { script, classes } = this.data;
      this.run = tarea.encoderDecoder(tarea.network(script));
      this.names = classes.map(({ name }) => name);
      this.colours = classes.map(({ colour }) => colour);
      // The browser's own control for files speaks the browser's language: buttons open it.
      const [choose] = [["file", "Una fotografía tuya: elígela o suéltala aquí", "Elegir…", {}],
        ["camera", "O hazla ahora", "Hacer una fotografía", { capture: "environment" }]].map(([name, label, text, rest]) => {
        const input = make("input", { type: "file", accept: "image/*", hidden: true, "aria-label": label, ...rest });
        input.addEventListener("change", () => { if (input.files[0]) this.open(input.files[0]); input.value = ""; });
        const button = make("button", { type: "button" }, text), message = this.labelled(name, label, button, { after: [input] });
        button.addEventListener("click", () => input.click());
        return { button, message };
      });
      this.message = choose.message;
      this.panel.lastElementChild.classList.add("tarea-camera");
      this.live.addEventListener("dragover", (event) => { event.preventDefault(); this.live.classList.add("tarea-drop"); });
      this.live.addEventListener("dragleave", () => this.live.classList.remove("tarea-drop"));
      this.live.addEventListener("drop", (event) => {
        event.preventDefault();
        this.live.classList.remove("tarea-drop");
        const [file] = event.dataTransfer.files;
        if (file) this.open(file); else this.refuse("Ahí no hay ningún archivo: suelta una fotografía guardada.");
      });
      this.panel.append(make("p", { className: "tarea-soft tarea-wide" },
        "La fotografía no sale de esta página: la red corre en tu navegador. El enlace guarda los mandos, no la fotografía."));
      this.form = this.prediction({
        question: "¿Qué clase ocupará más?", conceal: true, decisive: [], options: { ...this.names },
        truth: () => String(argmax(this.shares)), hint: () => "La red siempre responde, también a lo que no es una calle.",
      });
      this.range("opacity", "Opacidad de la máscara", { min: 0, max: 1, step: 0.05, example: 0.6, decimals: 2 });
      this.range("wipe", "Cortina", { min: 0, max: 100, step: 1, example: 0, decimals: 0, unit: "\u00a0%" });
      this.control("at", { example: [HIGH >> 1, WIDE >> 1], write: (at) => at.join("_"), parse: (text) => {
        const [row, column] = String(text).split("_").map(Number);
        if (Number.isInteger(row) && Number.isInteger(column) && row >= 0 && column >= 0 && row < HIGH && column < WIDE) return [row, column];
        throw new RangeError("El píxel del enlace no se entiende.");
      } });
      this.views(stage);
      this.loadExample();
    }

    views(stage) {
      this.photo = make("canvas", { tabIndex: 0, role: "application", "aria-label": "Fotografía. Las flechas mueven el píxel cuyas probabilidades se muestran",
        style: "width: 100%; image-rendering: auto; cursor: crosshair" });
      this.mask = make("canvas", { "aria-hidden": "true", className: "tarea-answer", style: "position: absolute; inset: 0; width: 100%; height: 100%; pointer-events: none; border: 0" });
      this.cross = make("svg:path", { fill: "none", stroke: "#ffb000", "stroke-width": 1 });
      const overlay = make("svg:svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", "aria-hidden": "true",
        style: "position: absolute; inset: 0; width: 100%; height: 100%; pointer-events: none; overflow: hidden" }, this.cross);
      const place = (event) => {
        const area = this.photo.getBoundingClientRect(), inside = (share, size) => Math.min(size - 1, Math.max(0, Math.floor(share * size)));
        return [inside((event.clientY - area.top) / area.height, HIGH), inside((event.clientX - area.left) / area.width, WIDE)];
      };
      this.photo.addEventListener("pointermove", (event) => { if (event.pointerType !== "touch") this.point(place(event)); });
      this.photo.addEventListener("pointerleave", () => this.point(this.state.at));
      this.photo.addEventListener("click", (event) => this.set({ at: place(event) }));
      this.photo.addEventListener("keydown", (event) => {
        const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
        if (!move) return;
        event.preventDefault();
        const step = event.shiftKey ? 8 : 1, [row, column] = this.state.at;
        this.set({ at: [Math.min(HIGH - 1, Math.max(0, row + step * move[0])), Math.min(WIDE - 1, Math.max(0, column + step * move[1]))] });
      });
      this.credit = make("p", { className: "tarea-name" });
      this.shareBars = make("div", {});
      this.pixelBars = make("div", {});
      this.pixelName = make("p", { className: "tarea-name" });
      const view = (...content) => make("div", { className: "tarea-view tarea-answer" }, ...content);
      this.says = make("output", { className: "tarea-says tarea-wide tarea-answer", "aria-live": "polite" });
      stage.append(make("div", { className: "tarea-photo" }, make("div", { style: "position: relative" }, this.photo, this.mask, overlay), this.credit),
        make("div", { className: "tarea-view" }, view(this.pixelName, this.pixelBars), view(make("p", { className: "tarea-name" }, "de toda la fotografía"), this.shareBars)),
        make("p", { className: "tarea-key tarea-wide" }, this.names.map((name, k) => make("span", {}, make("i", { style: `background: rgb(${this.colours[k]}); border: 1px solid var(--w-line)` }), name))),
        this.says);
    }

    // A photograph, from a file to its answer ----------------------------------------------------------

    async loadExample() {
      const { address, credit } = this.data.example;
      await this.answer(await decode(address), credit);
    }
    refuse(sentence) {
      this.message.textContent = sentence;
    }
    // What is refused leaves the photograph before it.
    async open(file) {
      const address = URL.createObjectURL(file);
      try {
        const reason = await refusal(file);
        if (reason) throw new RangeError(reason);
        const image = await decode(address), pixels = image.naturalWidth * image.naturalHeight;
        if (!pixels) throw new RangeError("La imagen no dice su tamaño: aquí va un JPEG, un PNG o un WebP.");
        if (pixels > MOST) throw new RangeError(`Tiene ${number(pixels / 1e6, 1)} millones de píxeles: aquí va una fotografía de ${number(MOST / 1e6)} como mucho; redúcela antes.`);
        this.message.textContent = "";
        await this.answer(image, `${file.name}, ${number(image.naturalWidth)} × ${number(image.naturalHeight)} píxeles`);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        this.refuse(error.message);
      } finally {
        URL.revokeObjectURL(address);
      }
    }

    async answer(image, credit) {
      const turn = this.turn = (this.turn ?? 0) + 1;
      const { naturalWidth: wide, naturalHeight: high } = image, share = Math.min(1, Math.sqrt(EXACT / (wide * high)));
      const whole = planes(drawn(image, Math.max(1, Math.round(wide * share)), Math.max(1, Math.round(high * share))));
      const size = Math.min(1, SHOWN / wide), shown = drawn(image, Math.max(1, Math.round(wide * size)), Math.max(1, Math.round(high * size)));
      Object.assign(this.photo, { width: shown.width, height: shown.height });
      this.photo.getContext("2d").drawImage(shown, 0, 0);
      this.credit.textContent = `${credit}. La red responde…`;
      this.forgetPrediction();
      this.reveal(false);
      // The photograph is seen before the network keeps the page busy.
      await new Promise((resolve) => { requestAnimationFrame(() => setTimeout(resolve)); });
      if (turn !== this.turn) return;
      const start = performance.now(), scores = scoresOf(this.run, whole), seconds = (performance.now() - start) / 1000;
      const area = HIGH * WIDE, of = (k) => softmax(Array.from({ length: scores.shape[0] }, (_, c) => scores.data[c * area + k]));
      this.probabilities = Array.from({ length: area }, (_, k) => of(k));
      this.found = Uint8Array.from(this.probabilities, argmax);
      this.shares = this.names.map((_, k) => this.found.reduce((count, label) => count + (label === k), 0) / area);
      this.sure = this.probabilities.reduce((sum, values, k) => sum + values[this.found[k]], 0) / area;
      picture(this.mask, this.found, WIDE, HIGH, (label) => this.colours[label]);
      this.credit.textContent = `${credit}. La red tardó ${number(seconds, 1)} s en este aparato.`;
      tarea.bars(this.shareBars, this.ranked(this.shares));
      const order = [...this.shares.keys()].sort((a, b) => this.shares[b] - this.shares[a]);
      this.says.textContent = `Sobre todo ve ${this.names[order[0]]} (${percent(this.shares[order[0]], 0)}) y ${this.names[order[1]]} (${percent(this.shares[order[1]], 0)}). Confianza media: ${percent(this.sure, 0)}.`;
      this.draw();
    }
    ranked(shares) {
      return [...shares.keys()].sort((a, b) => shares[b] - shares[a]).slice(0, LIKELIEST).map((k) => [this.names[k], shares[k]]);
    }

    draw() {
      const { opacity, wipe, at } = this.state;
      this.mask.style.opacity = opacity;
      this.mask.style.clipPath = `inset(0 0 0 ${wipe}%)`;
      this.point(at);
    }
    point([row, column]) {
      this.cross.setAttribute("d", `M ${column - 4} ${row + 0.5} h 9 M ${column + 0.5} ${row - 4} v 9`);
      if (!this.probabilities) return;
      this.pixelName.textContent = `fila ${row}, columna ${column}, de ${HIGH} × ${WIDE}`;
      tarea.bars(this.pixelBars, this.ranked(this.probabilities[row * WIDE + column]));
    }

    reset() {
      super.reset();
      this.message.textContent = "";
      this.loadExample();
    }
  }

  Object.assign(tarea, { photograph: { planes, scoresOf } });
  tarea.define("photograph", Photograph);
})(globalThis.tarea);
