"""Effects of fields of random networks: planted ones are found, in size and with their interval."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tarea2.studies import search
from tarea2.studies.effects import TERMS, design, effects, explained, interactions

SPECS = [asdict(spec) for spec in search.drawn()]
PLANTED = {"depth": 0.05, "width": -0.1, "norm-group": -0.3, "up-bilinear": 0.02}


def table(noise: float, **together: float) -> pd.DataFrame:
    """Scores that the planted effects make, and those of pairs, given as ``first__second``."""
    columns = design(SPECS)
    score = sum(effect * columns[name] for name, effect in PLANTED.items())
    for pair, effect in together.items():
        first, second = (name.replace("_", "-") for name in pair.split("__"))
        score = score + effect * columns[first] * columns[second]
    score = score + noise * np.random.default_rng(0).standard_normal(len(SPECS))
    return pd.DataFrame({"spec": SPECS, "score": 0.7 + score})


def test_planted_effects_come_out_as_they_were_planted():
    found = effects(table(noise=0), "score").set_index("name")
    for name in TERMS:
        assert found.loc[name, "difference"] == pytest.approx(PLANTED.get(name, 0), abs=1e-9)
    assert explained(table(noise=0), "score") == pytest.approx(1)


def test_intervals_hold_what_was_planted_under_noise_and_only_the_large_one_is_sure():
    found = effects(table(noise=0.05), "score").set_index("name")
    held = [found.loc[n, "low"] < PLANTED.get(n, 0) < found.loc[n, "high"] for n in TERMS]
    assert sum(held) >= len(TERMS) - 2  # 95 % of them
    assert list(found.index[found["holm"] < 0.05]) == ["norm-group"]
    assert 0.5 < explained(table(noise=0.05), "score") < 1


def test_an_interaction_is_found_only_where_one_was_planted():
    def sure(scores):
        found = interactions(scores, "score")
        return [(row["first"], row["second"]) for _, row in found.iterrows() if row["holm"] < 0.05]

    assert sure(table(noise=0.05)) == []
    assert sure(table(noise=0.01, depth__kernel_5=0.4)) == [("depth", "kernel-5")]


def test_two_choices_of_one_field_are_no_pair():
    found = interactions(table(noise=0.05), "score")
    assert not ((found["first"] == "down-mean") & (found["second"] == "down-strided")).any()
    assert len(found) == len(TERMS) * (len(TERMS) - 1) / 2 - 2


def test_a_network_has_the_terms_of_its_fields():
    columns = design([SPECS[0], SPECS[0] | {"width": 2 * SPECS[0]["width"], "skip": "other"}])
    step = columns.diff().iloc[1]
    assert step["width"] == 1
    assert (step.drop(["width", "skip-add"]) == 0).all()


def test_classical_intervals_have_the_same_middle_and_are_those_of_least_squares():
    scores = table(noise=0.05)
    robust, classical = (effects(scores, "score", kind) for kind in ("HC3", "nonrobust"))
    np.testing.assert_allclose(classical["difference"], robust["difference"])
    columns = design(SPECS).assign(constant=1.0).to_numpy()
    beta, (left,), *_ = np.linalg.lstsq(columns, scores["score"].to_numpy())
    free = len(SPECS) - columns.shape[1]
    error = np.sqrt(left / free * np.linalg.inv(columns.T @ columns).diagonal())
    reach = stats.t.ppf(0.975, free) * error
    np.testing.assert_allclose(classical["high"], (beta + reach)[:-1])
