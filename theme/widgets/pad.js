// A square of pixels that is edited with mouse, touch or keyboard.
"use strict";

(function (tarea) {
  const { make } = tarea;

  // `use(row, column, pressed)` where the pad is pressed or the space bar is; `drag(row, column)`
  // while it is held; `release()` at the end; `moved(row, column)` when the arrows move the cursor.
  function pad({ size, label, width, use, drag, release = () => {}, moved = () => {}, holds = () => false }) {
    const canvas = make("canvas", { className: "tarea-pad", tabIndex: 0, role: "application", style: "width: 100%", "aria-label": label });
    const mark = make("svg:rect", { width: 1, height: 1, fill: "none", stroke: "#e69f00", "stroke-width": size / 120 });
    const overlay = make("svg:svg", { viewBox: `0 0 ${size} ${size}`, "aria-hidden": "true",
      style: "position: absolute; inset: 0; width: 100%; height: 100%; pointer-events: none" }, mark);
    const box = make("div", { style: `position: relative; width: ${width}; max-width: 100%` }, canvas, overlay);
    const inside = (value) => Math.min(size - 1, Math.max(0, value));
    let cursor = [size >> 1, size >> 1], pressed = false;
    function go(row, column) {
      cursor = [row, column];
      mark.setAttribute("y", row);
      mark.setAttribute("x", column);
    }
    go(...cursor);
    const place = (event) => {
      const area = canvas.getBoundingClientRect();
      return [inside(Math.floor((event.clientY - area.top) / area.height * size)), inside(Math.floor((event.clientX - area.left) / area.width * size))];
    };
    canvas.addEventListener("pointerdown", (event) => {
      try { canvas.setPointerCapture(event.pointerId); } catch { /* a pointer that a test made up */ }
      pressed = true;
      go(...place(event));
      use(...cursor, true);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!pressed) return;
      go(...place(event));
      drag(...cursor);
    });
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, () => { pressed = false; release(); });
    }
    canvas.addEventListener("keydown", (event) => {
      const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (event.key === " ") {
        event.preventDefault();
        if (holds()) release(); else use(...cursor, false);
      }
      if (!move) return;
      event.preventDefault();
      const step = event.shiftKey ? 4 : 1;
      go(inside(cursor[0] + step * move[0]), inside(cursor[1] + step * move[1]));
      if (holds()) drag(...cursor); else moved(...cursor);
    });
    return { box, canvas };
  }

  // All maps (1, C, H, W) of a layer in one picture, each in its own scale.
  function mosaic(canvas, maps, columns) {
    const [, channels, height, width] = maps.shape;
    const rows = Math.ceil(channels / columns), gap = Math.max(1, width >> 4);
    const [wide, high] = [columns * (width + gap) - gap, rows * (height + gap) - gap];
    const values = new Int16Array(wide * high).fill(-1);
    for (let c = 0; c < channels; c++) {
      const map = maps.data.subarray(c * height * width, (c + 1) * height * width), scale = tarea.ownScale(map);
      for (let k = 0; k < map.length; k++) {
        const i = Math.floor(c / columns) * (height + gap) + Math.floor(k / width), j = (c % columns) * (width + gap) + k % width;
        values[i * wide + j] = scale(map[k])[0];
      }
    }
    tarea.picture(canvas, values, wide, high, (value) => (value < 0 ? null : [value, value, value]));
  }

  Object.assign(tarea, { pad, mosaic });
})(globalThis.tarea);
