"""Claims stop a build when runs no longer show them; intervals and Holm's adjustment."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from publish.page import INLINE, read
from publish.project import ROOT
from tarea2.studies.claims import ClaimError, Scores, holds
from tarea2.studies.comparisons import (
    against,
    contrast,
    holm,
    kendall,
    mean_interval,
    pareto_front,
    welch,
)

RUNS = pd.DataFrame(
    [
        (name, value)
        for name, values in (
            ("low", (0.1, 0.15, 0.2)), ("middle", (0.1, 0.5, 0.9)), ("high", (0.7, 0.705, 0.71)),
        )
        for value in values
    ],
    columns=["name", "score"],
)  # fmt: skip
SCORES = Scores(RUNS, "score")
ORDER = dict(zip("abcdef", range(6), strict=True))

TRUE = {
    "above": SCORES.above("high", ["low", "middle"]),
    "above by": SCORES.above("high", "low", by=0.5),
    "ascending": SCORES.ascending("low", "middle", "high"),
    "best": SCORES.best("high"),
    "best among": SCORES.best("middle", among=["low", "middle"]),
    "within": SCORES.within(["middle", "high"], 0.21),
    "apart": SCORES.apart("low", "high"),
    "alike": SCORES.alike("low", "middle"),
    "surpasses": SCORES.surpasses("high", "low"),
    "surpasses each": SCORES.surpasses("high", ["low"]),
}
FALSE = {
    "above": SCORES.above(["high", "middle"], ["low", "middle"]),
    "above by": SCORES.above("high", "low", by=0.6),
    "ascending": SCORES.ascending("low", "high", "middle"),
    "ascending equals": SCORES.ascending("low", "low"),
    "best": SCORES.best("middle"),
    "best among": SCORES.best("low", among=["low", "middle"]),
    "within": SCORES.within(["middle", "high"], 0.2),
    "apart": SCORES.apart("low", "middle"),
    "alike": SCORES.alike("low", "high"),
    "surpasses without an interval": SCORES.surpasses("high", "middle"),
    "surpasses the other way": SCORES.surpasses("low", "high"),
    "surpasses only some": SCORES.surpasses("high", ["low", "middle"]),
}


@pytest.mark.parametrize("name", TRUE)
def test_what_runs_show_is_written(name):
    assert holds("es mejor", True, TRUE[name]) == "es mejor"


@pytest.mark.parametrize("name", FALSE)
def test_what_runs_do_not_show_stops_with_its_words_and_numbers(name):
    with pytest.raises(ClaimError, match=r"'es mejor': .*\d.* is false"):
        holds("es mejor", TRUE["best"], FALSE[name])


def test_a_claim_about_plain_numbers_says_which_condition():
    with pytest.raises(ClaimError, match="'más': condition 2 is false"):
        holds("más", np.bool_(True), np.float64(1) > 2)


def test_a_claim_without_condition_is_none():
    with pytest.raises(ValueError, match="nothing is checked for 'mejor'"):
        holds("mejor")


def test_a_wrong_name_is_refused():
    with pytest.raises(ValueError, match="no run of 'hihg'; there are: high, low, middle"):
        SCORES.above("hihg", "low")


def test_welch_agrees_with_its_formula():
    first, second = np.array([0.1, 0.2, 0.25]), np.array([0.4, 0.41, 0.45, 0.6])
    found = welch(first, second)
    parts = [v.var(ddof=1) / len(v) for v in (first, second)]
    freedom = sum(parts) ** 2 / sum(
        p**2 / (len(v) - 1) for p, v in zip(parts, (first, second), strict=True)
    )
    reach = stats.t.ppf(0.975, freedom) * np.sqrt(sum(parts))
    difference = second.mean() - first.mean()
    expected = (difference, difference - reach, difference + reach)
    assert (found.mean, found.low, found.high) == pytest.approx(expected)
    assert found.clear == (found.p < 0.05)


def test_a_contrast_of_two_is_welchs_and_of_more_sees_what_does_not_add_up():
    rng = np.random.default_rng(4)
    a, b, c, d = (rng.normal(mean, 0.002, n) for mean, n in ((0, 5), (0.02, 3), (0.01, 3), (0, 4)))
    one, other = contrast([(1, b), (-1, a)]), welch(a, b)
    for field in ("mean", "low", "high", "p"):
        assert getattr(one, field) == pytest.approx(getattr(other, field))
    both_changes = a.mean() + 0.03 + rng.normal(0, 0.002, 3)  # as much as the two together
    assert not contrast([(1, both_changes), (-1, b), (-1, c), (1, a)]).clear
    assert contrast([(1, both_changes - 0.02), (-1, b), (-1, c), (1, a)]).high < 0
    assert contrast([(2, d)]).mean == pytest.approx(2 * d.mean())


def test_an_interval_needs_two_seeds():
    with pytest.raises(ValueError, match="two seeds or more, got 1 and 2"):
        welch([0.1], [0.2, 0.3])
    with pytest.raises(ValueError, match="of each network, got 2, 1, 2"):
        contrast([(1, [0.1, 0.2]), (-1, [0.3]), (2, [0.2, 0.3])])


def test_holm_of_a_worked_example():
    # 0.01 × 4, 0.02 × 3, 0.03 × 2 = 0.06, and 0.04 × 1, which may not be less than the one before
    assert holm([0.02, 0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.06, 0.04, 0.06])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_lies_between_no_adjustment_and_bonferroni(p):
    adjusted = holm(p)
    assert (adjusted >= np.array(p)).all()
    assert (adjusted <= np.minimum(1, np.array(p) * len(p))).all()
    order = np.argsort(p)
    assert (np.diff(adjusted[order]) >= 0).all()


def test_many_networks_are_compared_with_one():
    found = against(RUNS, "low", ["middle", "high"], "score").set_index("name")
    assert found.loc["high", "difference"] == pytest.approx(0.555)
    assert (found["holm"] >= found["p"]).all()
    assert (found["low"] < found["difference"]).all()


def test_the_front_holds_what_nothing_betters_at_as_little():
    means = pd.DataFrame(
        [
            ("cheap", 1, 0.5), ("as cheap, worse", 1, 0.4), ("twin", 2, 0.7), ("twin too", 2, 0.7),
            ("dearer for nothing", 3, 0.7), ("dearer and worse", 4, 0.6), ("best", 5, 0.9),
        ],
        columns=["name", "macs", "score"],
    )  # fmt: skip
    for rows in (means, means[::-1], means.sample(frac=1, random_state=0)):
        found = pareto_front(rows, "macs", "score")
        assert found["macs"].tolist() == [1, 2, 2, 5]
        assert set(found["name"]) == {"cheap", "twin", "twin too", "best"}


def test_kendall_counts_pairs_in_the_same_order():
    first = {name: np.full(3, value) for name, value in zip("abcd", (1, 2, 3, 4), strict=True)}
    second = {name: np.full(3, value) for name, value in zip("abcde", (1, 3, 2, 4, 9), strict=True)}
    found = kendall(first, second)  # of six pairs, one is the other way round; e is in one only
    assert (found.tau, found.low, found.high) == pytest.approx((4 / 6, 4 / 6, 4 / 6))
    assert found.p == pytest.approx(stats.kendalltau((1, 2, 3, 4), (1, 3, 2, 4)).pvalue)
    backwards = {name: -values for name, values in first.items()}
    assert kendall(first, backwards).tau == pytest.approx(-1)


def test_kendall_is_less_sure_where_seeds_differ_more():
    def study(spread):
        return {name: value + spread * np.array([-1.0, 0, 1]) for name, value in ORDER.items()}

    sure, unsure = (kendall(study(spread), study(spread)) for spread in (0.01, 2.0))
    assert sure.low == sure.high == 1.0
    assert unsure.low < 0.8 < unsure.high


def test_kendall_needs_three_networks_in_common():
    two = {"a": np.array([0.1]), "b": np.array([0.2])}
    with pytest.raises(ValueError, match="three networks or more, 2 are in both"):
        kendall(two, two | {"c": np.array([0.3])})


def test_the_interval_of_a_mean():
    low, high = mean_interval([1.0, 2.0, 3.0])
    assert (low, high) == pytest.approx(stats.t.interval(0.95, 2, 2, 1 / np.sqrt(3)))
    assert mean_interval([0.5]) == (0.5, 0.5)


# Sentences of the pages ---------------------------------------------------------------------------

COMPARES = re.compile(
    r"\b(mejor(es|a|an)?|peor(es)?|empeora\w*|supera\w*|aventaja\w*|por encima|por debajo"
    r"|mayor(es)?|menor(es)?|ayuda\w*|distingue\w*|iguala\w*|apenas|casi|(más|menos)( \w+)? que)\b",
    re.IGNORECASE,
)
# What only sounds like a result: aims, questions, what was not measured, what a figure shows.
NO_RESULTS = (
    "cuál es la mejor forma de combinarlas", "por eso la comparación que importa",
    "una red a la que le vendría mejor otra receta", "pone números a las redes que importan",
    "la lista puede decir qué red es mejor", "Que a una red le fuera mejor con otra tasa",
    "baja hasta casi cero al final", "Que estén planas no demuestra",
    "En las dos primeras, la mejor red da a casi cada dígito", "en las dos en que más falla",
    "por eso la comparación que cuenta", "¿y la mejor red sin sus atajos, fallará",
)  # fmt: skip


def comparisons(path: str, section: str | None = None) -> list[str]:
    """Sentences of a page, or of one of its sections, that compare and hold no inline code."""
    inside, found = section is None, []
    for cell in read(path, ROOT).cells:
        if cell.kind != "markdown":
            continue
        text = INLINE.sub(lambda match: f"{match['before']}{{python}}", cell.source)
        text = re.sub(r"«[^«»]*»\]\(", "](", text)  # a title claims nothing
        for paragraph in text.split("\n\n"):
            if paragraph.startswith("## ") and section is not None:
                inside = section in paragraph
            for sentence in re.split(r"(?<=[.:;?])\s+", paragraph) if inside else ():
                if COMPARES.search(sentence) and "{python}" not in sentence:
                    found.append(sentence)
    return found


@pytest.mark.parametrize(
    ("path", "section"),
    [
        ("chapters/08-segmentacion.qmd", None),
        ("chapters/08-segmentacion-receta.qmd", None),
        ("chapters/08-segmentacion-factores.qmd", None),
        ("chapters/08-segmentacion-error.qmd", None),
        ("chapters/08-segmentacion-comprobaciones.qmd", None),
        ("chapters/09-escenas-de-calle.qmd", None),
        ("chapters/09-escenas-de-calle-imagenet.qmd", None),
        ("report.qmd", "{#sec-informe-segmentacion}"),
    ],
)
def test_every_sentence_that_compares_rests_on_the_runs(path, section):
    assert not [
        sentence
        for sentence in comparisons(path, section)
        if not sentence.startswith("¿")  # a question claims nothing
        and not any(known in sentence for known in NO_RESULTS)
    ]


def test_a_bare_comparison_is_found():
    assert COMPARES.search("La red A supera a la B.")
    assert COMPARES.search("tiene más pesos que la B")
    assert not COMPARES.search("La red A tiene dos niveles.")
