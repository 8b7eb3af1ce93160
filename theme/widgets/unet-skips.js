// What a cut skip takes away: the reader says it first, then masks and measures tell.
"use strict";

(function (tarea) {
  const { number, percent, make, picture } = tarea;
  const NONE = "none";
  const LOST = 0.5, LITTLE = 0.02;  // of "where": less than that share stays; less than that is lost

  class Cuts {
    constructor(piece) {
      this.piece = piece;
      this.form = piece.prediction({
        question: "¿Qué se perderá al cortarla?", conceal: true, decisive: ["scene", "cut"],
        options: { where: "sobre todo el dónde: los contornos", what: "sobre todo el qué: los nombres",
          all: "casi todo: no se verán dígitos", little: "casi nada" },
        truth: () => this.lost(), hint: () => "Compara las máscaras y las filas de la tabla.", panel: make("div", {}),
      });
      const reveal = piece.reveal;
      piece.revealed = false;
      piece.reveal = (shown) => { reveal(shown); piece.revealed = shown; piece.draw(); };
      this.views = Object.fromEntries([["truth", "verdad"], ["whole", "red entera"], ["cut", "red cortada"]].map(([name, text]) => {
        const canvas = make("canvas", { role: "img", "aria-label": `Máscara: ${text}` });
        return [name, { canvas, box: make("div", { className: name === "cut" ? "tarea-answer" : "" }, canvas, make("p", { className: "tarea-name" }, text)) }];
      }));
      this.table = make("tbody");
      const heads = ["", "dónde", "qué"].map((text) => (text ? make("th", { scope: "col" }, text) : make("td")));
      this.box = make("div", { className: "tarea-u-losses" }, this.form,
        make("div", { className: "tarea-pair" }, Object.values(this.views).map(({ box }) => box)),
        make("table", {}, make("thead", {}, make("tr", {}, heads)), this.table));
    }

    // A click on a skip cuts it, and mends the one that was cut; the reader is asked anew.
    ask(level) {
      const { piece } = this, cut = piece.state.cut === String(level) ? NONE : String(level);
      piece.pause();
      piece.forgetPrediction();
      piece.state.cut = cut;
      piece.reveal(false);
      piece.set({ cut });
      if (cut !== NONE) this.form.querySelector("select").focus({ preventScroll: this.beside() });
    }
    beside() { return getComputedStyle(this.box).gridColumnStart === "2"; }

    lost() {
      const { piece } = this, [whole, cut] = [NONE, piece.state.cut].map((skip) => piece.result(piece.state.scene, skip));
      const [where, what] = [whole.where - cut.where, whole.what - cut.what];
      if (cut.where < LOST * whole.where) return "all";
      if (Math.max(where, what) < LITTLE) return "little";
      return where > what ? "where" : "what";
    }

    show() {
      const { piece, views } = this, { scene, cut } = piece.state, whole = piece.result(scene, NONE), { count, scores } = piece.data.over;
      const shown = cut !== NONE && piece.revealed;
      const paint = ({ canvas }, mask) => picture(canvas, mask, piece.size, piece.size, (label) => piece.colours[label]);
      this.form.hidden = cut === NONE;
      views.cut.box.hidden = cut === NONE;
      paint(views.truth, whole.truth);
      paint(views.whole, whole.found);
      const row = (name, { where, what, both }) => make("tr", {}, make("th", { scope: "row" }, name), make("td", { className: "tarea-number" }, number(where, 2)),
        make("td", { className: "tarea-number" }, both === 0 ? "sin píxeles" : `${percent(what, 0)}${both === undefined ? "" : ` de ${number(both)} px`}`));
      const rows = [row("esta escena, entera", whole)];
      if (shown) {
        const now = piece.result(scene, cut);
        paint(views.cut, now.found);
        rows.push(row("esta escena, cortada", now));
      }
      rows.push(row(`${number(count)} escenas, entera`, scores[NONE]));
      if (shown) rows.push(row(`${number(count)} escenas, cortada`, scores[cut]));
      this.table.replaceChildren(...rows);
    }
  }

  Object.assign(tarea.unet, { Cuts });
})(globalThis.tarea);
