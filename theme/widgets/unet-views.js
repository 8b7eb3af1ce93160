// What the U-Net explorer draws and says, from the steps that the forward pass returns.
"use strict";

(function (tarea) {
  const { number, make, ownScale, picture } = tarea;

  // How well a mask says where digits are (IoU of "some digit" against background) and what they are
  // (share with their name, of the `both` pixels that mask and truth call digit); as in metrics.py.
  function whereAndWhat(truth, found) {
    let both = 0, either = 0, named = 0;
    truth.forEach((label, k) => {
      if (label || found[k]) either++;
      if (label && found[k]) both++;
      if (label && label === found[k]) named++;
    });
    return { where: both / either, what: named / both, both }; // NaN where there is nothing to see
  }

  // Where the tiles of some steps and of the mask stand: [{ side, row }]. Left goes down, right comes up,
  // the deepest level lies across; a skip's two ends stand in one row.
  function arrange(steps, depth) {
    const joined = (level) => steps.findIndex((step) => step.kind === "join" && step.level === level);
    const sides = steps.map(({ level }, k) => (level === depth ? "bottom" : k < joined(level) ? "left" : "right"));
    const levels = [...steps.map(({ level }) => level), 0];
    sides.push("right");
    const places = sides.map((side) => ({ side }));
    let top = 1;
    for (let level = 0; level < depth; level++) {
      const [left, right] = ["left", "right"].map((side) => [...sides.keys()].filter((k) => sides[k] === side && levels[k] === level));
      const rows = Math.max(left.length, right.length);
      left.forEach((k, i) => { places[k].row = top + Math.round(i * (rows - 1) / (left.length - 1)); });
      right.forEach((k, i) => { places[k].row = top + rows - 1 - i; });
      top += rows;
    }
    sides.forEach((side, k) => { if (side === "bottom") places[k].row = top; });
    return places;
  }

  // What a step is called on its tile and in full, and what it does; null stands for the mask.
  function describe(step, before, size) {
    if (!step) {
      return { name: "clase mayor", title: "Máscara", text: "La clase mayor: cada píxel toma la de mayor puntuación, y eso es la máscara." };
    }
    const { kind, level, maps: { shape: [, channels, height] }, layer, relu, cut } = step;
    const side = `${height} × ${height}`, kernel = layer && `${layer.weight.shape[3]} × ${layer.weight.shape[3]}`;
    const inputs = before?.maps.shape[1];
    const work = layer && ` Cada valor suma ${number(inputs)} · ${layer.weight.shape[3] ** 2} productos: ` +
      `${number(layer.weight.data.length)} pesos y ${number(layer.weight.data.length * height * height / 1e6, 1)} millones de multiplicaciones.`;
    const from = layer && `de ${number(inputs)} ${inputs === 1 ? "mapa" : "mapas"} a ${number(channels)} de ${side}.`;
    return {
      input: () => ({ name: "entrada", title: "Entrada", text: `La entrada: una escena de ${side} píxeles, un solo mapa.` }),
      convolution: () => ({ name: `conv. ${kernel}`, title: `Convolución ${kernel}, nivel ${level}`,
        text: `Convolución ${kernel}${relu ? " y ReLU" : ""} en el nivel ${level}: ${from}${work}` }),
      halving: () => ({ name: `${kernel}, paso 2`, title: `Bajada al nivel ${level}`,
        text: `Convolución ${kernel} con paso 2: se baja al nivel ${level}, la mitad de lado; ${from}${work}` }),
      pool: () => ({ name: "submuestreo", title: `Bajada al nivel ${level}`, text: `Submuestreo: se baja al nivel ${level}, ${number(channels)} mapas de ${side}.` }),
      reduction: () => ({ name: `conv. ${kernel}`, title: `Reducción de mapas, nivel ${level}`,
        text: `Convolución ${kernel}: mezcla los mapas de cada píxel sin mirar a los lados; ${from}${work}` }),
      join: () => ({ name: "ampliar y unir", title: `Unión, nivel ${level}`,
        text: `Cada valor se repite en 2 × 2 y se vuelve al nivel ${level}; a los ${number(channels / 2)} mapas que suben se unen los ` +
          `${number(channels / 2)} que trae la conexión de salto${cut ? ", que está cortada: de ella llegan ceros" : ""}. No hay pesos.` }),
      head: () => ({ name: `conv. ${kernel}`, title: "Puntuaciones", text: `Convolución ${kernel}: una puntuación por clase; ${from}${work}` }),
    }[kind]();
  }

  // A map's number; of the scores, its class.
  const mapName = (step, map) => (step.kind === "head" ? `clase ${map ? map - 1 : "fondo"}` : `mapa ${map}`);

  const area = ({ shape: [, , height, width] }) => height * width;
  const planeOf = (maps, map) => maps.data.subarray(map * area(maps), (map + 1) * area(maps));
  const valueOf = (maps, map, row, column) => (row < 0 || column < 0 || row >= maps.shape[2] || column >= maps.shape[3] ? undefined
    : maps.data[map * area(maps) + row * maps.shape[3] + column]);

  // The map that varies most: one to begin with.
  function liveliest(maps) {
    const spread = Array.from({ length: maps.shape[1] }, (_, map) => {
      const values = planeOf(maps, map), mean = values.reduce((a, b) => a + b, 0) / values.length;
      return values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    });
    return tarea.argmax(spread);
  }

  function showMap(canvas, maps, map) {
    const values = planeOf(maps, map);
    picture(canvas, values, maps.shape[3], maps.shape[2], ownScale(values));
  }

  // All maps, as large as fit side by side into what holds the canvas; gives the number of columns.
  function showMosaic(canvas, maps) {
    const [, channels] = maps.shape, { clientWidth: wide, clientHeight: high } = canvas.parentElement.parentElement;
    if (!wide || !high) return 1;  // not shown
    const cell = (columns) => Math.min(wide / columns, high / Math.ceil(channels / columns));
    const columns = tarea.argmax(Array.from({ length: channels }, (_, k) => cell(k + 1))) + 1;
    canvas.style.width = `${Math.floor(cell(columns) * columns)}px`;
    tarea.mosaic(canvas, maps, columns);
    return columns;
  }

  // A square of cells as the workshop shows them; `rows` holds texts, `kind(i, j)` a class of a cell.
  function grid(rows, label, kind = () => "") {
    const box = make("div", { className: "tarea-grid tarea-u-cells", role: "img", "aria-label": `${label}: ${rows.map((row) => row.join("; ")).join(" / ")}` });
    box.style.gridTemplateColumns = `repeat(${rows[0].length}, max-content)`;
    box.append(...rows.flatMap((row, i) => row.map((text, j) => make("span", { className: `tarea-cell ${kind(i, j)}` }, text))));
    return box;
  }

  Object.assign(tarea, { whereAndWhat, unet: { arrange, describe, mapName, planeOf, valueOf, liveliest, showMap, showMosaic, grid } });
})(globalThis.tarea);
