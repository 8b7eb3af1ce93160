// A small plot with two linear axes: enough for a wave, its spectrum and a signal.
"use strict";

(function (tarea) {
  const { make, number } = tarea;
  const LEFT = 38, BOTTOM = 30, TOP = 6, RIGHT = 8;

  // `x` and `y` are [low, high, ...ticks]; `draw` takes series { x, y, kind, colour, dash }, kind being
  // "line", "dots", "stems" or "marks" (vertical lines).
  function plot({ width = 420, height = 150, x, y, xlabel, ylabel, label }) {
    const across = (value) => LEFT + (value - x[0]) / (x[1] - x[0]) * (width - LEFT - RIGHT);
    const up = (value) => height - BOTTOM - (value - y[0]) / (y[1] - y[0]) * (height - BOTTOM - TOP);
    const text = (content, at) => make("svg:text", at, content);
    const axes = make("svg:g", {});
    for (const tick of x.slice(2)) {
      axes.append(make("svg:path", { d: `M ${across(tick)} ${height - BOTTOM} v 4`, stroke: "var(--w-soft)" }),
        text(number(tick), { x: across(tick), y: height - BOTTOM + 14, "text-anchor": "middle" }));
    }
    for (const tick of y.slice(2)) {
      axes.append(make("svg:path", { d: `M ${LEFT} ${up(tick)} H ${width - RIGHT}`, stroke: "var(--w-line)", "stroke-width": 0.6 }),
        text(number(tick), { x: LEFT - 4, y: up(tick) + 4, "text-anchor": "end" }));
    }
    axes.append(make("svg:path", { d: `M ${LEFT} ${TOP} V ${height - BOTTOM} H ${width - RIGHT}`, stroke: "var(--w-soft)", fill: "none" }),
      text(xlabel, { x: (LEFT + width) / 2, y: height - 2, "text-anchor": "middle" }),
      text(ylabel, { x: 10, y: (height - BOTTOM) / 2, "text-anchor": "middle", transform: `rotate(-90 10 ${(height - BOTTOM) / 2})` }));
    const layer = make("svg:g", {});
    const svg = make("svg:svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label }, axes, layer);
    const clip = (value) => Math.min(y[1], Math.max(y[0], value));
    function draw(series) {
      layer.replaceChildren(...series.flatMap(({ x: xs, y: ys, kind = "line", colour = "var(--w-blue)", dash = "none" }) => {
        if (kind === "marks") {
          return Array.from(xs, (value) => make("svg:path", { d: `M ${across(value)} ${TOP} V ${height - BOTTOM}`, stroke: colour, "stroke-width": 1.5, "stroke-dasharray": "5 3" }));
        }
        if (kind === "dots") {
          return Array.from(xs, (value, k) => make("svg:circle", { cx: across(value), cy: up(clip(ys[k])), r: 3, fill: colour }));
        }
        const d = kind === "stems"
          ? Array.from(xs, (value, k) => `M ${across(value)} ${up(0)} V ${up(clip(ys[k]))}`).join("")
          : Array.from(xs, (value, k) => `${k ? "L" : "M"} ${across(value)} ${up(clip(ys[k]))}`).join(" ");
        return [make("svg:path", { d, stroke: colour, fill: "none", "stroke-width": kind === "stems" ? 2 : 1.5, "stroke-dasharray": dash })];
      }));
    }
    // The values under a pointer, for plots that are edited.
    function at(event) {
      const box = svg.getBoundingClientRect();
      const [px, py] = [(event.clientX - box.left) / box.width * width, (event.clientY - box.top) / box.height * height];
      return [x[0] + (px - LEFT) / (width - LEFT - RIGHT) * (x[1] - x[0]), y[0] + (height - BOTTOM - py) / (height - BOTTOM - TOP) * (y[1] - y[0])];
    }
    return { svg, draw, at };
  }

  // A list of shares with bars; the largest one stands out.
  function bars(box, items) {
    box.className = "tarea-bars";
    const best = Math.max(...items.map(([, share]) => share));
    box.replaceChildren(...items.flatMap(([name, share]) => [
      make("span", { className: share === best ? "tarea-best" : "" }, name),
      make("span", { className: "tarea-bar", "aria-hidden": "true" }, make("span", { style: `width: ${100 * share}%` })),
      make("span", { className: share === best ? "tarea-best" : "" }, tarea.percent(share)),
    ]));
  }

  Object.assign(tarea, { plot, bars });
})(globalThis.tarea);
