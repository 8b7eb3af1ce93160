// Walk the latent space: the code z of a two-number autoencoder, and what the decoder draws for it.
"use strict";

(function (tarea) {
  const { number, make, floats, bytes, picture, grey } = tarea;
  const WIDTH = 340, HEIGHT = 300, SIDE = 8;
  const STEPS = 8, HALF = 4;  // of the path from A to B
  const NUDGE = 0.1;  // of an arrow key
  const REACH = 18;  // pixels from an end of the path at which it is taken up

  class Latent extends tarea.Piece {
    static title = "Un paseo por el plano de los códigos";

    build(stage) {
      const { script, codes, training, pca, z, colours } = this.data;
      this.network = tarea.autoencoder(tarea.network(script));
      this.training = { codes: floats(training.codes), labels: bytes(training.labels) };
      this.pca = { mean: floats(pca.mean), axes: floats(pca.axes) };
      const points = floats(codes.codes), labels = bytes(codes.labels);
      const ends = (axis) => {
        const values = points.filter((_, k) => k % 2 === axis);
        return [Math.floor(Math.min(...values)), Math.ceil(Math.max(...values))];
      };
      this.x = ends(0);
      this.y = ends(1);
      this.range("first", "z₁", { min: this.x[0], max: this.x[1], step: 0.01, example: z[0], decimals: 2 });
      this.range("second", "z₂", { min: this.y[0], max: this.y[1], step: 0.01, example: z[1], decimals: 2 });
      const both = this.surprisingEnds();
      for (const [name, k] of [["from", 0], ["to", 1]]) this.control(name, { example: both[k], write: (end) => end.map((value) => value.toFixed(2)).join("_"), parse: (text) => this.readEnd(text) });
      this.range("walk", "Camino de A a B", { min: 0, max: STEPS, step: 1, example: 0, decimals: 0, unit: ` de ${STEPS}` });
      this.prediction({
        question: "A medio camino entre A y B, ¿qué dibujará el decoder?", conceal: true, decisive: ["from", "to"],
        options: { from: "la misma cifra que en A", to: "la misma que en B", both: "la cifra que hay en los dos", other: "otra cifra" },
        truth: () => this.halfWay(), hint: () => {
          const [a, half, b] = [0, HALF, STEPS].map((step) => this.nearest(this.onPath(step)).label);
          return `El código de entrenamiento más cercano es de un ${a} en A, de un ${b} en B y de un ${half} a medio camino.`;
        },
      });
      const across = (value) => (value - this.x[0]) / (this.x[1] - this.x[0]) * WIDTH;
      const up = (value) => HEIGHT - (value - this.y[0]) / (this.y[1] - this.y[0]) * HEIGHT;
      this.place = (a, b) => [across(a), up(b)];
      this.point = make("svg:circle", { r: 9, fill: "none", stroke: "var(--w-vermilion)", "stroke-width": 3 });
      this.path = make("svg:path", { fill: "none", stroke: "#000", "stroke-width": 2, "stroke-dasharray": "5 3" });
      this.handles = ["A", "B"].map((text) => make("svg:g", { style: "cursor: grab", tabindex: 0, role: "application", "aria-label": `Extremo ${text} del camino. Las flechas lo mueven` },
        make("svg:circle", { r: 11, fill: "#fff", stroke: "#000", "stroke-width": 2 }),
        make("svg:text", { "text-anchor": "middle", y: 4, style: "fill: #000; font-weight: 700" }, text)));
      this.near = make("svg:circle", { class: "tarea-answer", r: 6, fill: "none", stroke: "var(--w-text)", "stroke-width": 2, "stroke-dasharray": "3 2" });
      const map = make("svg:svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, role: "group", class: "tarea-map",
        "aria-label": "Los códigos de los dígitos de prueba, cada uno escrito con su cifra, el punto z y el camino de A a B", style: "touch-action: none; cursor: crosshair; background: var(--w-page); border: 1px solid var(--w-line)" },
      Array.from(labels, (label, k) => make("svg:text", { x: across(points[2 * k]), y: up(points[2 * k + 1]) + 4, "text-anchor": "middle",
        style: `fill: ${colours[label]}; font-weight: 600` }, String(label))), this.path, this.handles, this.near, this.point);
      const drag = (event) => {
        const box = map.getBoundingClientRect();
        const part = (value) => Math.min(1, Math.max(0, value));
        const z = [this.x[0] + part((event.clientX - box.left) / box.width) * (this.x[1] - this.x[0]),
          this.y[0] + part((box.bottom - event.clientY) / box.height) * (this.y[1] - this.y[0])];
        if (event.type === "pointerdown") held = this.endNear(z);
        if (held) this.moveEnd(held, z);
        else this.attempt({ first: String(z[0]), second: String(z[1]) });
        this.show();
      };
      let held = null;
      this.handles.forEach((handle, k) => handle.addEventListener("keydown", (event) => {
        const move = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key], name = ["from", "to"][k];
        if (!move) return;
        event.preventDefault();
        const inside = (value, [low, high]) => Math.min(high, Math.max(low, value));
        this.moveEnd(name, [this.x, this.y].map((ends, axis) => inside(this.state[name][axis] + NUDGE * move[axis], ends)));
      }));
      let pressed = false;
      map.addEventListener("pointerdown", (event) => { pressed = true; map.setPointerCapture(event.pointerId); drag(event); });
      map.addEventListener("pointermove", (event) => { if (pressed) drag(event); });
      for (const name of ["pointerup", "pointercancel"]) map.addEventListener(name, () => { pressed = false; });
      const view = (name, ...content) => make("div", { className: "tarea-view" }, make("p", { className: "tarea-name" }, name), ...content);
      const answer = (made) => { made.classList.add("tarea-answer"); return made; };
      const canvas = (label) => make("canvas", { role: "img", "aria-label": label, style: "width: 8rem" });
      this.decoded = canvas("Lo que el decoder dibuja para z");
      this.projected = canvas("Ese dibujo, reducido por PCA a dos números");
      this.close = canvas("Lo que el decoder dibuja para el código de entrenamiento más cercano");
      this.says = make("output", { className: "tarea-says tarea-wide", "aria-live": "polite" });
      this.saysNear = make("output", { className: "tarea-says tarea-wide tarea-answer", "aria-live": "polite" });
      this.walk = Array.from({ length: STEPS + 1 }, (_, step) => make("canvas", { role: "img", "aria-label": `Dibujo en el paso ${step} del camino` }));
      this.walk.forEach((drawn, step) => { if (step > 0 && step < STEPS) drawn.classList.add("tarea-answer"); });
      stage.append(view("códigos de prueba; arrastra el círculo, A o B", map),
        view("decoder(z)", this.decoded), view("ese dibujo, según PCA con 2 números", this.projected),
        answer(view("decoder(código más cercano)", this.close)), view("lo que dibuja el decoder de A a B", make("div", { className: "tarea-walk" }, this.walk)), this.says, this.saysNear);
      stage.querySelector(".tarea-walk").parentElement.classList.add("tarea-wide");
    }

    // The path ------------------------------------------------------------------------------------

    readEnd(text) {
      const end = String(text).split("_").map(Number);
      if (end.length === 2 && end.every(Number.isFinite) && [this.x, this.y].every(([low, high], axis) => end[axis] >= low && end[axis] <= high)) return end;
      throw new RangeError("Los extremos del camino del enlace no se entienden.");
    }
    onPath(step) { return [0, 1].map((axis) => this.state.from[axis] + (this.state.to[axis] - this.state.from[axis]) * step / STEPS); }
    endNear(z) {
      const far = (name) => { const [a, b] = this.place(...this.state[name]), [x, y] = this.place(...z); return Math.hypot(a - x, b - y); };
      const name = far("from") <= far("to") ? "from" : "to";
      return far(name) <= REACH ? name : null;
    }
    moveEnd(name, z) {
      this.attempt({ [name]: z.map((value) => value.toFixed(2)).join("_") });
      this.follow();
      this.show();
    }
    // The point z walks along the path when the step changes, or an end of it.
    follow() { [this.state.first, this.state.second] = this.onPath(this.state.walk); }
    attempt(texts) {
      const taken = super.attempt(texts);
      if (taken && "walk" in texts) { this.follow(); this.show(); }
      return taken;
    }

    // Which end's digit lies half-way, by the nearest training codes.
    halfWay() {
      const [a, half, b] = [0, HALF, STEPS].map((step) => this.nearest(this.onPath(step)).label);
      return half !== a && half !== b ? "other" : a === b ? "both" : half === a ? "from" : "to";
    }
    // The middles of the codes of two digits between which a third one lies; the first such pair.
    surprisingEnds() {
      const { codes, labels } = this.training, round = (value) => Math.round(100 * value) / 100;
      const middles = Array.from({ length: 10 }, (_, digit) => {
        const own = [...labels.keys()].filter((k) => labels[k] === digit);
        return [0, 1].map((axis) => round(own.reduce((sum, k) => sum + codes[2 * k + axis], 0) / own.length));
      });
      for (let a = 0; a < 10; a++) for (let b = a + 1; b < 10; b++) {
        const half = [0, 1].map((axis) => (middles[a][axis] + middles[b][axis]) / 2), { label } = this.nearest(half);
        if (label !== a && label !== b && this.nearest(middles[a]).label === a && this.nearest(middles[b]).label === b) return [middles[a], middles[b]];
      }
      return [middles[0], middles[1]];
    }

    nearest([first, second] = [this.state.first, this.state.second]) {
      const { codes, labels } = this.training;
      let [best, distance] = [0, Infinity];
      for (let k = 0; k < labels.length; k++) {
        const found = Math.hypot(codes[2 * k] - first, codes[2 * k + 1] - second);
        if (found < distance) [best, distance] = [k, found];
      }
      return { z: [codes[2 * best], codes[2 * best + 1]], label: labels[best], distance };
    }

    // What is left of an image after a projection onto two principal components.
    project(image) {
      const { mean, axes } = this.pca;
      const scores = [0, 1].map((axis) => image.reduce((sum, value, k) => sum + (value - mean[k]) * axes[axis * mean.length + k], 0));
      return mean.map((value, k) => value + scores[0] * axes[k] + scores[1] * axes[mean.length + k]);
    }

    draw() {
      const { first, second } = this.state;
      const near = this.nearest();
      const image = this.network.decode(Float32Array.of(first, second));
      const show = (canvas, values) => picture(canvas, values, SIDE, SIDE, (value) => grey(1 - value));
      const projected = this.project(image);
      show(this.decoded, image);
      show(this.projected, projected);
      show(this.close, this.network.decode(Float32Array.from(near.z)));
      for (const [circle, at] of [[this.point, [first, second]], [this.near, near.z]]) {
        const [x, y] = this.place(...at);
        circle.setAttribute("cx", x);
        circle.setAttribute("cy", y);
      }
      const ends = [this.state.from, this.state.to].map((end) => this.place(...end));
      this.path.setAttribute("d", `M ${ends[0].join(" ")} L ${ends[1].join(" ")}`);
      this.handles.forEach((handle, k) => handle.setAttribute("transform", `translate(${ends[k].join(" ")})`));
      this.walk.forEach((canvas, step) => {
        show(canvas, this.network.decode(Float32Array.from(this.onPath(step))));
        canvas.classList.toggle("tarea-here", step === this.state.walk && this.onPath(step).every((value, axis) => Math.abs(value - [first, second][axis]) < 0.02));
      });
      const lost = image.reduce((sum, value, k) => sum + (value - projected[k]) ** 2, 0);
      this.says.textContent = `z = (${number(first, 2)}; ${number(second, 2)}). PCA pierde ${number(lost, 2)} (error cuadrático) de este dibujo.`;
      this.saysNear.textContent = `El código de entrenamiento más cercano está a ${number(near.distance, 2)} y es de un ${near.label}.`;
    }
  }

  tarea.define("latent", Latent);
})(globalThis.tarea);
