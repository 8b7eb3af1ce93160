"""No page holds a typed result: numbers come from the package, through short inline code."""

import ast
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


# Inline code --------------------------------------------------------------------------------------

LONGEST = 60  # characters between the backticks, after ``{python} ``


def is_name(node: ast.AST) -> bool:
    """A name, or something of one by attribute or subscript: ``spec.depth``, ``means["a"]``."""
    if isinstance(node, ast.Attribute):
        return is_name(node.value)
    if isinstance(node, ast.Subscript):
        return is_name(node.value) and is_argument(node.slice)
    return isinstance(node, ast.Name)


def is_argument(node: ast.AST) -> bool:
    """A name, all that is in one (``*name``), a literal, a slice, or several of these."""
    if isinstance(node, ast.Starred):
        return is_name(node.value)
    if isinstance(node, (ast.Tuple, ast.List)):
        return all(map(is_argument, node.elts))
    if isinstance(node, ast.Slice):
        return all(map(is_argument, filter(None, (node.lower, node.upper, node.step))))
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant)
    return isinstance(node, ast.Constant) or is_name(node)


def is_short(code: str) -> bool:
    """Inline code is a name or one call whose arguments compute nothing, and fits in a sentence.

    What is computed, compared or put together gets a name in a cell above.
    """
    node = ast.parse(code, mode="eval").body
    if isinstance(node, ast.Call):
        arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
        whole = is_name(node.func) and all(map(is_argument, arguments))
    else:
        whole = is_name(node)
    return whole and len(code) <= LONGEST


@pytest.mark.parametrize("path", PAGES)
def test_inline_code_is_a_name_or_one_call(path):
    cells = [cell for cell in read(path, ROOT).cells if cell.kind == "markdown"]
    assert [code for cell in cells for code in cell.inline if not is_short(code)] == []


@pytest.mark.parametrize(
    "code",
    [
        "number(len(runs))", "number(a - b, 2)", "scores[best()]", "f(x).y", "-x", "a < b",
        'holds("gana", test_of.above(BEST, "reference"))', "number(*(x for x in y))",
        "number(x, decimals=len(y))", "x if y else z", "score(f'{x}')",
        'holds("' + "palabras " * 5 + '", condition)',
    ],
)  # fmt: skip
def test_longer_inline_code_is_found(code):
    assert not is_short(code)


@pytest.mark.parametrize(
    "code",
    [
        "beats_monai", "labels.LABELS[BEST]", 'number(means.loc[BEST, "test_miou"], 3)',
        'holds("gana", *beats_monai)', "number(rates[-1])", "mean_sd(auto[:, 0], 2)",
        "pages.count(FACTORS, in_words)", 'interval("a", "b", sign=str)',
        'widgets.study(["baseline", BEST])', "score('reference')",
    ],
)  # fmt: skip
def test_short_inline_code_passes(code):
    assert is_short(code)
