// Move the digit: draw or drag it, and watch a convolutional and a dense network answer.
"use strict";

(function (tarea) {
  const { number, percent, make, bytes, picture, grey, array, argmax } = tarea;
  const SIZE = 28, PIXELS = SIZE * SIZE, FARTHEST = 8;

  // Sixteen levels of grey are enough for a link.
  const write = (image) => Array.from(image, (value) => Math.round(15 * value).toString(16)).join("");
  function read(text) {
    if (!/^[0-9a-f]{784}$/.test(text)) throw new RangeError("El dibujo del enlace no tiene 28 × 28 píxeles.");
    return Float32Array.from(text, (letter) => parseInt(letter, 16) / 15);
  }

  function shifted(image, right, down) {
    return image.map((_, k) => {
      const i = Math.floor(k / SIZE) - down, j = k % SIZE - right;
      return i >= 0 && j >= 0 && i < SIZE && j < SIZE ? image[i * SIZE + j] : 0;
    });
  }

  class Digit extends tarea.Piece {
    static title = "Mueve el dígito";

    build(stage) {
      const { networks, examples } = this.data;
      this.examples = bytes(examples.images);
      const image = (k) => Float32Array.from(this.examples.subarray(k * PIXELS, (k + 1) * PIXELS), (value) => value / 255);
      this.networks = networks.map(({ label, script, kind }) => ({ label, kind, run: tarea[kind](tarea.network(script)) }));
      this.control("image", { example: image(examples.first), write, parse: read });
      this.range("right", "Desplazar a la derecha", { min: -FARTHEST, max: FARTHEST, step: 1, example: 0, decimals: 0, unit: " px" });
      this.range("down", "Desplazar hacia abajo", { min: -FARTHEST, max: FARTHEST, step: 1, example: 0, decimals: 0, unit: " px" });
      this.choice("tool", "En el cuadro", { move: "arrastrar el dígito", draw: "dibujar", erase: "borrar" });
      const strip = make("div", { className: "tarea-group tarea-wide", role: "group", "aria-label": "Dígitos de prueba" });
      examples.labels.forEach((label, k) => {
        const thumbnail = make("canvas", { "aria-hidden": "true", style: "width: 2rem" });
        picture(thumbnail, image(k), SIZE, SIZE, grey);
        const button = make("button", { type: "button", style: "padding: 0.15rem", "aria-label": `Un ${label}${k === examples.first ? ", que las redes leen de dos maneras" : ""}` }, thumbnail);
        button.addEventListener("click", () => { this.forgetPrediction(); this.set({ image: image(k), right: 0, down: 0 }); });
        strip.append(button);
      });
      this.panel.append(strip);
      this.button("Vaciar", () => this.set({ image: new Float32Array(PIXELS), right: 0, down: 0, tool: "draw" }));
      this.prediction({
        question: "Al moverlo hacia la derecha píxel a píxel, ¿qué red cambiará antes de respuesta?",
        options: { one: networks[0].label, two: networks[1].label, both: "las dos a la vez o ninguna" },
        truth: () => { const [a, b] = this.networks.map((network) => this.breaks(network)); return a < b ? "one" : b < a ? "two" : "both"; },
        hint: () => this.networks.map((network) => `${network.label}: ${this.breaks(network) > FARTHEST ? `aguanta ${FARTHEST} píxeles` : `cambia con ${this.breaks(network)}`}`).join("; ") + ".",
      });
      const pad = tarea.pad({
        size: SIZE, width: "16rem", label: "Dígito. Las flechas mueven el cursor; la barra espaciadora usa la herramienta",
        use: (row, column, pressed) => {
          if (this.state.tool !== "move") this.paint(row, column);
          else if (pressed) this.from = [row - this.state.down, column - this.state.right];
        },
        drag: (row, column) => {
          if (this.state.tool !== "move") this.paint(row, column);
          else {
            const far = (value) => Math.min(FARTHEST, Math.max(-FARTHEST, value));
            this.set({ down: far(row - this.from[0]), right: far(column - this.from[1]) });
            this.forgetPrediction();
          }
        },
      });
      this.canvas = pad.canvas;
      const view = (name, ...content) => make("div", { className: "tarea-view" }, make("p", { className: "tarea-name" }, name), ...content);
      this.answers = this.networks.map(() => make("div"));
      stage.append(view("el dígito que reciben las redes", pad.box), ...this.networks.map(({ label }, k) => view(label, this.answers[k])));
      this.says = make("output", { className: "tarea-says tarea-wide", "aria-live": "polite" });
      const maps = make("div", { className: "tarea-wide" }, make("p", { className: "tarea-name" }, "mapas de características de la red convolucional, cada uno en su escala"));
      this.levels = [10, 10, 20, 20].map(() => {
        const canvas = make("canvas", { role: "img", style: "width: 100%", "aria-label": "Mapas de características" });
        const name = make("p", { className: "tarea-name" });
        maps.append(name, canvas);
        return { canvas, name };
      });
      stage.append(this.says, maps);
    }

    paint(row, column) {
      const { right, down, tool } = this.state;
      const image = Float32Array.from(this.state.image);
      for (let i = row - 1; i <= row + 1; i++) for (let j = column - 1; j <= column + 1; j++) {
        const [r, c] = [i - down, j - right];
        if (r < 0 || c < 0 || r >= SIZE || c >= SIZE) continue;
        const ink = i === row && j === column ? 1 : i === row || j === column ? 0.7 : 0.3;
        image[r * SIZE + c] = tool === "draw" ? Math.max(image[r * SIZE + c], ink) : 0;
      }
      this.forgetPrediction();
      this.set({ image });
    }

    probabilities({ run }, image) {
      const { mean, sd } = this.data;
      return run(array([1, 1, SIZE, SIZE], image.map((value) => (value - mean) / sd)));
    }

    // Pixels to the right from which the answer is another one than where the digit stands.
    breaks(network) {
      const { image, right, down } = this.state;
      const answer = (more) => argmax(this.probabilities(network, shifted(image, right + more, down)).probabilities);
      const first = answer(0);
      for (let more = 1; more <= FARTHEST; more++) if (answer(more) !== first) return more;
      return FARTHEST + 1;
    }

    draw() {
      const { image, right, down } = this.state;
      const seen = shifted(image, right, down);
      picture(this.canvas, seen, SIZE, SIZE, grey);
      const said = this.networks.map((network, k) => {
        const { probabilities, levels } = this.probabilities(network, seen);
        tarea.bars(this.answers[k], probabilities.map((share, digit) => [String(digit), share]));
        levels?.forEach(({ name, maps }, place) => {
          tarea.mosaic(this.levels[place].canvas, maps, 10);
          this.levels[place].name.textContent = `${name}: ${number(maps.shape[1])} mapas de ${number(maps.shape[2])} × ${number(maps.shape[3])}`;
        });
        const best = argmax(probabilities);
        return `${network.label}: ${best}, con probabilidad ${percent(probabilities[best])}`;
      });
      this.says.textContent = `${said.join(". ")}.`;
    }
  }

  tarea.define("digit", Digit);
})(globalThis.tarea);
