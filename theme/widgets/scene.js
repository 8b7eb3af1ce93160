// Segment your scene: compose or spoil a scene, and see beside each other what two networks answer.
"use strict";

(function (tarea) {
  const { number, percent, make, bytes, picture, grey } = tarea;
  const { SIZE, PIXELS, UNKNOWN, DRAWN, ERASED, UNJUDGED, ERROR_COLOURS, ERROR_NAMES, errorPaint, writeEdits, readEdits, compose, read,
    iouOf, meanIou, errorOf, whereWrong } = tarea.scene;
  const NEAR = 12;  // pixels from a placed digit at which it is taken up
  const SEEN = 12;  // pixels of a class that a network is said to see
  const PLACES = { edge: "en el contorno de los dígitos", inside: "dentro de los dígitos", background: "en el fondo, lejos de los dígitos", none: "en ninguna parte" };

  class Scene extends tarea.Piece {
    static title = "Segmenta tu escena";

    build(stage) {
      const { networks, scenes, colours } = this.data;
      this.images = bytes(scenes.images);
      this.masks = bytes(scenes.masks);
      this.glyphs = Float32Array.from(bytes(this.data.glyphs), (value) => value / 255);
      this.colours = colours.map((colour) => [1, 3, 5].map((k) => parseInt(colour.slice(k, k + 2), 16)));
      this.networks = networks.map(({ label, script }, place) => {
        const stored = tarea.network(script);
        return { label, skips: stored.spec.skip !== "none", ...tarea.beside(stored, (scores, question) => this.answered(place, scores, question)) };
      });
      this.held = null;
      this.scenery(scenes.count);
      this.form = this.prediction({
        question: "¿Dónde tendrá más píxeles equivocados la mejor red?", conceal: true, decisive: ["scene", "noise", "clutter", "skips"],
        options: PLACES, truth: () => this.whereMost(), hint: () => this.placesSaid(),
      });
      this.toolbar(stage);
      this.views(stage);
    }

    // What the scene is, and what is added to all of it.
    scenery(count) {
      this.choice("scene", "Escena", { ...Object.fromEntries([...Array(count).keys()].map((k) => [k, `de prueba, ${k}`])), empty: "vacía" });
      this.button("Otra escena", () => {
        const next = (Number(this.state.scene === "empty" ? -1 : this.state.scene) + 1) % count;
        this.change({ scene: String(next), placed: [], edits: new Uint8Array(PIXELS) });
      });
      this.range("noise", "Ruido añadido", { min: 0, max: 0.4, step: 0.02, example: 0, decimals: 2 });
      this.range("clutter", "Trazos añadidos", { min: 0, max: 8, step: 1, example: 0, decimals: 0 });
      this.flag("skips", "conexiones de salto", { example: true });
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
    }

    // The tools lie above the scene, also on a phone.
    toolbar(stage) {
      const bar = make("div", { className: "tarea-controls tarea-wide tarea-toolbar" });
      stage.append(bar);
      this.palette("tool", "Herramienta", { place: "colocar", move: "mover", draw: "dibujar", erase: "borrar" }, { panel: bar });
      this.palette("digit", "Dígito que se coloca", Object.fromEntries([...Array(10).keys()].map((k) => [k, String(k)])), { panel: bar, example: "3" });
      this.range("height", "Altura", { min: 14, max: 20, step: 1, example: 17, decimals: 0, panel: bar, unit: " px" });
      this.button("Quitar lo añadido", () => this.change({ placed: [], edits: new Uint8Array(PIXELS), noise: 0, clutter: 0 }), bar);
    }

    // Five pictures side by side, and below them two of them through a curtain and the table of classes.
    views(stage) {
      const labels = this.networks.map(({ label }) => label);
      const pad = tarea.pad({
        size: SIZE, width: "100%", label: "Escena. Las flechas mueven el cursor; la barra espaciadora usa la herramienta",
        use: (...place) => this.use(...place), drag: (...place) => this.drag(...place), release: () => { this.held = null; },
        holds: () => this.held !== null,
        moved: (row, column) => { this.news.textContent = `Fila ${row}, columna ${column}.`; this.point([row, column]); },
      });
      this.canvas = pad.canvas;
      const canvas = (label) => make("canvas", { role: "img", "aria-label": label });
      const shown = { scene: pad.box, truth: canvas("Máscara verdadera"), base: canvas(`Máscara de la ${labels[0]}`),
        best: canvas(`Máscara de la ${labels[1]}`), errors: canvas("Errores") };
      this.frames = Object.fromEntries(Object.entries(shown).map(([name, element]) => [name, tarea.scene.frame(element)]));
      this.names = { scene: "escena", truth: "verdad", base: labels[0], best: labels[1], errors: "errores" };
      this.texts = {};
      const row = make("div", { className: "tarea-five" }, Object.entries(this.names).map(([name, text]) => {
        this.texts[name] = make("p", { className: "tarea-name" });
        const late = ["base", "best", "errors"].includes(name);
        return make("div", { className: `tarea-view tarea-five-${name}${late ? " tarea-answer" : ""}` },
          make("p", { className: "tarea-name" }, text), this.frames[name].box, this.texts[name]);
      }));
      this.texts.truth.textContent = " ";
      for (const { box } of Object.values(this.frames)) this.follow(box);
      this.says = make("output", { className: "tarea-says tarea-wide tarea-answer", "aria-live": "polite" });
      stage.append(row, this.says, this.curtain(), this.classes(labels));
      this.at = null;
    }

    curtain() {
      const options = { ...this.names, sure0: `confianza de la ${this.names.base}`, sure1: `confianza de la ${this.names.best}` };
      const panel = make("div", { className: "tarea-controls" });
      const of = make("div", { className: "tarea-group" });
      panel.append(of);
      this.choice("left", "A la izquierda", options, { example: "scene", panel: of });
      this.choice("right", "A la derecha", options, { example: "best", panel: of });
      this.range("wipe", "Cortina", { min: 0, max: 100, step: 1, example: 50, decimals: 0, unit: "\u00a0%", panel });
      this.under = make("canvas", { role: "img", "aria-label": "Dos imágenes de la escena, una a cada lado de la cortina" });
      this.over = make("canvas", { "aria-hidden": "true", style: "position: absolute; inset: 0; height: 100%" });
      this.frames.wipe = tarea.scene.frame(this.under);
      this.under.after(this.over);
      this.follow(this.frames.wipe.box, (share) => this.change({ wipe: Math.round(100 * share) }));
      return make("div", { className: "tarea-view tarea-curtain tarea-answer" }, this.frames.wipe.box, panel);
    }

    classes(labels) {
      this.table = tarea.scene.table(labels, this.colours);
      const panel = make("div", { className: "tarea-controls" });
      this.choice("errors", "Errores de", { ...labels }, { example: "1", panel });
      panel.append(tarea.scene.errorKey());
      return make("div", { className: "tarea-view tarea-answer" }, panel, make("div", { className: "tarea-scroll" }, this.table.element));
    }

    // One cursor in all pictures: the pixel under the pointer. `slide(share)` is told when it is pressed.
    follow(box, slide) {
      const share = (value) => Math.min(1, Math.max(0, value));
      const place = (event) => {
        const area = box.getBoundingClientRect();
        return [(event.clientY - area.top) / area.height, (event.clientX - area.left) / area.width].map(share);
      };
      const see = (event) => {
        const [down, right] = place(event);
        this.point([down, right].map((value) => Math.min(SIZE - 1, Math.floor(SIZE * value))));
        if (slide && event.buttons) slide(right);
      };
      box.addEventListener("pointermove", see);
      box.addEventListener("pointerdown", see);
    }

    point(at) {
      this.at = at;
      for (const frame of Object.values(this.frames)) frame.point(at);
      if (!this.pointing) this.pointing = requestAnimationFrame(() => { this.pointing = null; this.fill(); });
    }

    // A change that a reader makes in a view rather than with a control.
    change(values) {
      if (!("wipe" in values)) this.forgetPrediction();
      this.set(values);
    }

    // Editing -------------------------------------------------------------------------------------

    use(row, column, pressed) {
      const { tool, placed, digit, height } = this.state;
      this.point([row, column]);
      if (tool === "place") {
        this.change({ placed: [...placed, [Number(digit), row, column, height]] });
        this.held = pressed ? placed.length : null;
      } else if (tool === "move") {
        const distances = placed.map(([, r, c]) => Math.hypot(r - row, c - column));
        const nearest = distances.indexOf(Math.min(...distances));
        this.held = placed.length && distances[nearest] <= NEAR ? nearest : null;
        this.news.textContent = this.held === null ? "Aquí no hay ningún dígito colocado; los de la escena de prueba no se mueven."
          : `Dígito ${placed[this.held][0]}: muévelo${pressed ? "" : " con las flechas y suéltalo con la barra"}.`;
      } else this.paint(row, column);
    }
    drag(row, column) {
      const { tool, placed } = this.state;
      this.point([row, column]);
      if (this.held !== null) {
        this.change({ placed: placed.map((item, k) => (k === this.held ? [item[0], row, column, item[3]] : item)) });
      } else if (tool === "draw" || tool === "erase") this.paint(row, column);
    }
    paint(row, column) {
      const edits = Uint8Array.from(this.state.edits);
      const reach = this.state.tool === "draw" ? 1 : 2;
      for (let i = row - reach + 1; i <= row + reach; i++) for (let j = column - reach + 1; j <= column + reach; j++) {
        if (i >= 0 && j >= 0 && i < SIZE && j < SIZE) edits[i * SIZE + j] = this.state.tool === "draw" ? DRAWN : ERASED;
      }
      this.change({ edits });
    }

    compose() {
      const { scene } = this.state, start = Number(scene) * PIXELS;
      const part = (values) => values.subarray(start, start + PIXELS);
      return compose(scene === "empty" ? null : { image: part(this.images), truth: part(this.masks) }, this.glyphs, this.state);
    }

    // Answering -----------------------------------------------------------------------------------

    // Several changes within a frame are drawn once; only a network that would answer otherwise is asked.
    draw() {
      this.drawing ??= requestAnimationFrame(() => { this.drawing = null; this.ask(); });
    }
    get pending() {
      return Boolean(this.drawing) || this.networks.some((network) => network.busy()) || null;
    }

    ask() {
      const { scene, placed, edits, noise, clutter, skips } = this.state, inputs = [scene, placed, edits, noise, clutter];
      if (!this.inputs || inputs.some((value, k) => value !== this.inputs[k])) {
        this.inputs = inputs;
        this.current = this.compose();
        this.networks.forEach((network) => { network.asked = null; });
        picture(this.canvas, this.current.image, SIZE, SIZE, grey);
        picture(this.frames.truth.box.querySelector("canvas"), this.current.truth, SIZE, SIZE, (label) => this.colour(label));
        this.frames.truth.name(this.current.truth);
        this.texts.truth.textContent = this.current.truth.includes(UNKNOWN) ? "en gris, lo dibujado a mano: sin verdad" : " ";
      }
      this.networks.forEach((network) => {
        const whole = !network.skips || skips;
        if (network.asked === whole) return;
        network.asked = whole;
        network.ask({ shape: [1, 1, SIZE, SIZE], image: this.current.image, whole, truth: this.current.truth });
      });
      this.view();
    }

    answered(place, scores, { truth }) {
      const network = this.networks[place], name = ["base", "best"][place];
      Object.assign(network, read(scores), { truth });
      network.ious = iouOf(truth, network.found);
      network.score = meanIou(network.ious);
      picture(this.frames[name].box.querySelector("canvas"), network.found, SIZE, SIZE, (label) => this.colour(label));
      this.frames[name].name(network.found);
      this.texts[name].textContent = Number.isNaN(network.score) ? "sin dígitos que medir" : `mIoU ${number(network.score, 3)}`;
      this.view();
    }

    colour(label) { return label === UNKNOWN ? ERROR_COLOURS[UNJUDGED] : this.colours[label]; }

    // What follows from the answers that there are: errors, curtain, table and sentence.
    view() {
      if (this.networks.some(({ found }) => !found)) return;
      this.at ??= this.mostDisputed();
      this.showErrors();
      this.showCurtain();
      this.fill();
      for (const frame of Object.values(this.frames)) frame.point(this.at);
      const said = this.networks.map(({ label, found, sure, score }) => {
        const counts = Array(11).fill(0);
        found.forEach((value) => { counts[value]++; });
        const seen = counts.map((count, k) => [count, k]).slice(1).filter(([count]) => count >= SEEN).map(([, k]) => k - 1);
        const mean = sure.reduce((sum, value) => sum + value, 0) / PIXELS;
        return `${label}: ${seen.length ? `ve ${seen.join(", ")}` : "no ve dígitos"}${Number.isNaN(score) ? "" : `, mIoU ${number(score, 2)}`}, confianza media ${percent(mean)}`;
      });
      this.says.textContent = `${said.join(". ")}.`;
    }

    errorsOf({ truth, found }) { return found.map((label, k) => errorOf(truth[k], label)); }
    showErrors() {
      const network = this.networks[Number(this.state.errors)];
      const errors = this.errorsOf(network), wrong = errors.reduce((count, kind) => count + (kind in ERROR_NAMES), 0);
      picture(this.frames.errors.box.querySelector("canvas"), errors, SIZE, SIZE, errorPaint(this.current.image));
      this.texts.errors.textContent = `de la ${network.label}: ${number(wrong)} píxeles`;
    }
    // What a picture of the curtain shows.
    showAs(canvas, name) {
      const [base, best] = this.networks;
      const masks = { truth: this.current.truth, base: base.found, best: best.found };
      if (name in masks) picture(canvas, masks[name], SIZE, SIZE, (label) => this.colour(label));
      else if (name === "errors") picture(canvas, this.errorsOf(this.networks[Number(this.state.errors)]), SIZE, SIZE, errorPaint(this.current.image));
      else picture(canvas, { scene: this.current.image, sure0: base.sure, sure1: best.sure }[name], SIZE, SIZE, grey);
    }
    showCurtain() {
      const { left, right, wipe } = this.state;
      this.showAs(this.under, right);
      this.showAs(this.over, left);
      this.over.style.clipPath = `inset(0 ${100 - wipe}% 0 0)`;
      this.frames.wipe.box.style.setProperty("--wipe", `${wipe}%`);
    }

    // Looked at first: where the first network believes least in what the second one sees.
    mostDisputed() {
      const [{ shares }, { found }] = this.networks;
      const least = found.reduce((least, label, k) => (shares[label * PIXELS + k] < shares[found[least] * PIXELS + least] ? k : least), 0);
      return [Math.floor(least / SIZE), least % SIZE];
    }

    fill() {
      if (!this.at) return;
      const [row, column] = this.at, k = row * SIZE + column;
      this.table.fill(`en el píxel (${row}, ${column})`,
        this.networks.map(({ shares }) => shares && this.colours.map((_, c) => shares[c * PIXELS + k])), this.networks.map(({ ious }) => ious));
    }

    whereMost() {
      const counts = whereWrong(this.networks[1].truth, this.networks[1].found);
      const [most, count] = Object.entries(counts).reduce((a, b) => (b[1] > a[1] ? b : a));
      return count ? most : "none";
    }
    placesSaid() {
      const counts = whereWrong(this.networks[1].truth, this.networks[1].found);
      return `Píxeles equivocados: ${number(counts.edge)} en el contorno, ${number(counts.inside)} dentro y ${number(counts.background)} en el fondo.`;
    }
  }

  tarea.define("scene", Scene);
})(globalThis.tarea);
