// What all interactive pieces share: data, controls, messages, state in the address, the static figure.
//
// A piece is a subclass with `build(stage)`, which makes its controls and views, and `draw()`, which
// shows `this.state`. A value that is refused leaves the state, and so the last valid result, as it is.
"use strict";

(function (tarea) {
  const NARROW_SPACE = "\u202f", MINUS = "\u2212";

  // A number as typography.number writes it: decimal comma, thousands from five digits on.
  function number(value, decimals) {
    if (Number.isNaN(value)) return "n. d.";
    let text = decimals === undefined ? String(value) : value.toFixed(decimals);
    const negative = text.startsWith("-") && Number(text) !== 0;
    let [whole, fraction] = text.replace("-", "").split(".");
    if (whole.length > 4) whole = whole.replace(/\B(?=(\d{3})+$)/g, NARROW_SPACE);
    return (negative ? MINUS : "") + whole + (fraction ? "," + fraction : "");
  }
  const percent = (fraction, decimals = 1) => number(100 * fraction, decimals) + "\u00a0%";

  // The products of a window, as a sum: "1·7 + 0·(−2)".
  const terms = (cells, decimals) => cells.map(({ weight, value }) => {
    const text = number(value, decimals);
    return `${number(weight, decimals)}·${value < 0 ? `(${text})` : text}`;
  }).join(" + ");

  // The number in a text, with comma or point; throws a sentence.
  function parseNumber(text, { min = -Infinity, max = Infinity, whole = false } = {}) {
    const clean = String(text).trim().replace(MINUS, "-").replace(",", ".");
    const value = /^-?(\d+\.?\d*|\.\d+)$/.test(clean) ? Number(clean) : NaN;
    const kind = whole ? "un número entero" : "un número";
    const range = max === Infinity ? ` de al menos ${number(min)}` : ` entre ${number(min)} y ${number(max)}`;
    if (Number.isNaN(value)) throw new RangeError(`Aquí va ${kind}${min === -Infinity ? "" : range}.`);
    if (value < min || value > max || (whole && !Number.isInteger(value))) {
      throw new RangeError(`${number(value)} no vale: aquí va ${kind}${range}.`);
    }
    return value;
  }

  // The text itself where it is one of the options; throws a sentence.
  const oneOf = (options) => (text) => {
    if (Object.hasOwn(options, text)) return text;
    throw new RangeError(`«${text}» no vale: aquí va una de ${Object.keys(options).join(", ")}.`);
  };

  // An HTML (or, with "svg:", SVG) element with properties, attributes and children.
  function make(tag, properties = {}, ...children) {
    const svg = tag.startsWith("svg:");
    const element = svg
      ? document.createElementNS("http://www.w3.org/2000/svg", tag.slice(4)) : document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (value === undefined || value === false) continue;
      if (!svg && name in element && !name.startsWith("aria")) element[name] = value;
      else element.setAttribute(name, value);
    }
    element.append(...children.flat());
    return element;
  }

  // Bytes and floats that the package wrote as base64.
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const floats = (text) => new Float32Array(bytes(text).buffer);
  // Numbers of 16 bits (IEEE 754: sign, 5 bits of exponent, 10 of fraction) as those of 32.
  const halves = (text) => Float32Array.from(new Uint16Array(bytes(text).buffer), (bits) => {
    const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
    return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * fraction / 1024);
  });

  // Draw values as pixels: `colour(value, index)` gives [red, green, blue], 0 to 255; null is clear.
  function picture(canvas, values, width, height, colour) {
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const image = new ImageData(width, height);
    for (let k = 0, to = 0; k < width * height; k++) {
      const found = colour(values[k], k);
      for (let part = 0; part < 3; part++) image.data[to++] = found ? found[part] : 0;
      image.data[to++] = found ? 255 : 0;
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
  }
  const grey = (value) => { const level = Math.round(255 * Math.min(1, Math.max(0, value))); return [level, level, level]; };

  // A scale to its own range, for feature maps: darkest at the smallest value.
  function ownScale(values) {
    let low = Infinity, high = -Infinity;
    for (const value of values) { low = Math.min(low, value); high = Math.max(high, value); }
    return (value) => grey(high > low ? (value - low) / (high - low) : 0);
  }

  // Repeatable random numbers (mulberry32): a state in the address shows the same noise again.
  function random(seed) {
    return () => {
      seed = (seed + 0x6d2b79f5) | 0;
      let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  }

  // Data scripts hand over what they hold.
  tarea.received = {};
  tarea.receive = (name, content) => { tarea.received[name] = content; };

  // A data script of the site, once; its name holds the hash of its content.
  const scripts = {};
  const here = document.currentScript.src;
  function fetchScript(name) {
    scripts[name] ??= new Promise((resolve, reject) => {
      const script = make("script", { src: new URL(`data/${name}.js`, here).href });
      script.addEventListener("load", resolve);
      script.addEventListener("error", () => reject(new Error(
        `falta el archivo ${name}.js, que acompaña a esta página; hay que volver a construir el sitio`)));
      document.head.append(script);
    });
    return scripts[name];
  }

  // The text of an address, or the address itself where somebody has broken its percent signs.
  function unescaped(address) {
    try { return decodeURIComponent(address); } catch { return address; }
  }

  // Who listens hears a sentence once the reader has stopped, not at every move of a slider.
  const STILL = 600;  // milliseconds
  function speakLate(output) {
    let waiting = null;
    new MutationObserver(() => {
      output.setAttribute("aria-busy", "true");
      clearTimeout(waiting);
      waiting = setTimeout(() => output.setAttribute("aria-busy", "false"), STILL);
    }).observe(output, { childList: true, characterData: true, subtree: true });
  }

  // Back undoes: what the pieces of a page show is kept with the entry of the browser's history.
  const shown = {};  // name of a piece -> its state, as the link has it

  let count = 0;

  class Piece extends HTMLElement {
    connectedCallback() {
      if (this.controls) return;
      this.controls = {};
      this.name = this.id || `${this.localName}-${++count}`;
      this.figure = make("div", { className: "tarea-figure" });
      this.live = make("section", { className: "tarea-live" });
      this.start().catch((error) => {  // the figure stays
        this.removeAttribute("live");
        this.live.remove();
        this.append(make("p", { className: "tarea-fault", role: "status" },
          `La pieza interactiva no se puede mostrar: ${error.message}.`));
      });
    }

    async start() {
      const json = this.querySelector(":scope > script[type='application/json']");
      this.data = JSON.parse(json?.textContent || "{}");
      const files = this.data.files ?? [];
      if (files.length) await this.comesNear();
      for (const name of files) await fetchScript(name);
      this.figure.append(...[...this.children].filter((child) => child !== json));
      const title = make("p", { className: "tarea-title", id: `${this.name}-title` }, this.constructor.title);
      this.live.setAttribute("aria-labelledby", title.id);
      this.panel = make("div", { className: "tarea-controls" });
      const stage = make("div", { className: "tarea-stage" });
      this.live.append(title, this.panel, stage, ...this.caption(), this.tools());
      this.append(this.figure, this.live);
      this.setAttribute("live", "");
      this.build(stage);
      for (const output of stage.querySelectorAll(".tarea-says")) speakLate(output);
      this.state = Object.fromEntries(
        Object.entries(this.controls).map(([name, control]) => [name, control.example]));
      this.show();
      this.readAddress();
      addEventListener("hashchange", () => this.readAddress());
      shown[this.name] = this.query();
      addEventListener("popstate", (event) => this.goBack(event.state?.tarea?.[this.name]));
    }

    // The number and the caption of the figure that the piece stands for; most tell the answer too.
    static captionTells = true;
    caption() {
      const text = this.figure.querySelector("figcaption")?.textContent.trim();
      return text ? [make("p", { className: `tarea-soft${this.constructor.captionTells ? " tarea-answer" : ""}` }, text)] : [];
    }

    // Weights are read when the reader comes to the piece, or follows a link to it.
    comesNear() {
      if (location.hash.startsWith(`#${this.name}?`)) return null;
      return new Promise((resolve) => {
        const watcher = new IntersectionObserver((entries) => {
          if (!entries.some((entry) => entry.isIntersecting)) return;
          watcher.disconnect();
          resolve();
        }, { rootMargin: "600px" });
        watcher.observe(this);
        addEventListener("hashchange", () => { if (location.hash.startsWith(`#${this.name}?`)) resolve(); });
      });
    }

    // Reset, link, and the figure that paper shows.
    tools() {
      this.news = make("output", { className: "tarea-news", "aria-live": "polite" });
      const button = (text, act) => {
        const made = make("button", { type: "button" }, text);
        made.addEventListener("click", () => act(made));
        return made;
      };
      const figure = button("Ver la figura fija", () => this.openFigure(!this.hasAttribute("open")));
      figure.setAttribute("aria-expanded", "false");
      this.figureButton = figure;
      return make("div", { className: "tarea-tools" },
        button("Volver al ejemplo", () => this.reset()),
        button("Copiar el enlace a este estado", () => this.copyAddress()),
        figure, this.news);
    }

    openFigure(open) {
      this.toggleAttribute("open", open);
      this.figureButton.setAttribute("aria-expanded", String(open));
      this.figureButton.textContent = open ? "Ocultar la figura fija" : "Ver la figura fija";
    }

    reset() {
      for (const [name, control] of Object.entries(this.controls)) {
        this.state[name] = control.example;
        control.say("");
      }
      this.forgetPrediction?.();
      if (this.conceals) this.reveal(false);
      this.remember(Object.keys(this.controls));
      this.show();
      this.news.textContent = "Ejemplo de la página.";
    }

    // Controls ----------------------------------------------------------------------------------

    // A control reads texts (`parse` throws a sentence) and writes its value as text.
    control(name, { example, parse, write = String, show = () => {}, message, input }) {
      const control = {
        example, parse, write, show, text: null,
        say: (sentence) => {
          if (!sentence) control.text = null;
          if (message) message.textContent = sentence;
          else if (sentence) this.news.textContent = sentence;
          if (input) {
            input.toggleAttribute("data-wrong", Boolean(sentence));
            sentence ? input.setAttribute("aria-invalid", "true") : input.removeAttribute("aria-invalid");
          }
        },
      };
      this.controls[name] = control;
      return control;
    }

    labelled(name, label, input, { panel = this.panel, after = [] } = {}) {
      const id = `${this.name}-${name}`;
      input.id = id;
      const message = make("span", { className: "tarea-message", id: `${id}-message`, role: "status" });
      input.setAttribute("aria-describedby", message.id);
      const box = input.type === "checkbox";
      const parts = [make("label", { htmlFor: id }, label), input, ...after];
      if (box) parts.reverse();
      panel.append(make("div", { className: box ? "tarea-control tarea-flag" : "tarea-control" }, ...parts, message));
      return message;
    }

    whole(name, label, { min, max, example, panel }) {
      const input = make("input", { type: "number", min, max, step: 1, inputMode: "numeric" });
      const message = this.labelled(name, label, input, { panel });
      input.addEventListener("input", () => this.attempt({ [name]: input.value }));
      const parse = (text) => parseNumber(text, { min, max, whole: true });
      this.control(name, { example, parse, message, input, show: (value) => { input.value = value; } });
      return input;
    }

    range(name, label, { min, max, step, example, decimals, panel, unit = "" }) {
      const input = make("input", { type: "range", min, max, step });
      const output = make("output", { className: "tarea-value" });
      const message = this.labelled(name, label, input, { panel, after: [output] });
      output.setAttribute("for", input.id);
      output.setAttribute("aria-live", "off");  // the slider itself tells its value
      input.addEventListener("input", () => { if (this.attempt({ [name]: input.value })) show(this.state[name]); });
      const show = (value) => {
        input.value = value;
        output.textContent = number(value, decimals) + unit;
        input.setAttribute("aria-valuetext", output.textContent);
      };
      this.control(name, { example, parse: (text) => parseNumber(text, { min, max }), message, input, show });
      return input;
    }

    choice(name, label, options, { example, panel } = {}) {
      const input = make("select", {},
        Object.entries(options).map(([value, text]) => make("option", { value }, text)));
      const message = this.labelled(name, label, input, { panel });
      input.addEventListener("change", () => this.attempt({ [name]: input.value }));
      this.control(name, {
        example: example ?? Object.keys(options)[0], parse: oneOf(options), message, input, show: (value) => { input.value = value; },
      });
      return input;
    }

    // One of a few, each a button of its own; the arrows of the keyboard go from one to the next.
    palette(name, label, options, { example, panel = this.panel } = {}) {
      const id = `${this.name}-${name}`;
      const message = make("span", { className: "tarea-message", id: `${id}-message`, role: "status" });
      const inputs = Object.keys(options).map((value) => make("input", { type: "radio", name: id, value }));
      const box = make("fieldset", { id, className: "tarea-group tarea-palette", role: "radiogroup", "aria-describedby": message.id }, make("legend", {}, label),
        inputs.map((input) => make("label", {}, input, make("span", {}, options[input.value]))), message);
      box.addEventListener("change", (event) => this.attempt({ [name]: event.target.value }));
      panel.append(box);
      this.control(name, {
        example: example ?? Object.keys(options)[0], parse: oneOf(options), message, input: box,
        show: (value) => { for (const input of inputs) input.checked = input.value === value; },
      });
      return box;
    }

    flag(name, label, { example = false, panel } = {}) {
      const input = make("input", { type: "checkbox" });
      const message = this.labelled(name, label, input, { panel });
      input.addEventListener("change", () => this.attempt({ [name]: input.checked ? "1" : "0" }));
      const parse = (text) => {
        if (text === "1" || text === "0") return text === "1";
        throw new RangeError(`«${text}» no vale: aquí va 1 o 0.`);
      };
      this.control(name, {
        example, parse, message, input, write: (value) => (value ? "1" : "0"), show: (value) => { input.checked = value; },
      });
      return input;
    }

    button(text, act, panel = this.panel) {
      const made = make("button", { type: "button" }, text);
      made.addEventListener("click", act);
      panel.append(made);
      return made;
    }

    // A question before the answer: `truth()` gives what is right now, `hint` what to say otherwise.
    // Views of the class "tarea-answer" stay hidden until the reader has answered once, or asked to
    // see; `this.guessed` says whether the present state has been guessed. The answer is forgotten
    // when one of the controls `decisive` changes, or any where none is named.
    prediction({ question, min = 0, max = Infinity, options, truth, tolerance = 0, text = (value) => number(value), hint, conceal = false, panel = this.panel, decisive }) {
      this.decisive = decisive;
      const id = `${this.name}-prediction`;
      const input = options
        ? make("select", { id }, [["", "elige"], ...Object.entries(options)].map(([value, name]) => make("option", { value }, name)))
        : make("input", { id, type: "text", inputMode: "decimal", autocomplete: "off", size: 6 });
      const reply = make("output", { "aria-live": "polite", className: "tarea-reply" });
      const look = make("button", { type: "button" }, "Ver sin predecir");
      const form = make("form", { className: "tarea-group tarea-prediction" }, make("label", { htmlFor: id }, question), input,
        make("button", { type: "submit" }, "Comprobar"), look, reply);
      this.reveal = (shown) => {
        this.live.classList.toggle("tarea-concealed", !shown);
        look.hidden = shown;
      };
      this.reveal(!conceal);
      this.conceals = conceal;
      look.addEventListener("click", () => { this.reveal(true); input.focus(); });
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        const right = truth();
        let guess = input.value;
        if (options && guess === "") { reply.textContent = "Elige antes una respuesta."; return; }
        try { if (!options) guess = parseNumber(input.value, { min, max }); } catch (error) { reply.textContent = error.message; return; }
        const fine = options ? guess === right : Math.abs(guess - right) <= tolerance;
        const name = options ? options[right] : text(right);
        this.guessed = true;
        this.reveal(true);
        this.draw();
        reply.textContent = fine ? `Sí: ${name}.` : `No: es ${name}. ${hint()}`;
      });
      this.forgetPrediction = () => {
        if (this.guessed || reply.textContent) { this.guessed = false; reply.textContent = ""; }
        if (options) input.value = "";
      };
      panel.append(form);
      return form;
    }

    // State ---------------------------------------------------------------------------------------

    // [name, sentence] for values that do not go together; null where they do.
    check() { return null; }

    // Take texts for some controls. What is refused is said beside its control; what was refused
    // before is tried again, since it may fit now.
    attempt(texts) {
      const waiting = Object.fromEntries(Object.entries(this.controls)
        .filter(([name, control]) => control.text !== null && !(name in texts))
        .map(([name, control]) => [name, control.text]));
      const taken = this.take({ ...waiting, ...texts })
        || (Object.keys(waiting).length > 0 && this.take(texts));
      if (taken) {
        if (Object.keys(texts).some((name) => this.decisive?.includes(name) ?? true)) this.forgetPrediction?.();
        this.remember(Object.keys(texts));
        this.draw();
      }
      return taken;
    }

    take(texts) {
      const candidate = { ...this.state };
      const refused = {};
      for (const [name, text] of Object.entries(texts)) {
        try { candidate[name] = this.controls[name].parse(text, candidate); }
        catch (error) { refused[name] = error.message; }
      }
      const problem = this.check(candidate);
      if (problem) refused[problem[0]] ??= problem[1];
      for (const name of Object.keys(texts)) {
        this.controls[name].say(refused[name] ?? "");
        if (name in refused) this.controls[name].text = texts[name];
      }
      if (problem && !(problem[0] in texts)) this.controls[problem[0]].say(problem[1]);
      if (problem) return false;
      if (Object.keys(refused).length === Object.keys(texts).length) return false;
      for (const [name, control] of Object.entries(this.controls)) if (control.text === null) control.say("");
      this.state = candidate;
      return true;
    }

    // Set values that are known to be valid, and show them in their controls.
    set(values) {
      Object.assign(this.state, values);
      for (const name of Object.keys(values)) this.controls[name]?.say("");
      this.remember(Object.keys(values));
      this.show();
    }

    show() {
      for (const [name, control] of Object.entries(this.controls)) {
        if (control.text === null) control.show(this.state[name]);
      }
      this.draw();
    }

    // A change that has settled is a step of the history; changes of the same controls are one step.
    remember(names) {
      clearTimeout(this.settling);
      this.changing = new Set([...(this.changing ?? []), ...names]);
      this.settling = setTimeout(() => {
        const last = [this.name, ...[...this.changing].sort()].join(" "), query = this.query();
        this.changing = null;
        if (query === shown[this.name] || !this.isConnected) return;
        const again = history.state?.last === last;
        if (!again) history.replaceState({ ...history.state, tarea: { ...shown } }, "");
        shown[this.name] = query;
        history[again ? "replaceState" : "pushState"]({ tarea: { ...shown }, last }, "");
      }, STILL);
    }
    goBack(query) {
      if (query === undefined || query === shown[this.name] || !this.isConnected) return;
      clearTimeout(this.settling);
      this.changing = null;
      shown[this.name] = query;
      this.take(Object.fromEntries(new URLSearchParams(query)));
      this.forgetPrediction?.();
      this.show();
      this.news.textContent = "Un paso atrás o adelante.";
    }

    // #piece?name=value&… stands for a state; &ver shows the answer too.
    query() {
      const query = new URLSearchParams();
      for (const [name, control] of Object.entries(this.controls)) query.set(name, control.write(this.state[name]));
      return String(query);
    }
    address() {
      return `${location.href.split("#")[0]}#${this.name}?${this.query()}`;
    }

    async copyAddress() {
      const address = this.address();
      try {
        await navigator.clipboard.writeText(address);
        this.news.textContent = "Enlace copiado.";
      } catch {  // no access to the clipboard
        history.replaceState(null, "", address);
        this.news.textContent = "El enlace está ahora en la barra de direcciones.";
      }
    }

    readAddress() {
      const text = unescaped(location.hash.slice(1).split("?")[0]);
      const target = text && document.getElementById(text);
      if (target && this.figure.contains(target)) {  // a reference leads to the figure
        this.openFigure(true);
        target.scrollIntoView();
      }
      if (text !== this.name || !location.hash.includes("?")) return;
      const query = new URLSearchParams(location.hash.slice(location.hash.indexOf("?") + 1));
      const texts = Object.fromEntries([...query].filter(([name]) => name in this.controls));
      if (query.has("ver")) this.reveal?.(true);  // a link may open the answer
      if (Object.keys(texts).length) this.take(texts);
      this.show();
      this.scrollIntoView();
      const unknown = [...query.keys()].filter((name) => !(name in this.controls) && name !== "ver");
      const wrong = Object.values(this.controls).some((control) => control.text !== null);
      this.news.textContent = unknown.length || wrong
        ? `El enlace trae valores que no valen${unknown.length ? ` (${unknown.join(", ")})` : ""}: se ha usado lo demás.`
        : "Estado del enlace.";
    }
  }

  function define(name, piece) {
    if (!customElements.get(`tarea-${name}`)) customElements.define(`tarea-${name}`, piece);
  }

  Object.assign(tarea, {
    number, percent, terms, parseNumber, make, bytes, floats, halves, picture, grey, ownScale, random, Piece, define,
  });
})(globalThis.tarea);
