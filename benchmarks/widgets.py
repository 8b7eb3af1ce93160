"""How long each network of the interactive pieces takes to answer, in Chromium on this machine.

    python benchmarks/widgets.py [--rounds 30] [--limit 100] [--against REVISION]

Prints minimum, median and largest time in milliseconds after a warm-up, and ends with an error
where a median is above the limit. Then how long «Segmenta tu escena» takes from an event to the
next frame, and to the networks' answers; with ``--against`` beside the piece as it was in an older
revision, event by event in turn, and the ratio of the medians.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from publish.project import ROOT
from tarea2 import datasets, widgets

sys.path.append(str(ROOT))  # where make.py stands, which knows what browsers are called
import make

SOURCES = Path("theme", "widgets")

# Model -> a JavaScript function that makes a call to time, from the loaded network.
CALLS = {
    "segmentation": "(net) => { const f = tarea.encoderDecoder(net); return () => f(noise(1, 1, 48, 48)); }",
    "segmentation-baseline": "(net) => { const f = tarea.encoderDecoder(net); return () => f(noise(1, 1, 48, 48)); }",
    "mnist-notebook": "(net) => { const f = tarea.digitNet(net); return () => f(noise(1, 1, 28, 28)); }",
    "autoencoder-2": "(net) => { const f = tarea.autoencoder(net); return () => f.decode(f.encode(noise(64).data)); }",
    "numbers-compact": "(net) => { const f = tarea.numberWriter(net); return () => f.write(99999); }",
    "mnist1d": "(net) => { const f = tarea.dilatedNet(net); return () => f(noise(40).data); }",
}  # fmt: skip
TIME = """([call, name, rounds]) => {
  const noise = (...shape) => { const x = tarea.array(shape); x.data.forEach((_, k) => { x.data[k] = Math.random(); }); return x; };
  const run = eval(call)(tarea.network(name));
  for (let k = 0; k < 5; k++) run();
  return Array.from({ length: rounds }, () => { const start = performance.now(); run(); return performance.now() - start; });
}"""
# Event of the scene -> JavaScript that causes it, as a reader does; `turn` counts the rounds.
EVENTS = {
    "noise": "set('noise', turn % 2 ? 0.1 : 0.2)",
    "skips": "document.getElementById('escena-skips').click()",
    "height": "set('height', turn % 2 ? 15 : 16)",
}
# Gives milliseconds to the first frame after the event, and until nothing is pending.
WAIT = """([act, turn]) => new Promise((resolve) => {
  const piece = document.getElementById("escena");
  const set = (name, value) => {
    const input = document.getElementById(`escena-${name}`);
    input.value = value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const frame = () => new Promise((next) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();  // its task comes after the frame's painting
    port1.onmessage = next;
    port2.postMessage(null);
  }));
  setTimeout(async () => {
    const start = performance.now();
    eval(act);
    await frame();
    const first = performance.now() - start;
    while (piece.pending) await frame();
    resolve([first, performance.now() - start]);
  }, 50);
})"""


def scene_page(chromium: Browser, folder: Path, revision: str | None) -> Page:
    """The scene alone in a page, with today's data and the scripts of a revision or of today."""
    data = widgets.scene(datasets.scenes("test", 8))
    wanted = json.loads(data)
    names = ["operations.js", "piece.js", *(f"{name}.js" for name in wanted["scripts"]), "scene.js"]
    folder.mkdir()
    present = []
    for name in ["widgets.css", *names]:
        text = text_of(name, revision)
        if text is not None:  # an older piece may do with fewer scripts
            (folder / name).write_text(text, encoding="utf-8")
            present.append(name)
    (folder / "data").mkdir()
    for name, text in widgets.scripts().items():
        if name in wanted["files"]:
            (folder / "data" / f"{name}.js").write_text(text, encoding="utf-8")
    tags = "".join(f'<script defer src="{name}"></script>' for name in present[1:])
    (folder / "index.html").write_text(
        f'<!DOCTYPE html><meta charset=utf-8><link rel=stylesheet href="widgets.css">{tags}'
        f'<tarea-scene id="escena"><script type="application/json">{data}</script></tarea-scene>'
    )
    page = chromium.new_page()
    page.goto((folder / "index.html").as_uri())
    page.wait_for_selector("#escena[live]")
    page.evaluate("document.getElementById('escena').reveal?.(true)")
    return page


def text_of(name: str, revision: str | None) -> str | None:
    """A script as it stands here or stood in a revision, None where there was none."""
    if revision is None:
        return (ROOT / SOURCES / name).read_text(encoding="utf-8")
    shown = ["git", "show", f"{revision}:{(SOURCES / name).as_posix()}"]
    found = subprocess.run(shown, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    return found.stdout if found.returncode == 0 else None


def time_scene(chromium: Browser, folder: Path, revision: str | None, rounds: int) -> None:
    """Print the medians of the scene's events, of today's piece and of an older one in turn."""
    pages = {"now": scene_page(chromium, folder / "now", None)}
    if revision is not None:
        pages[revision] = scene_page(chromium, folder / "before", revision)
    for event, act in EVENTS.items():
        times: dict[str, list[list[float]]] = {name: [] for name in pages}
        for turn in range(rounds + 3):
            for name, page in pages.items():
                page.bring_to_front()
                found = page.evaluate(WAIT, [act, turn])
                if turn >= 3:  # the first ones warm up
                    times[name].append(found)
        medians = {
            n: [statistics.median(k) for k in zip(*rows, strict=True)] for n, rows in times.items()
        }
        for name, (frame, answer) in medians.items():
            print(f"scene, {event:8} {name:12} frame {frame:6.1f} ms, answer {answer:6.1f} ms")
        if revision is not None:
            ratios = [new / old for new, old in zip(medians["now"], medians[revision], strict=True)]
            print(
                f"scene, {event:8} {'ratio':12} frame {ratios[0]:6.2f}   , answer {ratios[1]:6.2f}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--limit", type=float, default=100.0, help="milliseconds, of the median")
    parser.add_argument("--against", metavar="REVISION", help="of git; the scene as it was there")
    options = parser.parse_args()
    program = make.browser()
    if not program:
        raise SystemExit(make.NO_BROWSER)
    slow = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        sources = [ROOT / "theme" / "widgets" / f"{name}.js" for name in ("operations", "piece", "networks")]  # fmt: skip
        for name, text in widgets.scripts().items():
            sources.append(Path(folder) / f"{name}.js")
            sources[-1].write_text(text, encoding="utf-8")
        index = Path(folder) / "index.html"
        index.write_text("".join(f'<script src="{path.as_uri()}"></script>' for path in sources))
        chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = chromium.new_page()
        page.goto(index.as_uri())
        for model, call in CALLS.items():
            name = widgets.network(model)[0]
            times = sorted(page.evaluate(TIME, [call, name, options.rounds]))
            median = times[len(times) // 2]
            print(f"{model:24} {times[0]:7.1f} {median:7.1f} {times[-1]:7.1f} ms")
            if median > options.limit:
                slow.append(model)
        page.close()
        time_scene(chromium, Path(folder), options.against, options.rounds)
        chromium.close()
    if slow:
        raise SystemExit(f"slower than {options.limit:g} ms: {', '.join(slow)}")


if __name__ == "__main__":
    main()
