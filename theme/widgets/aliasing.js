// Aliasing: a wave, what halving and doubling make of it, its spectrum and the predicted alias.
"use strict";

(function (tarea) {
  const { array, number, make } = tarea;
  const LENGTH = 200, SHOWN = 60;
  const MOST = 4;  // halvings of the photograph
  const DOWN = { downsample: "submuestreo", meanPool: "media", maxPool: "máximo" };
  const UP = { duplicate: "duplicación", bilinear: "interpolación bilineal" };

  // Amplitudes at the frequencies 0, 1/n, …, 1/2 (cycles per value).
  function spectrum(values) {
    const n = values.length, mean = values.reduce((a, b) => a + b, 0) / n;
    return Array.from({ length: Math.floor(n / 2) + 1 }, (_, k) => {
      let [re, im] = [0, 0];
      values.forEach((value, t) => {
        re += (value - mean) * Math.cos(2 * Math.PI * k * t / n);
        im += (value - mean) * Math.sin(2 * Math.PI * k * t / n);
      });
      return Math.hypot(re, im) * (k === 0 || 2 * k === n ? 1 : 2) / n;
    });
  }

  class Aliasing extends tarea.Piece {
    static title = "Rayas que no estaban";

    build(stage) {
      this.range("frequency", "Frecuencia (ciclos por píxel)", { min: 0, max: 0.5, step: 0.005, example: this.data.frequency, decimals: 3 });
      this.range("phase", "Fase (vueltas)", { min: 0, max: 1, step: 0.05, example: 0, decimals: 2 });
      this.choice("down", "Bajar por", DOWN);
      this.choice("up", "Volver por", UP);
      this.range("halvings", "Veces que se reduce la fotografía", { min: 0, max: MOST, step: 1, example: 2, decimals: 0 });
      this.prediction({
        question: "Tras quedarse con uno de cada dos píxeles, ¿qué frecuencia se verá, en ciclos por píxel nuevo?",
        min: 0, max: 1, conceal: true, tolerance: 0.0055, truth: () => this.alias, text: (value) => number(value, 3),
        hint: () => (this.state.frequency > 0.25 ? "Por encima de 1/4 se ve 1 − 2f." : "Hasta 1/4 se ve 2f."),
      });
      const size = { width: 308, height: 140 };
      const x = [0, SHOWN, 0, 20, 40, 60], y = [-1.2, 1.2, -1, 0, 1], far = [-2.1, 2.1, -2, -1, 0, 1, 2];  // an error reaches 2
      const view = (name, plot, answer = false, row = "") => make("div", { className: `tarea-view${answer ? " tarea-answer" : ""}` }, make("p", { className: "tarea-name" }, name), plot.svg, row);
      const bars = (label) => make("canvas", { role: "img", "aria-label": label, style: `width: ${size.width - 46}px; height: 1rem; margin-left: 38px` });
      [this.waveBars, this.smallBars, this.backBars] = ["Los píxeles de la onda, en grises", "Los de la reducida", "Los de vuelta"].map(bars);
      this.wave = tarea.plot({ ...size, x, y, xlabel: "píxel", ylabel: "valor", label: "La onda original" });
      this.small = tarea.plot({ ...size, x, y, xlabel: "píxel del original", ylabel: "valor", label: "La onda reducida" });
      this.back = tarea.plot({ ...size, x, y: far, xlabel: "píxel", ylabel: "valor", label: "La onda de vuelta a su tamaño" });
      const f = [0, 0.5, 0, 0.1, 0.2, 0.3, 0.4, 0.5], a = [0, 1.1, 0, 0.5, 1];
      this.before = tarea.plot({ ...size, x: f, y: a, xlabel: "ciclos por píxel", ylabel: "amplitud", label: "Espectro de la onda original" });
      this.after = tarea.plot({ ...size, x: f, y: a, xlabel: "ciclos por píxel nuevo", ylabel: "amplitud", label: "Espectro de la onda reducida" });
      this.says = make("output", { className: "tarea-says tarea-wide tarea-answer", "aria-live": "polite" });
      stage.append(view("la onda y los píxeles que la miden", this.wave, false, this.waveBars), view("su espectro", this.before), view("reducida a la mitad", this.small, true, this.smallBars),
        view("su espectro; a trazos, lo que dice la regla", this.after, true), view("de vuelta; en naranja, el error", this.back, true, this.backBars), this.says, this.photograph());
    }

    // A photograph, what is left of it, and that at its old size again: no question is asked about it.
    photograph() {
      const { pixels, size, credit } = this.data.photograph;
      this.photo = array([size, size], Float64Array.from(tarea.bytes(pixels)));
      this.photos = ["la fotografía", "reducida", "de vuelta"].map((name) => {
        const canvas = make("canvas", { role: "img", "aria-label": name, style: "width: 100%" }), text = make("p", { className: "tarea-name" }, name);
        return { canvas, text, box: make("div", { className: "tarea-view" }, text, canvas) };
      });
      return make("div", { className: "tarea-wide" }, make("div", { className: "tarea-photos" }, this.photos.map(({ box }) => box)), make("p", { className: "tarea-name" }, credit));
    }
    showPhotographs() {
      const { down, up, halvings } = this.state, times = [...Array(halvings)];
      const small = times.reduce((x) => tarea[down](x), this.photo);
      const back = times.reduce((x) => (up === "bilinear" ? tarea.bilinear(x, false) : tarea.duplicate(x)), small);
      [this.photo, small, back].forEach(({ shape: [height, width], data }, k) => tarea.picture(this.photos[k].canvas, data, width, height, (value) => tarea.grey(value / 255)));
      this.photos[1].text.textContent = `reducida a ${number(small.shape[0])} × ${number(small.shape[1])}: ${DOWN[down]}`;
      this.photos[2].text.textContent = `de vuelta: ${UP[up]}`;
      return { small, back };
    }

    // What is seen of the frequency when every other value is kept.
    get alias() { const f = 2 * this.state.frequency; return f <= 0.5 ? f : 1 - f; }

    draw() {
      const { frequency, phase, down, up } = this.state;
      const wave = Float64Array.from({ length: LENGTH }, (_, n) => Math.cos(2 * Math.PI * (frequency * n + phase)));
      // Two equal rows: the package's operations work on blocks of 2×2.
      const small = tarea[down](array([2, LENGTH], Float64Array.from([...wave, ...wave])));
      const reduced = small.data.subarray(0, LENGTH / 2);
      const twice = array([2, LENGTH / 2], Float64Array.from([...reduced, ...reduced]));
      const back = (up === "bilinear" ? tarea.bilinear(twice, false) : tarea.duplicate(twice)).data.subarray(0, LENGTH);
      const error = back.map((value, n) => value - wave[n]);
      const places = [...Array(SHOWN).keys()], even = places.filter((n) => n % 2 === 0);
      // Between pixels too: what is measured is a curve.
      const fine = Array.from({ length: 16 * (SHOWN - 1) + 1 }, (_, k) => k / 16), curve = fine.map((n) => Math.cos(2 * Math.PI * (frequency * n + phase)));
      const shade = (canvas, values) => tarea.picture(canvas, values, values.length, 1, (value) => tarea.grey((value + 1) / 2));
      shade(this.waveBars, wave.subarray(0, SHOWN));
      shade(this.smallBars, reduced.subarray(0, SHOWN / 2));
      shade(this.backBars, back.subarray(0, SHOWN));
      this.wave.draw([{ x: fine, y: curve }, { x: places, y: wave, kind: "dots" }, { x: even, y: even.map((n) => wave[n]), kind: "dots", colour: "var(--w-vermilion)" }]);
      this.small.draw([{ x: even, y: reduced, colour: "var(--w-vermilion)" }, { x: even, y: reduced, kind: "dots", colour: "var(--w-vermilion)" }]);
      this.back.draw([{ x: places, y: error, colour: "var(--w-vermilion)" }, { x: places, y: back }]);
      this.showPhotographs();
      const [one, two] = [spectrum(Array.from(wave)), spectrum(Array.from(reduced))];
      const axis = (values) => values.map((_, k) => k / (2 * (values.length - 1)));
      this.before.draw([{ x: axis(one), y: one, kind: "stems" }]);
      this.after.draw([{ x: axis(two), y: two, kind: "stems", colour: "var(--w-vermilion)" },
        ...(this.guessed ? [{ x: [this.alias], kind: "marks", colour: "var(--w-soft)" }] : [])]);
      const strongest = two.indexOf(Math.max(...two));
      const rms = Math.sqrt(error.reduce((sum, value) => sum + value * value, 0) / LENGTH);
      const flat = Math.max(...two) < 0.005;
      this.says.textContent = (flat ? "Tras reducirla no queda ninguna onda. "
        : `Tras reducirla, la onda más fuerte tiene amplitud ${number(two[strongest], 2)} y ${number(axis(two)[strongest], 3)} ciclos por píxel nuevo. `) +
        (down === "meanPool" ? `La media la atenúa por cos(πf) = ${number(Math.cos(Math.PI * frequency), 2)}. ` : "") +
        `Error de ida y vuelta (raíz del error cuadrático medio): ${number(rms, 2)}.`;
    }
  }

  tarea.define("aliasing", Aliasing);
})(globalThis.tarea);
