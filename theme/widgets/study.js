// Study explorer: every network by two measures; the chosen ones' learning curves and specs.
"use strict";

(function (tarea) {
  const { number, make, random } = tarea;
  const PAIRS = 50;

  // Ranks from 1, equal values sharing their mean rank.
  function ranks(values) {
    return values.map((value) => {
      const below = values.filter((other) => other < value).length, equal = values.filter((other) => other === value).length;
      return below + (equal + 1) / 2;
    });
  }
  // Spearman's correlation: Pearson's, of the ranks.
  function spearman(a, b) {
    if (a.length < 3) return NaN;
    const [x, y] = [ranks(a), ranks(b)], mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
    const [mx, my] = [mean(x), mean(y)];
    const sum = (f) => x.reduce((total, _, k) => total + f(x[k] - mx, y[k] - my), 0);
    return sum((p, q) => p * q) / Math.sqrt(sum((p) => p * p) * sum((_, q) => q * q));
  }

  class Study extends tarea.Piece {
    static title = "Explora el estudio";

    build(stage) {
      const { networks, across, up, chosen } = this.data;
      this.choice("across", "Eje horizontal", across);
      this.choice("up", "Eje vertical", up);
      this.whole("pair", "Pareja que se compara", { min: 1, max: PAIRS, example: 1 });
      this.button("Otra pareja", () => this.attempt({ pair: String(this.state.pair % PAIRS + 1) }));
      this.rivals = { one: "", two: "" };
      this.duel = this.prediction({
        question: "", conceal: true, options: this.rivals,
        truth: () => { const [one, two] = this.pair(); return one[this.state.up] >= two[this.state.up] ? "one" : "two"; },
        hint: () => `${this.pair().map((network) => `${network.label}: ${number(network[this.state.up], 3)}`).join("; ")}.`,
      });
      const names = networks.map((network) => network.name);
      this.control("chosen", {
        example: chosen, write: (list) => list.join("."),
        parse: (text) => {
          const list = text === "" ? [] : text.split(".");
          const wrong = list.find((name) => !names.includes(name));
          if (wrong) throw new RangeError(`«${wrong}» no es una red del estudio.`);
          return list;
        },
        show: (list) => { for (const [name, box] of Object.entries(this.boxes)) box.checked = list.includes(name); },
      });
      const groups = make("div", { className: "tarea-group" });
      for (const kind of new Set(networks.map((network) => network.kind))) {
        this.button(kind, () => this.set({ chosen: networks.filter((network) => network.kind === kind).map((network) => network.name) }), groups);
      }
      this.button("ninguna", () => this.set({ chosen: [] }), groups);
      this.boxes = {};
      const list = make("fieldset", { className: "tarea-group tarea-choices" }, make("legend", {}, "Redes elegidas (también se eligen en el gráfico)"), groups);
      for (const { name, label } of networks) {
        const id = `${this.name}-network-${name}`;
        this.boxes[name] = make("input", { type: "checkbox", id });
        this.boxes[name].addEventListener("change", () => this.toggle(name));
        list.append(make("span", { className: "tarea-flag tarea-control" }, this.boxes[name], make("label", { htmlFor: id }, label)));
      }
      this.says = make("output", { className: "tarea-says tarea-wide tarea-answer", "aria-live": "polite" });
      const chart = make("div", { className: "tarea-chart tarea-answer", role: "group", "aria-label": "Gráfico de las redes y curvas de las elegidas" });
      this.table = make("tbody");
      const details = make("details", { className: "tarea-wide" }, make("summary", {}, "Elegir redes por su nombre"), list);
      stage.append(chart, details, this.says,
        make("div", { className: "tarea-scroll tarea-wide", tabIndex: 0, role: "region", "aria-label": "Descripción de las redes elegidas" },
          make("table", {}, make("thead", {}, make("tr", {}, ["red", "descripción", "parámetros", "mIoU"].map((text) => make("th", { scope: "col" }, text)))), this.table)));

      this.chart = new window.vega.View(window.vega.parse(this.live.clientWidth > 560 ? this.data.wide : this.data.narrow), { renderer: "svg", container: chart, hover: true })
        .data("networks", networks);
      this.chart.addEventListener("click", (event, item) => { if (item?.datum?.name) this.toggle(item.datum.name); });
    }

    toggle(name) {
      const { chosen } = this.state;
      this.set({ chosen: chosen.includes(name) ? chosen.filter((other) => other !== name) : [...chosen, name] });
    }

    // Two networks, the same ones for a number of a pair.
    pair() {
      const draw = random(this.state.pair), { networks } = this.data;
      const first = Math.floor(draw() * networks.length), second = (first + 1 + Math.floor(draw() * (networks.length - 1))) % networks.length;
      return [networks[first], networks[second]];
    }
    ask() {
      const { up } = this.state, rivals = this.pair();
      this.duel.querySelector("label").textContent = `¿Cuál gana en ${this.data.up[up].replace(/^[dq].*/, (word) => `«${word}»`)}, «${rivals[0].label}» o «${rivals[1].label}»?`;
      ["one", "two"].forEach((name, k) => {
        this.rivals[name] = rivals[k].label;
        this.duel.querySelector(`option[value=${name}]`).textContent = `${rivals[k].label} (${number(rivals[k].parameters)} parámetros)`;
      });
    }

    // Of the networks that have both measures.
    correlation(networks) {
      const { across, up } = this.state;
      const known = networks.filter((network) => network[across] !== null && network[up] !== null);
      return spearman(known.map((network) => network[across]), known.map((network) => network[up]));
    }

    draw() {
      const { across, up, chosen } = this.state, { networks } = this.data;
      this.ask();
      this.chart.signal("across", across).signal("up", up).signal("chosen", chosen).runAsync();
      const all = this.correlation(networks), rest = this.correlation(networks.filter(({ name }) => !chosen.includes(name)));
      this.says.textContent = `Eje horizontal: ${this.data.across[across]}. Eje vertical: ${this.data.up[up]}. ` +
        `Correlación de rangos: ${number(all, 2)}` + (!chosen.length ? "." : `; sin las elegidas, ${Number.isNaN(rest) ? "quedan demasiado pocas redes" : number(rest, 2)}.`);
      this.table.replaceChildren(...networks.filter(({ name }) => chosen.includes(name)).map((network) => make("tr", {},
        make("td", {}, network.label), make("td", {}, network.description),
        make("td", { className: "tarea-number" }, number(network.parameters)), make("td", { className: "tarea-number" }, number(network.miou, 3)))));
      if (!chosen.length) this.table.append(make("tr", {}, make("td", { colSpan: 4 }, "Ninguna red elegida: la curva es la de la referencia.")));
    }
  }

  Object.assign(tarea, { spearman });
  tarea.define("study", Study);
})(globalThis.tarea);
