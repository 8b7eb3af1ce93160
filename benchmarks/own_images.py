"""Own images, drawn here: the README's picture, and the memory that many of them take.

``python benchmarks/own_images.py picture`` trains a network on ellipses and rectangles that lie on
textures, and writes theme/own-images.png. ``… memory 5000`` draws that many of 256×256, trains the
study's baseline on them for an epoch, and prints the peak of the memory. Linux and macOS only.
"""

import io
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from tarea2.own.stored import examples, find, load
from tarea2.paths import replacing
from tarea2.plots import style
from tarea2.plots.predictions import predictions
from tarea2.typography import number

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "theme" / "own-images.png"
TINTS = {"ellipse": (95, 150, 90), "rectangle": (190, 95, 70)}


def draw_folders(root: Path, count: int, side: int) -> None:
    """Write ``root/images`` and ``root/masks``: 0 background, 1 ellipses, 2 rectangles."""
    rng = np.random.default_rng(0)
    for kind in ("images", "masks"):
        (root / kind).mkdir(parents=True)
    textures = [_texture(rng, side) for _ in range(20)]
    for place in range(count):
        image = Image.fromarray(np.roll(textures[place % 20], 7 * place, axis=(0, 1)))
        mask = Image.new("L", (side, side))
        for label, (shape, tint) in enumerate(TINTS.items(), 1):
            for _ in range(rng.integers(1, 3)):
                width, height = rng.uniform(0.12 * side, 0.35 * side, 2)
                x, y = rng.uniform(0, side - width), rng.uniform(0, side - height)
                shown = tuple(int(v) for v in (tint + rng.normal(0, 20, 3)).clip(0, 255))
                for picture, ink in ((image, shown), (mask, label)):
                    getattr(ImageDraw.Draw(picture), shape)((x, y, x + width, y + height), ink)
        noise = np.roll(textures[(place + 7) % 20], 11 * place, axis=(0, 1)) / 4.0
        values = (np.asarray(image) * 0.85 + noise).clip(0, 255).astype(np.uint8)
        Image.fromarray(values).save(root / "images" / f"{place:05}.png", compress_level=1)
        mask.save(root / "masks" / f"{place:05}.png", compress_level=1)


def _texture(rng: np.random.Generator, side: int) -> np.ndarray:
    """Noise of two sizes of grain, in one tint."""
    tint = rng.uniform(80, 160, 3)
    grain = rng.normal(0, 60, (side, side, 1)).clip(-120, 120) + tint
    coarse = Image.fromarray(grain.clip(0, 255).astype(np.uint8)).filter(
        ImageFilter.GaussianBlur(2)
    )
    fine = rng.normal(0, 14, (side, side, 3))
    return (np.asarray(coarse) + fine).clip(0, 255).astype(np.uint8)


def train(root: Path, *options: str) -> Path:
    """Train on the drawn folders in a process of its own; returns the store."""
    store = root / "store"
    subprocess.run(
        [sys.executable, "-m", "tarea2.commands.cli", "images", "train", "--images",
         str(root / "images"), "--masks", str(root / "masks"), "--out", str(store), *options],
        check=True, cwd=root,
    )  # fmt: skip
    return store


def picture(root: Path) -> None:
    draw_folders(root, 80, 96)
    stored = load(*find(train(root, "--only", "reference", "--seeds", "1")))
    style.use()
    found = examples(stored, each=1)
    figure = predictions(
        found.images, found.truths, found.found, stored.label_map,
        ["fondo", "elipse", "rectángulo"],
        [f"la {which}: {number(score, 2)}" for which, score in
         zip(("mejor", "peor"), found.scores, strict=True)],
    )  # fmt: skip
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110, bbox_inches=None)
    with Image.open(content) as drawn, replacing(PICTURE) as temporary:
        drawn.convert("RGB").quantize(128).save(temporary, format="PNG", optimize=True)
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size / 1024:.0f} kB")


def memory(root: Path, count: int) -> None:
    draw_folders(root, count, 256)
    train(root, "--only", "baseline", "--seeds", "1", "--epochs", "1")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    peak *= 1 if sys.platform == "darwin" else 1024  # Linux counts in kilobytes
    print(f"{count} images of 256×256: peak {peak / 2**30:.2f} GiB")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        if sys.argv[1:] == ["picture"]:
            picture(Path(folder))
        elif len(sys.argv) == 3 and sys.argv[1] == "memory" and sys.argv[2].isdigit():
            memory(Path(folder), int(sys.argv[2]))
        else:
            raise SystemExit("expected: picture, or memory COUNT")
