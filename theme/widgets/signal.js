// Deform a signal of MNIST-1D, or draw one, and watch the final network answer.
"use strict";

(function (tarea) {
  const { number, percent, make, floats, random, argmax } = tarea;
  const LENGTH = 40, LIMIT = 5;

  class Signal extends tarea.Piece {
    static title = "Deforma la señal";

    build(stage) {
      const { script, examples } = this.data;
      this.run = tarea.dilatedNet(tarea.network(script));
      const values = floats(examples.signals);
      const signal = (k) => values.slice(k * LENGTH, (k + 1) * LENGTH);
      this.control("signal", {
        example: signal(examples.first),
        write: (list) => Array.from(list, (value) => Math.round(100 * value)).join("_"),
        parse: (text) => {
          const list = text.split("_").map(Number);
          if (list.length !== LENGTH || list.some((value) => !Number.isInteger(value) || Math.abs(value) > 100 * LIMIT)) {
            throw new RangeError(`La señal del enlace no tiene ${LENGTH} valores entre −${LIMIT} y ${LIMIT}.`);
          }
          return Float32Array.from(list, (value) => value / 100);
        },
      });
      this.range("shift", "Desplazar en círculo", { min: 0, max: LENGTH - 1, step: 1, example: 0, decimals: 0 });
      this.range("scale", "Escala", { min: 0, max: 2, step: 0.05, example: 1, decimals: 2 });
      this.range("noise", "Desviación del ruido", { min: 0, max: 2, step: 0.05, example: 0, decimals: 2 });
      let next = examples.first;
      this.button("Otra señal", () => { next = (next + 1) % examples.count; this.set({ signal: signal(next), shift: 0, scale: 1, noise: 0 }); });
      this.prediction({
        question: "¿Qué clase dirá la red de la señal que se ve?",
        conceal: true, options: Object.fromEntries([...Array(10).keys()].map((k) => [k, String(k)])),
        truth: () => String(argmax(this.answer.probabilities)), hint: () => "Deforma la señal poco a poco para ver cuándo cambia.",
      });
      const ticks = [-LIMIT, LIMIT, -4, -2, 0, 2, 4];
      this.plot = tarea.plot({ x: [-0.5, LENGTH - 0.5, 0, 10, 20, 30, 39], y: ticks, width: 460, height: 200, xlabel: "posición", ylabel: "valor", label: "La señal que recibe la red; se puede dibujar sobre ella" });
      const { svg } = this.plot;
      svg.style.touchAction = "none";
      svg.style.cursor = "crosshair";
      let pressed = false;
      const drawAt = (event) => {
        const [place, value] = this.plot.at(event);
        const shown = Math.min(LENGTH - 1, Math.max(0, Math.round(place)));
        const { shift, scale } = this.state;
        const changed = Float32Array.from(this.state.signal);
        const raw = Math.min(LIMIT, Math.max(-LIMIT, value)) / (scale || 1);
        changed[(shown - shift + LENGTH) % LENGTH] = Math.min(LIMIT, Math.max(-LIMIT, raw));
        this.forgetPrediction();
        this.set({ signal: changed });
      };
      svg.addEventListener("pointerdown", (event) => { pressed = true; svg.setPointerCapture(event.pointerId); drawAt(event); });
      svg.addEventListener("pointermove", (event) => { if (pressed) drawAt(event); });
      for (const name of ["pointerup", "pointercancel"]) svg.addEventListener(name, () => { pressed = false; });
      this.shares = make("div");
      this.says = make("output", { className: "tarea-says tarea-wide tarea-answer", "aria-live": "polite" });
      const view = (name, ...content) => make("div", { className: "tarea-view" }, make("p", { className: "tarea-name" }, name), ...content);
      stage.append(view("la señal que recibe la red; arrastra sobre ella para dibujar", svg), make("div", { className: "tarea-answer" }, view("probabilidades", this.shares)), this.says);
    }

    // The signal as the network gets it, deformed as the chapter's robustness test does.
    get deformed() {
      const { signal, shift, scale, noise } = this.state;
      const draw = random(5);
      return Float32Array.from({ length: LENGTH }, (_, k) => {
        const normal = Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());
        return scale * signal[(k - shift + LENGTH) % LENGTH] + noise * normal;
      });
    }

    draw() {
      const values = this.deformed, places = [...Array(LENGTH).keys()];
      this.answer = this.run(values);
      this.plot.draw([{ x: places, y: values }, { x: places, y: values, kind: "dots" }]);
      const { probabilities } = this.answer, best = argmax(probabilities);
      tarea.bars(this.shares, probabilities.map((share, k) => [String(k), share]));
      this.says.textContent = `La red dice ${best}, con probabilidad ${percent(probabilities[best])}.`;
    }
  }

  tarea.define("signal", Signal);
})(globalThis.tarea);
