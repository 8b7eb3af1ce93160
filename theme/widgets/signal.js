// Deform a signal of MNIST-1D, or draw one, and watch the final network answer.
"use strict";

(function (tarea) {
  const { number, percent, make, floats, random, argmax } = tarea;
  const LENGTH = 40, LIMIT = 5;
  const LOUDEST = 2, STEP = 0.05;  // deviations of the noise that are tried

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
      this.range("noise", "Desviación del ruido", { min: 0, max: LOUDEST, step: STEP, example: 0, decimals: 2 });
      let next = examples.first;
      this.button("Otra señal", () => { next = (next + 1) % examples.count; this.forgetPrediction(); this.set({ signal: signal(next), shift: 0, scale: 1, noise: 0 }); });
      this.prediction({
        question: `¿Qué desviación tendrá que tener el ruido, de 0 a ${LOUDEST}, para que la red cambie de respuesta?`,
        conceal: true, min: 0, max: LOUDEST, tolerance: 0.2, decisive: ["signal", "shift", "scale"],
        truth: () => this.breaks(), text: (value) => (value > LOUDEST ? `más de ${number(LOUDEST)}` : number(value, 2)),
        hint: () => "Se dan por buenas dos décimas de más o de menos.",
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
      const key = make("p", { className: "tarea-key" }, [["la que recibe la red", "var(--w-blue)", "none"], ["sin deformar", "var(--w-soft)", "4 3"]].map(([text, stroke, dash]) =>
        make("span", {}, make("svg:svg", { viewBox: "0 0 26 8", width: 26, height: 8, "aria-hidden": "true" }, make("svg:path", { d: "M 0 4 H 26", stroke, "stroke-width": 2, "stroke-dasharray": dash })), ` ${text}`)));
      stage.append(this.strip(), view("arrastra sobre la señal para dibujar", svg, key), make("div", { className: "tarea-answer" }, view("probabilidades", this.shares)), this.says);
    }

    // The ten forms that the signals are made from.
    strip() {
      const { values, length } = this.data.templates, all = floats(values);
      this.templates = Array.from({ length: 10 }, (_, label) => {
        const form = all.slice(label * length, (label + 1) * length), low = Math.min(...form), high = Math.max(...form);
        const d = Array.from(form, (value, k) => `${k ? "L" : "M"} ${2 + 56 * k / (length - 1)} ${28 - 24 * (value - low) / (high - low)}`).join(" ");
        return make("div", { className: "tarea-template" }, make("svg:svg", { viewBox: "0 0 60 32", role: "img", "aria-label": `Plantilla de la clase ${label}` },
          make("svg:path", { d, fill: "none", stroke: "currentColor", "stroke-width": 2 })), make("span", { className: "tarea-name" }, String(label)));
      });
      return make("div", { className: "tarea-view tarea-wide" }, make("p", { className: "tarea-name" }, "las diez plantillas de las que salen las señales"),
        make("div", { className: "tarea-templates" }, this.templates));
    }

    // The least deviation of the noise with which the answer is another one than without; beyond LOUDEST if none is.
    breaks() {
      const answer = (noise) => argmax(this.run(this.with({ noise })).probabilities), first = answer(0);
      for (let k = 1; k <= Math.round(LOUDEST / STEP); k++) if (answer(k * STEP) !== first) return k * STEP;
      return LOUDEST + STEP;
    }

    // The signal as the network gets it, deformed as the chapter's robustness test does.
    get deformed() { return this.with({}); }
    with(changes) {
      const { signal, shift, scale, noise } = { ...this.state, ...changes };
      const draw = random(5);
      return Float32Array.from({ length: LENGTH }, (_, k) => {
        const normal = Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());
        return scale * signal[(k - shift + LENGTH) % LENGTH] + noise * normal;
      });
    }

    draw() {
      const values = this.deformed, places = [...Array(LENGTH).keys()];
      this.answer = this.run(values);
      this.plot.draw([{ x: places, y: this.state.signal, colour: "var(--w-soft)", dash: "4 3" }, { x: places, y: values }, { x: places, y: values, kind: "dots" }]);
      const { probabilities } = this.answer, best = argmax(probabilities);
      tarea.bars(this.shares, probabilities.map((share, k) => [String(k), share]));
      this.templates.forEach((box, label) => box.classList.toggle("tarea-said", label === best));
      this.says.textContent = `La red dice ${best}, con probabilidad ${percent(probabilities[best])}.`;
    }
  }

  tarea.define("signal", Signal);
})(globalThis.tarea);
