"""``python code/thumbnails.py``: photograph the interactive pieces of the built site for its index.

Writes ``theme/thumbnails/NAME.png`` for each piece that ``index.qmd`` shows, and
``theme/site/card.png``, the picture that a link to the site gets elsewhere. Needs Chromium and a
site in ``.build/site``; the files are committed, so that nobody else does.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "theme" / "thumbnails"
SHOWN = re.compile(r"\(theme/thumbnails/(\w+)\.png\).*?\]\(([\w/-]+)\.qmd#(\w+)\)")
SIZE, CARD, COLOURS = (300, 200), (1200, 630), 48
# On the card stand the title and the picture that can be touched.
BARE = """.top, .sidebar, .margin { display: none }
.layout { grid-template-columns: 1fr; padding: 0 3rem } main { zoom: 1.15 }"""
# What of a piece is photographed, where its stage as a whole would say little in a small picture.
PART = {"unet": ".tarea-u", "wipe": ".tarea-stage"}


def shoot(page: Page, site: Path, chapter: str, piece: str, size: tuple[int, int]) -> Image.Image:
    """The upper part of a piece as it opens, its answer shown, cut to the shape of ``size``."""
    page.goto((site / f"{chapter}.html").as_uri() + f"#{piece}?ver")
    page.wait_for_selector(f"#{piece}[live]")
    page.wait_for_timeout(1500)  # charts draw themselves
    stage = page.locator(f"#{piece} {PART.get(piece, '.tarea-stage')}").first
    picture = Image.open(io.BytesIO(stage.screenshot())).convert("RGB")
    height = min(picture.height, round(picture.width * size[1] / size[0]))
    width = min(picture.width, round(height * size[0] / size[1]))
    small = picture.crop((0, 0, width, height)).resize(size, Image.Resampling.LANCZOS)
    return small.quantize(COLOURS)


def main(site: Path = ROOT / ".build" / "site") -> None:
    """Write all of them anew."""
    sys.path.insert(0, str(ROOT))
    from make import browser

    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser(), args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 900, "height": 1000})
        for name, chapter, piece in SHOWN.findall((ROOT / "index.qmd").read_text("utf-8")):
            shoot(page, site, chapter, piece, SIZE).save(FOLDER / f"{name}.png", optimize=True)
        page.set_viewport_size({"width": CARD[0], "height": CARD[1]})
        page.goto((site / "index.html").as_uri())
        page.wait_for_selector("tarea-wipe[live]")
        page.add_style_tag(content=BARE)
        card = Image.open(io.BytesIO(page.screenshot())).convert("RGB").quantize(64)
        card.save(ROOT / "theme" / "site" / "card.png", optimize=True)
        chromium.close()


if __name__ == "__main__":
    main()
