"""What cells gave, as Markdown: which form of an output a format shows, pictures, listings.

The choice is Quarto's, so that both engines show the same. An output without a form that a format
can show stops the page with its line: the name of a Python object in its place helps nobody.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable

import pypandoc
from bs4 import BeautifulSoup

from publish.page import Page, PageError

# Best first.
PREFERENCE = {
    "html": (
        "text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg", "image/gif",
        "image/webp", "text/latex", "text/plain",
    ),
    "typst": (
        "text/markdown", "image/svg+xml", "image/png", "image/jpeg", "image/gif", "image/webp",
        "text/latex", "text/html", "text/plain",
    ),
}  # fmt: skip
SUFFIX = {
    "image/svg+xml": "svg", "image/png": "png", "image/jpeg": "jpg", "image/gif": "gif",
    "image/webp": "webp",
}  # fmt: skip
# What publish.narrow asks for; only HTML shows it, and only on a narrow screen.
NARROW = "image/svg+xml;screen=narrow"
# IPython's own way to say that an object has no text.
NO_TEXT = re.compile(r"<\S+( object)?( at 0x[0-9a-f]+)?>")

# Matplotlib's: a letter or more for the kind, and ten digits of a hash.
HASHED_ID = re.compile(r'(?<=\bid=")\w+?[0-9a-f]{10}(?=")')

WriteImage = Callable[[str, bytes], str]  # (file's name, content) -> how the page names it


def markdown(output, page: Page, cell, name: str, output_format: str, write: WriteImage) -> str:
    """One output of a cell; empty if the cell's options hide it.

    ``cell`` is of the executed notebook, ``name`` the stem of files that the output needs.
    """
    options = cell.metadata.options
    if hidden(output, options):
        return ""
    if output.output_type == "stream":
        return _printed(output.text, output_format)
    mime = chosen(output.get("data", {}), page, cell, output_format)
    content = output["data"][mime]
    if mime in ("text/markdown", "text/latex"):
        return content
    if mime == "text/html" and output_format != "html" and "<table" not in content.lower():
        return pypandoc.convert_text(content, "markdown", "html", verify_format=False)
    if mime == "text/html":
        return fenced(content, "=html")
    if mime == "text/plain":
        return _printed(content, output_format)
    source = write(f"{name}.{SUFFIX[mime]}", image(content, mime))
    attributes = {"alt": str(options.get("fig-alt", "")).strip()}
    if output_format == "html" and NARROW in output["data"]:
        drawing = numbered(output["data"][NARROW]).encode()
        attributes["narrow"] = write(f"{name}-narrow.svg", drawing)
    written = " ".join(f"{key}={quoted(value)}" for key, value in attributes.items() if value)
    return f"![](<{source}>){{{written}}}" if written else f"![](<{source}>)"


def chosen(data: dict, page: Page, cell, output_format: str) -> str:
    """The MIME type of the form that a format shows; a :class:`PageError` if there is none."""
    reason = ", ".join(sorted(set(data) - {"text/plain"})) or "no text"
    for mime in PREFERENCE[output_format]:
        if mime not in data:
            continue
        if mime == "text/latex" and not _is_math(data[mime]):
            continue
        if mime == "text/html" and output_format != "html" and not _is_readable(data[mime]):
            continue
        nameless = NO_TEXT.fullmatch(data["text/plain"].strip()) if mime == "text/plain" else None
        if nameless and (len(data) > 1 or "IPython" in data[mime]):
            continue
        return mime
    kind = {"html": "HTML", "typst": "the PDF"}[output_format]
    label = cell.metadata.options.get("label") or "this cell"
    raise PageError(
        page.path, cell.metadata.line,
        f"{label} gives an output that {kind} cannot show ({reason}); give it a form in Markdown "
        "or as a picture, or say `output: false`",
    )  # fmt: skip


def file_stem(options: dict, index: int) -> str:
    """Stem of the files that a cell's outputs need."""
    return re.sub(r"[^\w-]", "-", options.get("label") or f"cell-{index}")


def hidden(output, options: dict) -> bool:
    warning = output.output_type == "stream" and output.name == "stderr"
    return warning and not options.get("warning", True)


def image(content: str, mime: str) -> bytes:
    """Bytes of a picture as notebooks hold it: SVG as text, the others in base64."""
    if mime != "image/svg+xml":
        return base64.b64decode(content)
    return numbered(content).encode()


def numbered(svg: str) -> str:
    """A drawing by Matplotlib with its ids numbered, as far as they are hashes of coordinates.

    Its constrained layout asks a solver that orders variables by their addresses in memory: between
    two runs the last digit of a coordinate may differ. What is written does not show it, but the
    hashes do. Pages may hold several drawings, so the numbers begin with a digest of this one.
    """
    hashes = dict.fromkeys(HASHED_ID.findall(svg))
    if not hashes:
        return svg
    known = re.compile(r'(?<=["#])(' + "|".join(hashes) + r')(?=[")])')
    order = {name: str(number) for number, name in enumerate(hashes)}
    rest = known.sub(lambda found: order[found[0]], svg)
    own = hashlib.sha256(rest.encode()).hexdigest()[:8]
    return known.sub(lambda found: f"i{own}-{order[found[0]]}", svg)


def quoted(text: object) -> str:
    """The value of an attribute in Markdown."""
    return '"' + str(text).strip().replace("\\", "\\\\").replace('"', '\\"') + '"'


def fenced(text: str, attributes: str = "") -> str:
    """A fenced block whose fence is longer than any in the text."""
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    first = f"{fence} {{{attributes}}}" if attributes else fence
    return f"{first}\n{text.rstrip()}\n{fence}"


def _printed(text: str, output_format: str) -> str:
    """What a cell printed, as a block of its own class.

    In HTML that class stands around the block: for a block in a language that pandoc does not
    know, it reads the rules of all languages, half a second a page.
    """
    if output_format == "html":
        return f"::: {{.cell-output}}\n{fenced(plain(text))}\n:::"
    return fenced(plain(text), ".cell-output")


def plain(text: str) -> str:
    """Text without the codes that colour a terminal."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def _is_math(text: str) -> bool:
    text = text.strip()
    return (text.startswith("$") and text.endswith("$")) or text.startswith("\\begin{")


def _is_readable(html: str) -> bool:
    """Whether HTML says something without scripts and without what the network holds."""
    soup = BeautifulSoup(html, "html.parser")
    if soup.find(["img", "svg", "iframe", "canvas", "video", "audio", "object"]):
        return False
    for element in soup(["script", "style"]):
        element.decompose()
    return bool(soup.get_text(strip=True))
