"""No page holds a typed result: numbers come from the package through inline code."""

import re

import pytest

from publish.page import INLINE, prose_lines, read
from publish.project import ROOT, Project

PAGES = Project(ROOT).pages
RESULT = re.compile(
    r"(?<![\w.,])\d+,\d+(?![\w,])"  # a decimal
    r"|\d\s*%"  # a percentage
    r"|(?<![\w.,-])(?!(?:19|20)\d\d(?!\d))\d{4,}(?![\w-])"  # four digits or more, years apart
    r"|(?<![\w.,])\d{1,3}(?:[\u202f\u00a0 .]\d{3})+(?!\w)"  # thousands
)
NOT_PROSE = (
    INLINE,
    re.compile(r"`[^`]*`"),  # code
    re.compile(r"\$\$.*?\$\$|\$[^$]+\$", re.DOTALL),  # mathematics
    re.compile(r"\]\([^)]*\)|<https?:[^>]*>|\{[^}]*\}"),  # addresses, attributes
)


def typed_results(text: str) -> list[str]:
    lines = "\n".join(line for _, line in prose_lines(text))
    for pattern in NOT_PROSE:
        lines = pattern.sub(" ", lines)
    return RESULT.findall(lines)


@pytest.mark.parametrize("path", PAGES)
def test_prose_holds_no_typed_result(path):
    page = read(path, ROOT)
    texts = [cell.source for cell in page.cells if cell.kind == "markdown"]
    for cell in page.cells:
        texts += [str(cell.options.get(key, "")) for key in ("fig-cap", "fig-alt", "tbl-cap")]
    texts += [str(page.metadata.get(key, "")) for key in ("title", "subtitle", "description")]
    found = {text: typed_results(text) for text in texts if typed_results(text)}
    assert not found


@pytest.mark.parametrize(
    "text", ["subió a 0,79", "el 94 %", "el 94%", "usa 21840 pesos", "usa 21 840 pesos", "2,5"]
)
def test_a_typed_result_is_found(text):
    assert typed_results(text)


@pytest.mark.parametrize(
    "text",
    [
        "el cuaderno 10.1", "un núcleo 3 × 3", "en 2023", "`x = 0,5`", "$0{,}5$", "las 2, 3 y 4",
        'vale `{python} number(0.5)` y "1a"', "[@prince2023]", "(10.3)", "de 224 × 224",
    ],
)  # fmt: skip
def test_what_is_no_result_passes(text):
    assert not typed_results(text)
