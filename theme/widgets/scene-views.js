// What masks of a scene are scored by and how they are shown: probabilities, IoU, errors, names on regions.
"use strict";

(function (tarea) {
  const { make, number } = tarea;
  const { SIZE, PIXELS, UNKNOWN } = tarea.scene;
  const SMALLEST = 12;  // pixels of a region that gets a name
  const RIGHT = 0, MISSED = 1, INVENTED = 2, MISNAMED = 3, UNJUDGED = 4;
  const ERROR_COLOURS = { [MISSED]: [86, 180, 233], [INVENTED]: [230, 97, 0], [MISNAMED]: [240, 228, 66], [UNJUDGED]: [128, 128, 128] };
  const ERROR_NAMES = { [MISSED]: "dígito no visto", [INVENTED]: "dígito inventado", [MISNAMED]: "otro nombre" };

  // Scores (1, K, H, W) as { found: the likeliest class, sure: its probability, shares: (K, H, W) }.
  function read({ shape: [, classes], data }) {
    const found = new Uint8Array(PIXELS), sure = new Float32Array(PIXELS), shares = new Float32Array(data.length);
    for (let k = 0; k < PIXELS; k++) {
      let best = 0, sum = 0;
      for (let c = 1; c < classes; c++) if (data[c * PIXELS + k] > data[best * PIXELS + k]) best = c;
      for (let c = 0; c < classes; c++) sum += shares[c * PIXELS + k] = Math.exp(data[c * PIXELS + k] - data[best * PIXELS + k]);
      for (let c = 0; c < classes; c++) shares[c * PIXELS + k] /= sum;
      [found[k], sure[k]] = [best, 1 / sum];
    }
    return { found, sure, shares };
  }

  // IoU of each class where the truth is known; NaN where neither mask has it.
  function iouOf(truth, found, classes = 11) {
    const hit = Array(classes).fill(0), union = Array(classes).fill(0);
    truth.forEach((label, k) => {
      if (label === UNKNOWN) return;
      union[label]++;
      if (label === found[k]) hit[label]++; else union[found[k]]++;
    });
    return hit.map((count, k) => (union[k] ? count / union[k] : NaN));
  }
  // The mean over digits that there are: the background does not count.
  function meanIou(ious) {
    const digits = ious.slice(1).filter((value) => !Number.isNaN(value));
    return digits.length ? digits.reduce((a, b) => a + b, 0) / digits.length : NaN;
  }

  const errorOf = (label, found) => (label === UNKNOWN ? UNJUDGED : label === found ? RIGHT : found === 0 ? MISSED : label === 0 ? INVENTED : MISNAMED);

  // Whether the 3 × 3 pixels around one hold more than one class, as metrics.near_boundaries.
  function nearBoundary(truth, k) {
    const row = Math.floor(k / SIZE), column = k % SIZE;
    for (let i = Math.max(0, row - 1); i <= Math.min(SIZE - 1, row + 1); i++) {
      for (let j = Math.max(0, column - 1); j <= Math.min(SIZE - 1, column + 1); j++) {
        if (truth[i * SIZE + j] !== truth[k]) return true;
      }
    }
    return false;
  }
  // How many wrong pixels lie at a boundary of the truth, inside its digits, and in the background.
  function whereWrong(truth, found) {
    const counts = { edge: 0, inside: 0, background: 0 };
    truth.forEach((label, k) => {
      if (label === UNKNOWN || label === found[k]) return;
      counts[nearBoundary(truth, k) ? "edge" : label ? "inside" : "background"]++;
    });
    return counts;
  }

  // Connected pixels of one class: [{ label, size, row, column }], the place being a pixel near the middle.
  function regionsOf(mask) {
    const seen = new Uint8Array(PIXELS), regions = [];
    for (let start = 0; start < PIXELS; start++) {
      const label = mask[start];
      if (seen[start] || label === 0 || label === UNKNOWN) continue;
      const pixels = [start];
      seen[start] = 1;
      for (let at = 0; at < pixels.length; at++) {
        const k = pixels[at], column = k % SIZE;
        for (const [next, fits] of [[k - SIZE, true], [k + SIZE, true], [k - 1, column > 0], [k + 1, column < SIZE - 1]]) {
          if (fits && next >= 0 && next < PIXELS && !seen[next] && mask[next] === label) { seen[next] = 1; pixels.push(next); }
        }
      }
      if (pixels.length < SMALLEST) continue;
      const mean = (of) => pixels.reduce((sum, k) => sum + of(k), 0) / pixels.length;
      const [row, column] = [mean((k) => Math.floor(k / SIZE)), mean((k) => k % SIZE)];
      const far = (k) => (Math.floor(k / SIZE) - row) ** 2 + (k % SIZE - column) ** 2;
      const middle = pixels.reduce((best, k) => (far(k) < far(best) ? k : best));
      regions.push({ label, size: pixels.length, row: Math.floor(middle / SIZE), column: middle % SIZE });
    }
    return regions;
  }

  // What holds a picture of the scene, with names on its regions and the cursor that all pictures share.
  function frame(content) {
    const names = make("svg:g", {}), cross = make("svg:path", { class: "tarea-cross" });
    const svg = make("svg:svg", { viewBox: `0 0 ${SIZE} ${SIZE}`, "aria-hidden": "true", class: "tarea-over" }, names, cross);
    return {
      box: make("div", { className: "tarea-frame" }, content, svg),
      name(mask) {
        names.replaceChildren(...regionsOf(mask).map(({ label, row, column }) =>
          make("svg:text", { x: column + 0.5, y: row + 0.5, class: "tarea-digit-name" }, String(label - 1))));
      },
      point([row, column]) { cross.setAttribute("d", `M ${column - 2} ${row + 0.5} h 1.5 m 2 0 h 1.5 M ${column + 0.5} ${row - 2} v 1.5 m 0 2 v 1.5`); },
    };
  }

  const errorKey = () => make("p", { className: "tarea-key" }, Object.entries(ERROR_NAMES).map(([kind, text]) =>
    make("span", {}, make("i", { style: `background: rgb(${ERROR_COLOURS[kind]})` }), text)));
  // The errors lie on the scene (grey values from 0 to 1), darkened so that they stand out.
  const errorPaint = (image) => (kind, k) => ERROR_COLOURS[kind] ?? tarea.grey(0.4 * image[k]);

  // The table of classes: what each network gives the pixel, and how well it draws the class.
  function table(labels, colours) {
    const cell = (kind) => make("td", { className: `tarea-number ${kind}` });
    const rows = colours.map((colour, k) => {
      const cells = [...labels.map(() => cell("tarea-share")), ...labels.map(() => cell("tarea-iou"))];
      return { cells, row: make("tr", {}, make("th", { scope: "row" },
        make("i", { style: `background: rgb(${colour})` }), k ? String(k - 1) : "fondo"), ...cells) };
    });
    const head = (text, more) => make("th", { scope: "col", ...more }, text);
    const title = make("span", {});
    const element = make("table", { className: "tarea-classes" },
      make("thead", {}, make("tr", {}, make("td", {}), head(title, { colSpan: 2, scope: "colgroup" }), head("IoU", { colSpan: 2, scope: "colgroup" })),
        make("tr", {}, head("clase"), ...[0, 1].flatMap(() => labels.map((label) => head(label))))),
      make("tbody", {}, rows.map(({ row }) => row)));
    // `shares` and `ious`: for each network its eleven values, or null while it counts.
    return { element, fill(place, shares, ious) {
      title.textContent = place;
      rows.forEach(({ cells }, k) => {
        labels.forEach((_, n) => {
          const share = shares[n]?.[k], iou = ious[n]?.[k];
          cells[n].textContent = share === undefined ? "…" : number(share, 2);
          cells[n].style.setProperty("--share", `${100 * (share ?? 0)}%`);
          cells[labels.length + n].textContent = iou === undefined ? "…" : Number.isNaN(iou) ? "" : number(iou, 2);
          cells[labels.length + n].style.setProperty("--share", `${100 * (iou || 0)}%`);
        });
      });
    } };
  }

  Object.assign(tarea.scene, { UNJUDGED, ERROR_COLOURS, ERROR_NAMES, errorKey, errorPaint, read, iouOf, meanIou, errorOf, whereWrong, regionsOf, frame, table });
})(globalThis.tarea);
