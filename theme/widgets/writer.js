// The number writer, step by step: what the encoder keeps, what the decoder chooses, and forcing it.
"use strict";

(function (tarea) {
  const { number, percent, make, picture } = tarea;
  const LARGEST = 99999, SHOWN = 6, LIKELIEST = "";

  class Writer extends tarea.Piece {
    static title = "El escritor de números, paso a paso";

    build(stage) {
      this.writer = tarea.numberWriter(tarea.network(this.data.script));
      const { vocabulary } = this.writer;
      const input = make("input", { type: "text", inputMode: "numeric", autocomplete: "off", size: 8 });
      const message = this.labelled("number", "Número", input);
      const parse = (text) => {
        const clean = String(text).trim();
        if (/^[-−]\d+$/.test(clean)) throw new RangeError(`${clean} es negativo: aquí va un número entero entre 0 y ${number(LARGEST)}.`);
        if (!/^\d+$/.test(clean)) throw new RangeError(`Aquí va un número entero en cifras, entre 0 y ${number(LARGEST)}.`);
        if (Number(clean) > LARGEST) throw new RangeError(`El número tiene demasiadas cifras: aquí va uno entre 0 y ${number(LARGEST)}.`);
        return Number(clean);
      };
      // Words that were forced for another number mean nothing for this one.
      input.addEventListener("input", () => this.attempt({ number: input.value, forced: "" }));
      this.control("number", { example: this.data.number, parse, message, input, show: (value) => { input.value = value; } });
      this.control("forced", {
        example: {},
        write: (forced) => Object.entries(forced).map((pair) => pair.join("_")).join(";"),
        parse: (text) => Object.fromEntries(text === "" ? [] : text.split(";").map((pair) => {
          const [step, token] = pair.split("_").map(Number);
          if (!(step in [...Array(12)]) || !(token >= 2 && token < vocabulary.length)) throw new RangeError("Las palabras forzadas del enlace no se entienden.");
          return [step, token];
        })),
      });
      this.whole("step", "Paso que se mira", { min: 1, max: 12, example: 1 });
      const options = { [LIKELIEST]: "la más probable" };
      vocabulary.forEach((word, token) => { if (token >= 2) options[token] = token === 2 ? "(fin)" : word; });
      this.force = make("select", {}, Object.entries(options).map(([value, text]) => make("option", { value }, text)));
      this.labelled("force", "Palabra en ese paso", this.force);
      this.force.addEventListener("change", () => {
        const forced = { ...this.state.forced };
        const step = this.shownStep - 1;
        // What was forced after this step belonged to another beginning.
        for (const later of Object.keys(forced)) if (Number(later) >= step) delete forced[later];
        if (this.force.value !== LIKELIEST) forced[step] = Number(this.force.value);
        this.set({ forced });
      });
      this.button("No forzar ninguna", () => this.set({ forced: {} }));
      const view = (name, ...content) => make("div", { className: "tarea-view" }, make("p", { className: "tarea-name" }, name), ...content);
      this.says = make("output", { className: "tarea-says tarea-wide", "aria-live": "polite" });
      this.words = make("div", { className: "tarea-group", role: "group", "aria-label": "Pasos del decoder" });
      this.states = make("canvas", { role: "img", style: "width: 100%", "aria-label": "El estado del encoder después de cada lugar: una fila por lugar, un valor por columna" });
      this.shares = make("div");
      this.stateText = make("p", { className: "tarea-name" });
      stage.append(this.says, make("div", { className: "tarea-view tarea-wide" }, make("p", { className: "tarea-name" }, "lo escrito: pulsa un paso para ver sus probabilidades"), this.words),
        view("probabilidades en ese paso", this.shares),
        make("div", { className: "tarea-view tarea-wide" }, make("p", { className: "tarea-name" }, "estado del encoder tras cada lugar (azul, negativo; naranja, positivo); la última fila es z"), this.states, this.stateText));
    }

    word(token) { return token === 2 ? "(fin)" : this.writer.vocabulary[token] || "(nada)"; }

    draw() {
      const { forced } = this.state;
      const { steps, text } = this.writer.write(this.state.number, forced);
      this.shownStep = Math.min(this.state.step, steps.length);
      const now = steps[this.shownStep - 1];
      const buttons = steps.map(({ token, probabilities }, k) => {
        const button = make("button", { type: "button", "aria-pressed": String(k === this.shownStep - 1) },
          `${this.word(token)} ${percent(probabilities[token], 0)}${k in forced ? " (forzada)" : ""}`);
        button.addEventListener("click", () => { this.set({ step: k + 1 }); this.words.children[k]?.focus(); });
        return button;
      });
      this.words.replaceChildren(...buttons);
      const order = now.probabilities.map((share, token) => [share, token]).sort((a, b) => b[0] - a[0]).slice(0, SHOWN);
      tarea.bars(this.shares, order.map(([share, token]) => [this.word(token), share]));
      this.force.value = this.shownStep - 1 in forced ? String(forced[this.shownStep - 1]) : LIKELIEST;
      const encoded = this.writer.encode(this.state.number);
      const size = encoded[0].state.length;
      const values = encoded.flatMap(({ state }) => Array.from(state));
      picture(this.states, values, size, encoded.length, (value) => (value > 0 ? [255, 255 - 120 * value, 255 - 230 * value] : [255 + 230 * value, 255 + 110 * value, 255]).map(Math.round));
      this.stateText.textContent = `lugares: ${encoded.map(({ digit }) => (digit > 9 ? "vacío" : digit)).join(", ")}; ${number(size)} valores por fila`;
      const certainty = Math.min(...steps.map(({ probabilities, token }) => probabilities[token]));
      const many = Object.keys(forced).length;
      this.says.textContent = `${number(this.state.number)}: «${text}»${many ? `, con ${many === 1 ? "una palabra forzada" : `${number(many)} palabras forzadas`}` : ""}. ` +
        `La elección menos segura tiene probabilidad ${percent(certainty, 2)}.`;
    }
  }

  tarea.define("writer", Writer);
})(globalThis.tarea);
