// The U-Net from inside: every operation of the stored network, drawn as a U and alive.
"use strict";

(function (tarea) {
  const { number, percent, make, bytes, picture, array, argmax } = tarea;
  const NONE = "none", PAUSE = 900;  // milliseconds between operations

  class UNet extends tarea.Player {
    static title = "La U-Net por dentro";
    static captionTells = false;

    build(stage) {
      const { script, scenes, colours, example } = this.data;
      const stored = tarea.network(script);
      this.depth = stored.spec.depth;
      this.run = tarea.encoderDecoder(stored);
      [this.images, this.masks] = [bytes(scenes.images), bytes(scenes.masks)];
      this.size = Math.sqrt(this.images.length / scenes.count);
      this.colours = colours.map((colour) => [1, 3, 5].map((k) => parseInt(colour.slice(k, k + 2), 16)));
      this.results = new Map();
      const { steps } = this.result("0", NONE);
      // A tile for each step and one for the mask; enlarging is drawn together with joining.
      this.shown = [...steps.keys()].filter((k) => steps[k].kind !== "enlargement");
      this.last = this.shown.length;
      this.chosen = this.shown.map((k) => tarea.unet.liveliest(steps[k].maps));  // the map of each tile
      this.choice("scene", "Escena de prueba", Object.fromEntries([...Array(scenes.count).keys()].map((k) => [k, String(k)])));
      this.player("step", "Operación", { last: this.last, pause: PAUSE });
      this.control("cut", { example: NONE, parse: (text) => {
        if (text === NONE || (/^\d$/.test(text) && Number(text) < this.depth)) return text;
        throw new RangeError("La conexión cortada del enlace no se entiende.");
      } });
      this.control("at", {
        example: { tile: this.last, map: 0, row: example[0], column: example[1] },
        write: ({ tile, map, row, column }) => [tile, map, row, column].join("_"), parse: (text) => this.readPlace(text),
      });
      this.diagram(stage);
      const rows = (first, last) => `--rows: ${first} / ${last}`;
      this.workshop = new tarea.unet.Workshop(this);
      this.cuts = new tarea.unet.Cuts(this);
      this.workshop.passing.style = rows(1, this.bridgeRow);
      this.workshop.box.style = rows(2, this.bridgeRow);
      this.cuts.box.style = rows(this.bridgeRow + 1, this.bridgeRow + 4);
      this.u.append(this.workshop.passing, this.workshop.box, this.cuts.box);
      this.watcher = new ResizeObserver(() => { if (this.state) this.paint(); });
      this.watcher.observe(this.u);
    }

    // Forward pass ----------------------------------------------------------------------------------

    // Steps, scores of a pixel, mask, and where and what, for a scene with a skip cut; computed once.
    result(scene, cut) {
      const key = `${scene} ${cut}`;
      if (!this.results.has(key)) {
        const area = this.size ** 2, start = Number(scene) * area;
        const image = Float32Array.from(this.images.subarray(start, start + area), (value) => value / 255);
        const truth = this.masks.subarray(start, start + area);
        const { steps, scores } = this.run(array([1, 1, this.size, this.size], image), { skips: (level) => cut !== String(level) });
        const of = (k) => Array.from({ length: scores.shape[1] }, (_, c) => scores.data[c * area + k]);
        const found = Uint8Array.from({ length: area }, (_, k) => argmax(of(k)));
        this.results.set(key, { steps, of, truth, found, ...tarea.whereAndWhat(truth, found) });
      }
      return this.results.get(key);
    }
    // What is cut in the drawing: nothing before the reader has said what will be lost.
    get cutNow() { return this.revealed ? this.state.cut : NONE; }
    get now() { return this.result(this.state?.scene ?? "0", this.cutNow); }

    step(tile) { return this.now.steps[this.shown[tile]] ?? null; }
    shape(tile) { return this.step(tile)?.maps.shape ?? [1, 1, this.size, this.size]; }
    before(tile) { const step = this.step(tile); return step ? this.now.steps[step.from[0]] : null; }
    describe(tile) { return tarea.unet.describe(this.step(tile), this.before(tile)); }

    readPlace(text) {
      const values = String(text).split("_").map(Number), [tile, map, row, column] = values;
      if (values.length === 4 && values.every((value) => Number.isInteger(value) && value >= 0) && tile <= this.last) {
        const [, maps, height, width] = this.shape(tile);
        if (map < maps && row < height && column < width) return { tile, map, row, column };
      }
      throw new RangeError("El píxel del enlace no se entiende.");
    }

    // The U -----------------------------------------------------------------------------------------

    diagram(stage) {
      const { steps } = this.result("0", NONE);
      const places = tarea.unet.arrange(this.shown.map((k) => steps[k]), this.depth);
      const bottom = Math.max(...places.map(({ row }) => row));
      const rail = (side) => make("div", { className: `tarea-u-rail tarea-u-rail-${side}`, style: `grid-row: 1 / ${bottom + 1}` });
      this.u = make("div", { className: "tarea-u", role: "group", "aria-label": "La red dibujada como una U, con sus mapas" }, rail("left"), rail("right"));
      const deepest = make("div", { className: "tarea-u-deepest", style: `grid-row: ${bottom}` });
      this.tiles = places.map(({ row, side }, tile) => {
        const made = this.tile(tile, side);
        if (side !== "bottom") made.box.style.gridRow = row;
        (side === "bottom" ? deepest : this.u).append(made.box);
        return made;
      });
      this.joins = [...Array(this.depth).keys()].map((level) => this.shown.findIndex((k) => steps[k].kind === "join" && steps[k].level === level));
      this.bridges = this.joins.map((tile, level) => {
        const words = [make("span", {}), make("small", {})];
        const bridge = make("button", { type: "button", className: "tarea-u-bridge", style: `grid-row: ${places[tile].row}` }, make("span", {}, words));
        bridge.addEventListener("click", () => this.cuts.ask(level));
        this.u.append(bridge);
        return { bridge, words };
      });
      this.u.append(deepest);
      this.u.addEventListener("pointerleave", () => this.point(this.state.at));
      this.says = make("output", { className: "tarea-says tarea-wide", "aria-live": "polite" });
      this.legend = make("p", { className: "tarea-key tarea-wide" }, this.colours.map((colour, k) => make("span", {},
        make("i", { style: `background: rgb(${colour}); border: 1px solid var(--w-line)` }), k ? String(k - 1) : "fondo")));
      this.bridgeRow = places[this.joins[0]].row;
      stage.append(this.says, this.u, this.legend);
    }

    tile(tile, side) {
      const [, channels, height, width] = this.shape(tile), { name, title } = this.describe(tile);
      const canvas = make("canvas", { tabIndex: -1, role: "application" });
      const [halo, square] = [make("svg:rect", { class: "tarea-u-halo" }), make("svg:rect", {})];
      const map = make("div", { className: "tarea-u-map" }, canvas,
        make("svg:svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" }, halo, square));
      const arrow = side === "right" ? "↑" : side === "left" || this.step(tile).kind === "halving" ? "↓" : "→";
      const mosaic = channels > 1 ? make("canvas", { "aria-hidden": "true" }) : null, pick = make("i", {});
      const box = make("div", { className: `tarea-u-tile tarea-u-${side}`, "data-level": this.step(tile)?.level ?? 0 },
        make("p", { className: "tarea-name" }, make("span", {}, `${tile ? `${arrow} ` : ""}${name}`), " ", make("small", {}, channels > 1 ? `${channels} × ${height}²` : `${height}²`)),
        make("div", { className: "tarea-u-maps" }, map, mosaic ? make("div", { className: "tarea-u-all" }, make("div", {}, mosaic, pick)) : ""));
      const made = { box, canvas, mosaic, pick, title, squares: [halo, square], columns: 1, painted: "" };
      const cell = (x, y) => ({ row: Math.min(height - 1, Math.max(0, Math.floor(y * height))), column: Math.min(width - 1, Math.max(0, Math.floor(x * width))) });
      const share = (event, element) => {
        const area = element.getBoundingClientRect();
        return [(event.clientX - area.left) / area.width, (event.clientY - area.top) / area.height];
      };
      const onMap = (event) => ({ tile, map: this.chosen[tile] ?? 0, ...cell(...share(event, canvas)) });
      const onMosaic = (event) => {
        const [x, y] = share(event, mosaic), across = x * made.columns, down = y * Math.ceil(channels / made.columns);
        const place = Math.floor(down) * made.columns + Math.floor(across);
        return place >= 0 && place < channels ? { tile, map: place, ...cell(across % 1, down % 1) } : null;
      };
      for (const [element, find] of [[canvas, onMap], [mosaic, onMosaic]]) {
        element?.addEventListener("pointermove", (event) => { const at = event.pointerType === "touch" ? null : find(event); if (at) this.point(at); });
        element?.addEventListener("click", (event) => { const at = find(event); if (at) this.choose(at); });
      }
      canvas.addEventListener("keydown", (event) => this.walk(event, tile));
      return made;
    }

    walk(event, tile) {
      const [, channels, height, width] = this.shape(tile), { map, row, column } = this.state.at;
      const inside = (value, size) => Math.min(size - 1, Math.max(0, value)), step = event.shiftKey ? 4 : 1;
      const move = { ArrowUp: [-step, 0], ArrowDown: [step, 0], ArrowLeft: [0, -step], ArrowRight: [0, step] }[event.key];
      const turn = { "+": 1, "-": -1 }[event.key], other = { PageUp: -1, PageDown: 1 }[event.key];
      if (!move && !turn && !other) return;
      event.preventDefault();
      if (move) this.choose({ tile, map, row: inside(row + move[0], height), column: inside(column + move[1], width) });
      if (turn) this.choose({ tile, map: (map + turn + channels) % channels, row, column });
      if (!other) return;
      // The pixel of the next tile that lies where this one lies in the image.
      const next = inside(tile + other, this.last + 1), [, , high, wide] = this.shape(next);
      this.choose({ tile: next, map: this.chosen[next] ?? 0, row: Math.floor((row + 0.5) / height * high), column: Math.floor((column + 0.5) / width * wide) });
      this.tiles[next].canvas.focus();
    }

    choose(at) {
      this.pause();
      this.set({ at, channel: null, step: Math.max(this.state.step, at.tile) });
    }

    draw() {
      const { step, at } = this.state, { steps, where, what } = this.now;
      if (at.tile < this.last) this.chosen[at.tile] = at.map;
      this.paint();
      this.tiles.forEach(({ box, canvas, title }, tile) => {
        const channels = this.shape(tile)[1];
        box.classList.toggle("tarea-u-later", tile > step);
        box.classList.toggle("tarea-u-now", tile === step && step < this.last);
        canvas.tabIndex = tile === at.tile ? 0 : -1;
        canvas.setAttribute("aria-label", `${title}${channels > 1 ? `, ${tarea.unet.mapName(this.step(tile), this.chosen[tile])} de ${channels}` : ""}. Las flechas mueven el píxel; ` +
          `Re Pág y Av Pág cambian de operación${channels > 1 ? "; más y menos, de mapa" : ""}.`);
      });
      this.bridges.forEach(({ bridge, words }, level) => {
        const cut = this.state.cut === String(level);
        bridge.setAttribute("aria-pressed", String(cut));
        bridge.classList.toggle("tarea-u-cut", cut);
        words[0].textContent = `conexión de salto, nivel ${level}`;
        words[1].textContent = cut ? (this.revealed ? "cortada: llegan ceros" : "vas a cortarla") : `copia ${steps[this.shown[this.joins[level]]].maps.shape[1] / 2} mapas: pulsa para cortarla`;
      });
      this.says.textContent = step < this.last ? `${step} de ${this.last}. ${this.describe(step).text}`
        : `${this.describe(this.last).text} En esta escena, dónde: IoU ${number(where, 2)}; qué: ${percent(what, 0)} de los píxeles con su nombre.`;
      this.point(at);
      this.workshop.show();
      this.cuts.show();
    }

    // The maps, where another one is to be seen.
    paint() {
      const { steps, found } = this.now;
      this.tiles.forEach((made, tile) => {
        const { maps } = steps[this.shown[tile]] ?? {};
        const whole = [this.state.scene, this.cutNow, made.mosaic?.parentElement.parentElement.clientWidth].join();
        const key = `${whole} ${this.chosen[tile]}`;
        if (made.painted === key) return;
        if (!maps) picture(made.canvas, found, this.size, this.size, (label) => this.colours[label]);
        else tarea.unet.showMap(made.canvas, maps, this.chosen[tile]);
        if (made.mosaic && !made.painted.startsWith(`${whole} `)) made.columns = tarea.unet.showMosaic(made.mosaic, maps);
        const [across, down] = [made.columns, Math.ceil(this.shape(tile)[1] / made.columns)].map((count) => 100 / count);
        made.pick.style = `left: ${this.chosen[tile] % made.columns * across}%; top: ${Math.floor(this.chosen[tile] / made.columns) * down}%; width: ${across}%; height: ${down}%`;
        made.painted = key;
      });
    }

    // The receptive square of a pixel in every tile, and a sentence about it.
    point({ tile, map, row, column }) {
      const { steps, found } = this.now;
      const field = tarea.receptive(steps, this.shown[tile] ?? steps.length - 1, [row, column]);
      const own = { rows: [row, row], columns: [column, column] };
      this.tiles.forEach(({ squares }, k) => {
        const range = k === this.last ? (tile === k ? own : null) : field[this.shown[k]];
        for (const square of squares) {
          square.style.display = range ? "" : "none";
          if (!range) continue;
          const [[top, bottom], [left, right]] = [range.rows, range.columns];
          for (const [name, value] of Object.entries({ x: left, y: top, width: right - left + 1, height: bottom - top + 1 })) square.setAttribute(name, value);
        }
      });
      const side = ([first, last]) => last - first + 1, seen = ([first, last]) => Math.min(this.size - 1, last) - Math.max(0, first) + 1;
      const { rows, columns } = field[0], step = this.step(tile);
      const value = step ? number(tarea.unet.valueOf(step.maps, map, row, column), 2) : found[row * this.size + column] ? `un ${found[row * this.size + column] - 1}` : "fondo";
      const partly = seen(rows) < side(rows) || seen(columns) < side(columns);
      this.workshop.passing.textContent = `${this.describe(tile).title}${this.shape(tile)[1] > 1 ? `, ${tarea.unet.mapName(step, map)}` : ""}, fila ${row}, columna ${column}: ${value}. ` +
        `Puede depender de ${side(rows)} × ${side(columns)} píxeles de la entrada${partly ? `; ${seen(rows)} × ${seen(columns)} caen dentro` : ""}.`;
    }

    inputs(tile) { return this.step(tile)?.layer?.weight.shape[1] ?? 0; }

    reset() {
      this.pause();
      super.reset();
    }
  }

  tarea.define("unet", UNet);
})(globalThis.tarea);
