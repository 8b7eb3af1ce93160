"""How long each network of the interactive pieces takes to answer, in Chromium on this machine.

    python benchmarks/widgets.py [--rounds 30] [--limit 100]

Prints minimum, median and largest time in milliseconds after a warm-up, and ends with an error
where a median is above the limit.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from publish.project import ROOT
from tarea2 import widgets

sys.path.append(str(ROOT))  # where make.py stands, which knows what browsers are called
import make

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--limit", type=float, default=100.0, help="milliseconds, of the median")
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
        chromium.close()
    if slow:
        raise SystemExit(f"slower than {options.limit:g} ms: {', '.join(slow)}")


if __name__ == "__main__":
    main()
