// A curtain between what two networks answer to a scene: nothing is computed but the pixels shown.
"use strict";

(function (tarea) {
  const { bytes, grey, make, number, picture } = tarea;
  const ERROR = [211, 85, 10], QUIET = [240, 240, 240];

  class Wipe extends tarea.Piece {
    static title = "Corre la cortina";
    static captionTells = false;

    build(stage) {
      const { scenes, answers, colours } = this.data;
      [this.images, this.masks] = [bytes(scenes.images), bytes(scenes.masks)];
      this.answers = answers.map(({ label, masks }) => ({ label, masks: bytes(masks) }));
      this.size = Math.sqrt(this.images.length / scenes.count);
      this.colours = colours.map((colour) => [1, 3, 5].map((k) => parseInt(colour.slice(k, k + 2), 16)));
      this.choice("scene", "Escena", Object.fromEntries([...Array(scenes.count).keys()].map((k) => [k, String(k + 1)])));
      this.range("share", "Cortina", { min: 0, max: 100, step: 1, example: 50, decimals: 0, unit: "\u00a0%" });
      this.flag("errors", "solo los errores");
      const canvas = (properties = {}) => make("canvas", { role: "img", ...properties });
      const view = (name, drawn) => make("div", { className: "tarea-view" }, make("p", { className: "tarea-name" }, name), drawn);
      [this.scene, this.truth, this.curtain] = [canvas(), canvas(), canvas({ className: "tarea-curtain" })];
      const names = answers.map(({ label }) => make("span", {}, label)).reverse();
      stage.append(
        make("div", { className: "tarea-view" }, make("p", { className: "tarea-name tarea-sides" }, ...names), this.curtain),
        make("div", { className: "tarea-beside" }, view("escena", this.scene), view("verdad", this.truth)));
      this.says = make("output", { className: "tarea-says tarea-wide", "aria-live": "polite" });
      stage.append(this.says);
      const follow = (event) => {
        const area = this.curtain.getBoundingClientRect();
        const share = Math.round(100 * (event.clientX - area.left) / area.width);
        this.set({ share: Math.min(100, Math.max(0, share)) });
      };
      this.curtain.addEventListener("pointerdown", (event) => {
        try { this.curtain.setPointerCapture(event.pointerId); } catch { /* a pointer that a test made up */ }
        this.held = true;
        follow(event);
      });
      this.curtain.addEventListener("pointermove", (event) => { if (this.held) follow(event); });
      for (const name of ["pointerup", "pointercancel"]) this.curtain.addEventListener(name, () => { this.held = false; });
    }

    draw() {
      const area = this.size ** 2, start = Number(this.state.scene) * area, of = (values) => values.subarray(start, start + area);
      const truth = of(this.masks), [first, second] = this.answers.map(({ masks }) => of(masks));
      const edge = this.state.share / 100 * this.size;
      const shown = (k) => (k % this.size < edge ? second : first)[k];
      const paint = (canvas, colour) => picture(canvas, truth, this.size, this.size, colour);
      paint(this.scene, (_, k) => grey(this.images[start + k] / 255));
      paint(this.truth, (value) => this.colours[value]);
      paint(this.curtain, (value, k) => (this.state.errors ? (shown(k) === value ? QUIET : ERROR) : this.colours[shown(k)]));
      this.curtain.parentElement.style.setProperty("--edge", `${this.state.share}%`);
      const [one, two] = [first, second].map((answer) => answer.filter((value, k) => value !== truth[k]).length);
      const names = this.answers.map(({ label }) => label);
      this.says.textContent = `La ${names[0]} se equivoca en ${number(one)} de los ${number(area)} píxeles; la ${names[1]}, en ${number(two)}.`;
      const place = `escena ${Number(this.state.scene) + 1}`;
      this.scene.setAttribute("aria-label", `La ${place}`);
      this.truth.setAttribute("aria-label", `La máscara de la ${place}: la clase de cada píxel`);
      this.curtain.setAttribute("aria-label", `Respuestas a la ${place}: la ${names[1]} en el ${number(this.state.share)} % de la izquierda, la ${names[0]} en el resto`);
    }
  }

  tarea.define("wipe", Wipe);
})(globalThis.tarea);
