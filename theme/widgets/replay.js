// Trainings again: what each network sees in a scene after each epoch, its errors and its curve.
"use strict";

(function (tarea) {
  const { number, make, bytes, picture, grey } = tarea;
  const { SIZE, PIXELS, errorOf, errorPaint, errorKey, frame } = tarea.scene;
  const PAUSE = 900;  // milliseconds that an epoch is shown
  const COMMON = "5 3";  // dashes of the curves at the rate that all share
  const WHEN = { before: "antes", after: "después", same: "a la vez", never: "nunca" };
  const START = "antes de entrenar";

  // The masks of a sheet: class k has the grey value 16 k.
  function sheet(text) {
    return new Promise((resolve, reject) => {
      const image = new Image();
      image.addEventListener("load", () => {
        const canvas = make("canvas", { width: image.naturalWidth, height: image.naturalHeight });
        const context = canvas.getContext("2d", { willReadFrequently: true });
        context.drawImage(image, 0, 0);
        const { data } = context.getImageData(0, 0, canvas.width, canvas.height), wide = canvas.width;
        // Row and column of the sheet: epoch and scene.
        resolve((row, column) => Uint8Array.from({ length: PIXELS }, (_, k) =>
          Math.round(data[4 * ((row * SIZE + Math.floor(k / SIZE)) * wide + column * SIZE + k % SIZE)] / 16)));
      });
      image.addEventListener("error", () => reject(new Error("las máscaras de los entrenamientos no se leen")));
      image.src = `data:image/png;base64,${text}`;
    });
  }

  // The epoch from which on "some digit" has an IoU of at least `least`; Infinity if never.
  function epochThatFinds(wheres, least) {
    let first = 0;
    wheres.forEach((value, epoch) => { if (value < least) first = epoch + 1; });
    return first < wheres.length ? first : Infinity;
  }

  class Replay extends tarea.Player {
    static title = "Los entrenamientos, época a época";

    build(stage) {
      const { networks, scenes, colours } = this.data;
      this.colours = colours.map((colour) => [1, 3, 5].map((k) => parseInt(colour.slice(k, k + 2), 16)));
      const part = (text) => { const all = bytes(text); return (k) => all.subarray(k * PIXELS, (k + 1) * PIXELS); };
      [this.imageOf, this.truthOf] = [part(scenes.images), part(scenes.masks)];
      const lines = new Map([...new Set(networks.map(({ label }) => label))].map((label, k) => [label, ["vermilion", "green", "text", "blue"][k]]));
      this.networks = networks.map((network) => ({ ...network, name: `${network.label}, tasa ${number(network.rate)}`,
        colour: `var(--w-${lines.get(network.label)})`, dash: network.own ? "none" : COMMON }));
      this.epochs = networks[0].miou.length - 1;
      this.player("epoch", "Época", { last: this.epochs, example: 1, pause: PAUSE });
      this.choice("scene", "Escena de validación", Object.fromEntries([...Array(scenes.count).keys()].map((k) => [k, String(k + 1)])));
      const [small, reference] = [this.networks.find((one) => one.label !== "línea base" && one.own), this.networks.find((one) => one.label === "referencia" && !one.own)];
      this.pair = [small, reference];
      this.prediction({
        question: `La red de ${small.label} entrenada con la tasa ${number(small.rate)}, ¿encontrará los dígitos antes o después que la referencia con ${number(reference.rate)}?`,
        conceal: true, decisive: [], options: { before: WHEN.before, after: WHEN.after, same: WHEN.same },
        truth: () => { const [a, b] = this.pair.map(({ finds }) => finds); return a < b ? "before" : a > b ? "after" : "same"; },
        hint: () => this.pair.map(({ name, finds }) => `${name}: ${this.since(finds)}`).join("; ") + ".",
      });
      this.views(stage);
      Promise.all(this.networks.map(async (network) => {
        network.mask = await sheet(network.masks);
        network.wheres = Array.from({ length: this.epochs + 1 }, (_, epoch) => this.where(network, epoch));
        network.finds = epochThatFinds(network.wheres, this.data.found);
      })).then(() => { this.ready = true; this.draw(); }, (error) => { this.news.textContent = `La pieza no se puede mostrar: ${error.message}.`; });
    }

    views(stage) {
      const canvas = (label) => make("canvas", { role: "img", "aria-label": label });
      const view = (name, content, ...more) => make("div", { className: "tarea-view" }, make("p", { className: "tarea-name" }, name), content, ...more);
      [this.scene, this.truth] = [frame(canvas("Escena")), frame(canvas("Máscara verdadera"))];
      this.plot = tarea.plot({ width: 430, height: 190, x: [0, this.epochs, 0, ...[3, 6, 9].filter((k) => k < this.epochs), this.epochs],
        y: [0, 1, 0, 0.5, 1], xlabel: "época", ylabel: "mIoU en validación", label: "mIoU en validación de las redes después de cada época" });
      this.plot.svg.style.cursor = "ew-resize";
      const slide = (event) => {
        if (event.type === "pointermove" && !event.buttons) return;
        this.pause();
        this.set({ epoch: Math.min(this.epochs, Math.max(0, Math.round(this.plot.at(event)[0]))) });
      };
      for (const type of ["pointerdown", "pointermove"]) this.plot.svg.addEventListener(type, slide);
      this.says = make("output", { className: "tarea-says tarea-wide tarea-answer", "aria-live": "polite" });
      this.cards = this.networks.map(({ name, colour, dash }) => {
        const mask = frame(canvas(`Máscara de ${name}`)), errors = frame(canvas(`Errores de ${name}`)), text = make("p", { className: "tarea-name" });
        const line = make("svg:svg", { viewBox: "0 0 26 8", width: 26, height: 8, "aria-hidden": "true" },
          make("svg:path", { d: "M 0 4 H 26", stroke: colour, "stroke-width": 2.5, "stroke-dasharray": dash }));
        const box = make("div", { className: "tarea-view tarea-answer tarea-training" },
          make("p", { className: "tarea-name" }, line, ` ${name}`), make("div", { className: "tarea-pair" }, mask.box, errors.box), text);
        return { mask, errors, text, box };
      });
      stage.append(make("div", { className: "tarea-replay-top" }, view("escena", this.scene.box), view("verdad", this.truth.box),
        make("div", { className: "tarea-view tarea-answer" }, this.plot.svg)),
      make("div", { className: "tarea-trainings", style: `--columns: ${this.networks.length % 3 ? 2 : 3}` }, this.cards.map(({ box }) => box)),
      make("div", { className: "tarea-wide tarea-answer" }, errorKey()), this.says);
    }

    // Of all the scenes, as studies/replay.py.
    where({ mask }, epoch) {
      let both = 0, either = 0;
      for (let k = 0; k < this.data.scenes.count; k++) {
        const truth = this.truthOf(k), found = mask(epoch, k);
        truth.forEach((label, i) => { both += label && found[i] ? 1 : 0; either += label || found[i] ? 1 : 0; });
      }
      return both / either;
    }
    since(epoch) { return epoch === Infinity ? "nunca" : `desde la época ${number(epoch)}`; }

    draw() {
      const { epoch, scene } = this.state, place = Number(scene), paint = (label) => this.colours[label];
      const slider = this.live.querySelector("input[type=range]");
      if (epoch === 0) slider.setAttribute("aria-valuetext", START);
      if (!this.ready) return;
      const image = Float32Array.from(this.imageOf(place), (value) => value / 255), truth = this.truthOf(place);
      const show = (one, values, colour) => picture(one.box.querySelector("canvas"), values, SIZE, SIZE, colour);
      show(this.scene, image, grey);
      show(this.truth, truth, paint);
      this.truth.name(truth);
      this.networks.forEach(({ mask, miou, wheres }, n) => {
        const found = mask(epoch, place), card = this.cards[n];
        show(card.mask, found, paint);
        card.mask.name(epoch ? found : new Uint8Array(PIXELS));  // before training there is only noise to name
        show(card.errors, found.map((label, k) => errorOf(truth[k], label)), errorPaint(image));
        card.text.textContent = `mIoU ${number(miou[epoch], 2)}, dónde ${number(wheres[epoch], 2)}`;
      });
      const x = Array.from({ length: this.epochs + 1 }, (_, k) => k);
      this.plot.draw([...this.networks.map(({ miou, colour, dash }) => ({ x, y: miou, colour, dash })), { kind: "marks", x: [epoch], colour: "var(--w-soft)" }]);
      const finding = this.networks.filter(({ wheres }) => wheres[epoch] >= this.data.found);
      const names = finding.map(({ name }) => name).join("; ");
      this.says.textContent = `${epoch ? `Después de ${epoch === 1 ? "una época" : `${number(epoch)} épocas`}` : "Antes de entrenar"}, ${finding.length ? `${number(finding.length)} de ${number(this.networks.length)} entrenamientos ${finding.length === 1 ? "encuentra" : "encuentran"} los dígitos (dónde de al menos ${number(this.data.found)}): ${names}.` : "ninguno encuentra los dígitos."}`;
    }
  }

  Object.assign(tarea, { replay: { sheet, epochThatFinds } });
  tarea.define("replay", Replay);
})(globalThis.tarea);
