// Walk the latent space: the code z of a two-number autoencoder, and what the decoder draws for it.
"use strict";

(function (tarea) {
  const { number, make, floats, bytes, picture, grey } = tarea;
  const WIDTH = 340, HEIGHT = 300, SIDE = 8;

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
      this.prediction({
        question: "¿De qué clase será el código de entrenamiento más cercano a z?", conceal: true,
        options: Object.fromEntries([...Array(10).keys()].map((k) => [k, String(k)])),
        truth: () => String(this.nearest().label), hint: () => "Mira qué cifras rodean al punto.",
      });
      const across = (value) => (value - this.x[0]) / (this.x[1] - this.x[0]) * WIDTH;
      const up = (value) => HEIGHT - (value - this.y[0]) / (this.y[1] - this.y[0]) * HEIGHT;
      this.place = (a, b) => [across(a), up(b)];
      this.point = make("svg:circle", { r: 9, fill: "none", stroke: "var(--w-vermilion)", "stroke-width": 3 });
      this.near = make("svg:circle", { class: "tarea-answer", r: 6, fill: "none", stroke: "var(--w-text)", "stroke-width": 2, "stroke-dasharray": "3 2" });
      const map = make("svg:svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, role: "img", class: "tarea-map",
        "aria-label": "Los códigos de los dígitos de prueba, cada uno escrito con su cifra, y el punto z", style: "touch-action: none; cursor: crosshair; background: var(--w-page); border: 1px solid var(--w-line)" },
      Array.from(labels, (label, k) => make("svg:text", { x: across(points[2 * k]), y: up(points[2 * k + 1]) + 4, "text-anchor": "middle",
        style: `fill: ${colours[label]}; font-weight: 600` }, String(label))), this.near, this.point);
      const drag = (event) => {
        const box = map.getBoundingClientRect();
        const part = (value) => Math.min(1, Math.max(0, value));
        this.attempt({
          first: String(this.x[0] + part((event.clientX - box.left) / box.width) * (this.x[1] - this.x[0])),
          second: String(this.y[0] + part((box.bottom - event.clientY) / box.height) * (this.y[1] - this.y[0])),
        });
        this.show();
      };
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
      stage.append(view("códigos de prueba; arrastra el círculo", map),
        view("decoder(z)", this.decoded), view("ese dibujo, según PCA con 2 números", this.projected),
        answer(view("decoder(código más cercano)", this.close)), this.says, this.saysNear);
    }

    nearest() {
      const { first, second } = this.state, { codes, labels } = this.training;
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
      const lost = image.reduce((sum, value, k) => sum + (value - projected[k]) ** 2, 0);
      this.says.textContent = `z = (${number(first, 2)}; ${number(second, 2)}). PCA pierde ${number(lost, 2)} (error cuadrático) de este dibujo.`;
      this.saysNear.textContent = `El código de entrenamiento más cercano está a ${number(near.distance, 2)} y es de un ${near.label}.`;
    }
  }

  tarea.define("latent", Latent);
})(globalThis.tarea);
