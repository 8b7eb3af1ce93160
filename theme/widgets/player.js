// A piece that is walked through step by step, or played from the present step to the last one, once.
"use strict";

(function (tarea) {
  const { make } = tarea;

  class Player extends tarea.Piece {
    // A slider `name` over the steps from 0 to `last`, and buttons; `pause`: milliseconds a step is shown.
    player(name, label, { last, example = last, pause, unit }) {
      Object.assign(this, { walked: name, last, between: pause });
      const slider = this.range(name, label, { min: 0, max: last, step: 1, example, decimals: 0, unit });
      slider.addEventListener("input", () => this.pause());
      const go = (step) => { this.pause(); this.set({ [name]: Math.min(last, Math.max(0, step)) }); };
      const group = make("div", { className: "tarea-group", role: "group", "aria-label": "Paso a paso" });
      this.button("Anterior", () => go(this.state[name] - 1), group);
      this.playButton = this.button("Reproducir", () => (this.playing ? this.pause() : this.play()), group);
      this.button("Siguiente", () => go(this.state[name] + 1), group);
      this.panel.append(group);
      const still = matchMedia("(prefers-reduced-motion: reduce)");  // who asks for it walks by steps
      const follow = () => { if (still.matches) this.pause(); this.playButton.hidden = still.matches; };
      still.addEventListener("change", follow);
      follow();
      return slider;
    }

    play() {
      const step = () => this.state[this.walked];
      if (step() >= this.last) this.set({ [this.walked]: 0 });
      this.playButton.textContent = "Pausar";
      this.says.setAttribute("aria-live", "off");  // told when it stops
      this.playing = setInterval(() => {
        if (this.isConnected) this.set({ [this.walked]: step() + 1 });
        if (!this.isConnected || step() >= this.last) this.pause();
      }, this.between);
    }
    pause() {
      if (!this.playing) return;
      clearInterval(this.playing);
      this.playing = null;
      this.playButton.textContent = "Reproducir";
      this.says.setAttribute("aria-live", "polite");
      this.draw();
    }
  }

  Object.assign(tarea, { Player });
})(globalThis.tarea);
