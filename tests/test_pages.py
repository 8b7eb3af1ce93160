"""The number formatter, tables and listings that every page uses."""

import code

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarea2 import pages, typography
from tarea2.studies.claims import Scores


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (0.79, 2, "0,79"), (-2.5, None, "−2,5"), (21840, None, "21\u202f840"), (2050, None, "2050"),
        (1234567, None, "1\u202f234\u202f567"), (3.0, None, "3"), (3.0, 1, "3,0"),
        (-0.001, 2, "0,00"),
        (1e-7, None, "0,0000001"), (np.float32(0.5), None, "0,5"), (np.int64(7), None, "7"),
        (float("nan"), 2, "n. d."), (0.125, 2, "0,12"), (99999.5, 1, "99\u202f999,5"),
    ],
)  # fmt: skip
def test_number(value, decimals, text):
    assert typography.number(value, decimals) == text


@given(st.floats(-1e9, 1e9), st.integers(0, 6))
def test_number_reads_back(value, decimals):
    text = typography.number(value, decimals)
    back = float(text.replace("−", "-").replace("\u202f", "").replace(",", "."))
    assert back == pytest.approx(float(f"{value:.{decimals}f}"), abs=1e-12)


@pytest.mark.parametrize("value", [True, "3", 1 + 2j, None])
def test_number_refuses_what_is_no_number(value):
    with pytest.raises(TypeError, match="writes real numbers"):
        typography.number(value)


def test_percent_and_mean_sd():
    assert typography.percent(0.914, 1) == "91,4\u00a0%"
    assert typography.mean_sd([1, 2, 3], 1) == "2,0\u00a0±\u00a01,0"
    assert typography.with_interval(0.0042, -0.003, 0.011) == "0,004 (de −0,003 a 0,011)"
    assert typography.with_interval(0.5, 0, 1, 1, typography.signed) == "+0,5 (de 0,0 a 1,0)"
    with pytest.raises(ValueError, match="at least two values, got 1"):
        typography.mean_sd([1])


def test_text_reaches_a_page_as_it_is():
    assert typography.number(21840)._repr_markdown_() == "21\u202f840"
    assert typography.Text("a_b* $c$ @d")._repr_markdown_() == r"a\_b\* \$c\$ \@d"


def test_inline_code_quotes_networks_and_counts_with_one_call():
    runs = pd.DataFrame({"name": ["a", "a", "b"], "share": [0.5, 0.7, 0.2]})
    share = Scores(runs, "share")
    assert pages.mean(share, "a") == "0,600"
    assert pages.mean_percent(share, "a", 0) == "60\u00a0%"
    assert pages.difference(share, "b", "a", 1) == "−0,4"
    assert pages.ratio(share, "a", "b") == "3,0"
    seeds = pd.concat([runs, runs.assign(name=["c", "c", "d"], share=[0.3, 0.1, 0.4])])
    of = Scores(seeds, "share")
    assert pages.gain(of, "a", "c", 1) == "0,4 (de −0,2 a 1,0)"
    assert (pages.quote(of, "a", 1), pages.quote(of, "d", 1)) == ("0,6\u00a0±\u00a00,1", "0,4")
    assert (pages.count("abc"), pages.count("abc", typography.in_words)) == ("3", "tres")
    assert pages.listed([8, 16]) == "8, 16"


def test_table_writes_markdown_with_decimal_commas():
    frame = pd.DataFrame({"red": ["a|b"], "pesos": [12345], "error": [0.5]})
    assert pages.table(frame, decimals=2).data == (
        "| red | pesos | error |\n| :---- | ------: | -----: |\n| a\\|b | 12\u202f345 | 0,50 |"
    )
    with pytest.raises(ValueError, match="one of l, c, r for each of 3 columns, got 'lx'"):
        pages.table(frame, align="lx")


def test_a_wide_table_gives_each_column_the_room_that_it_needs():
    frame = pd.DataFrame({"a": ["x" * 30], "una palabra larguísima": ["y"]})
    assert pages.table(frame).data.splitlines()[1] == f"| :{'-' * 30} | :{'-' * 10} |"


def test_source_shows_the_code_that_runs_and_where_it_stands():
    text = pages.source(typography.percent).data
    assert text.startswith("```python\n# code/tarea2/typography.py\ndef percent(")
    assert text.endswith("```")
    assert '"""' not in text
    assert '"""' in pages.source(typography.percent, docstring=True).data
    assert "_repr_markdown_" in pages.source(typography.Text).data


def test_the_folder_code_does_not_hide_the_module_of_the_standard_library():
    assert hasattr(code, "InteractiveConsole")


def test_in_words():
    assert typography.in_words(22) == "veintidós"
    assert typography.in_words(30) == "treinta"
    for value in (1, 21, 31, -2):
        with pytest.raises(ValueError, match="as a word"):
            typography.in_words(value)


def test_folded_source_names_itself():
    text = pages.source(pages.source, fold="El código").data
    head = text.splitlines()[0]
    assert head == '```{.python .cell-code code-fold="true" code-summary="El código"}'
