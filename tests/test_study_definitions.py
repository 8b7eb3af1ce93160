"""What the studies beside the main one vary, and that they vary nothing else."""

import dataclasses
from functools import cache
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import torch

from tarea2 import datasets, metrics, models, records, studies
from tarea2.models import EncoderDecoderSpec, PeerSpec
from tarea2.models.by_hand import scores_by_hand
from tarea2.studies import (
    context,
    mask_threshold,
    own_rates,
    published_models,
    recipes,
    sample_size,
    search,
    segmentation,
)
from tarea2.studies.definition import best_run

loaded = cache(studies.load)  # to read a study and check its digests takes a second

IMAGE = torch.zeros(1, 1, 48, 48)


def costs(spec) -> tuple[int, int, int]:
    """Parameters, multiplications, receptive field."""
    model = models.build(spec)
    size = models.output_field(spec)
    return metrics.count_parameters(model), metrics.count_macs(model, IMAGE), size


def test_context_and_capacity_vary_one_at_a_time():
    found = {name: costs(spec) for name, spec in context.FIELDS.items()}
    for size in ("small", "large"):
        assert found[f"short-{size}"][:2] == found[f"long-{size}"][:2]
    for field in ("short", "long"):
        assert found[f"{field}-small"][2] == found[f"{field}-large"][2]
        assert found[f"{field}-large"][0] > 2 * found[f"{field}-small"][0]
    # As long as the main study's field, which takes in a digit of 20 pixels from end to end.
    assert found["long-small"][2] > 40 > found["short-small"][2]
    assert context.FIELDS["short-small"] == segmentation.networks()["convolutions-1"][0]


def test_the_wide_separable_network_costs_what_the_reference_does():
    wide, reference = costs(context.SEPARABLE["separable-wide"]), costs(segmentation.REFERENCE)
    assert wide[:2] == pytest.approx(reference[:2], rel=0.05)
    assert wide[2] == reference[2]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        # What the libraries' own networks have, counted without this project.
        ("BasicUNet", 496_075), ("UNet", 405_268), ("BasicUNet-default", 1_978_763),
        ("SegResNet-8", 395_067), ("SegResNet-16", 1_576_555), ("AttentionUnet", 494_143),
        ("PlainConvUNet", 1_928_171),
    ],
)  # fmt: skip
def test_published_networks_have_their_authors_sizes_and_learn(name, parameters):
    if name == "PlainConvUNet":
        pytest.importorskip("dynamic_network_architectures")
    model = models.build(PeerSpec(name), seeds=(1,))
    assert metrics.count_parameters(model) == parameters
    again = models.build(PeerSpec(name), seeds=(1,))
    for first, second in zip(model.parameters(), again.parameters(), strict=True):
        assert torch.equal(first, second)
    scores = model(torch.rand(2, 1, 48, 48))
    assert scores.shape == (2, 11, 48, 48)
    scores.square().mean().backward()
    used = [p.grad is not None and bool(p.grad.isfinite().all()) for p in model.parameters()]
    assert all(used)


def test_a_published_network_that_nobody_knows_is_refused_with_those_that_are_known():
    with pytest.raises(ValueError, match=r"'UNetPlus', expected one of BasicUNet, .*PlainConvUNet"):
        models.build(PeerSpec("UNetPlus"))


def test_stored_published_networks_are_described_as_before():
    assert records.describe(PeerSpec()) == (
        "PeerSpec", {"network": "BasicUNet", "inputs": 1, "classes": 11},
    )  # fmt: skip


def test_recipes_differ_in_rate_and_epochs_only():
    specs = {name: spec for name, (spec, _) in segmentation.networks().items()}
    new = context.REDUCTIONS | segmentation.CHOSEN_ANEW  # which the main study has not
    specs |= context.FIELDS | new
    for definition in recipes.DEFINITIONS:
        name, rate = definition.name.split("-epochs-")[0].split("-lr-")
        assert definition.spec == specs[name]
        assert definition.recipe.lr == float(rate)
        times = 3 if "-epochs-" in definition.name else 1
        usual = dataclasses.replace(segmentation.RECIPE, lr=float(rate), epochs=12 * times)
        assert definition.recipe == usual
        # At that rate the main study has the run.
        assert definition.recipe != segmentation.RECIPE or name in new


def test_each_network_is_measured_at_the_rate_that_is_best_on_validation():
    runs = recipes.together(loaded("segmentation"), loaded("segmentation-recipes"))
    first = runs[(runs["epochs"] == segmentation.RECIPE.epochs) & (runs["seed"] == 0)]
    for name, rates in recipes.MEASURED.items():
        ordered = first[first["network"] == name].sort_values("validation_miou", ascending=False)
        assert tuple(ordered["rate"][: len(rates)]) == rates
    assert recipes.best_rates(runs) == {name: r[-1] for name, r in recipes.MEASURED.items()}


def test_rates_go_up_while_the_highest_is_the_best():
    assert recipes.next_rate({}) == 3e-3
    assert recipes.next_rate({3e-3: 0.8, 1e-2: 0.7}) == 3e-2
    assert recipes.next_rate({3e-3: 0.7, 1e-2: 0.8, 3e-2: 0.9}) == 1e-1
    assert recipes.next_rate({3e-3: 0.7, 1e-2: 0.9, 3e-2: 0.8}) is None
    assert recipes.next_rate(dict.fromkeys(recipes.LADDER, 0.5) | {3e-1: 0.9}) is None


def test_each_network_was_tried_at_the_rates_that_the_rule_asks_for():
    names = ("segmentation", "segmentation-context", "segmentation-recipes")
    runs = pd.concat(map(loaded, names))
    first = runs[runs["seed"] == 0].set_index("name")["validation_miou"]
    for name in recipes.SWEPT:
        known = {rate: recipes.at_rate(name, rate) for rate in recipes.LADDER}
        if name in first:
            known[segmentation.RECIPE.lr] = name  # the main study's run
        found = {rate: first[run] for rate, run in known.items() if run in first}
        asked: dict[float, float] = {}
        while (rate := recipes.next_rate(asked)) is not None:
            asked[rate] = found[rate]
        # Networks that were compared before may have had more rates than the rule asks for.
        assert name in recipes.COMPARED or asked == found


def test_published_networks_at_full_size_take_the_main_recipe_but_for_the_rate():
    for definition in published_models.DEFINITIONS:
        rate = float(definition.name.split("-lr-")[-1]) if "-lr-" in definition.name else 3e-3
        assert definition.recipe == dataclasses.replace(segmentation.RECIPE, lr=rate)
    for name, rates in published_models.MEASURED.items():
        assert set(rates) <= set(published_models.TRIED[name])
        assert published_models.OWN[name] in rates


def test_each_published_network_is_measured_at_the_rate_that_is_best_on_validation():
    runs = loaded("segmentation-peers")
    found = {
        name: {
            rate: runs.loc[runs["name"] == published_models.name_at(name, rate), "validation_miou"]
            for rate in rates
        }
        for name, rates in published_models.TRIED.items()
    }
    for name, of in found.items():
        first = sorted(of, key=lambda rate: of[rate].iloc[0], reverse=True)
        assert (
            tuple(first[: len(published_models.MEASURED[name])]) == published_models.MEASURED[name]
        )
        means = {rate: of[rate].mean() for rate in of if len(of[rate]) == 3}
        assert published_models.OWN[name] == max(means, key=means.__getitem__)


def test_the_later_combinations_are_those_that_the_rule_asks_for():
    table = own_rates.load()
    assert own_rates.combined(table) == list(segmentation.CHOSEN_ANEW.values())
    most = max(search.costs(spec)[1] for spec in segmentation.COMBINATIONS.values())
    for spec in segmentation.CHOSEN_ANEW.values():
        weights, work = search.costs(spec)
        assert weights <= segmentation.LIMIT
        assert work <= most
    # A factor that gains clearly starts one; one that costs too much is left out by the others.
    found = own_rates.combined(table.assign(validation_miou=gaining(table, "skip-add")))
    wider = segmentation.CHOSEN_ANEW["filters-mean"]
    assert found[0] == dataclasses.replace(wider, skip="add")
    found = own_rates.combined(table.assign(validation_miou=gaining(table, "depth-3")))
    assert found == list(segmentation.CHOSEN_ANEW.values())


def gaining(table, name) -> pd.Series:
    return table["validation_miou"] + 0.05 * (table["name"] == name)


def test_each_network_counts_at_its_own_rate_only():
    varied = recipes.together(loaded("segmentation"), loaded("segmentation-recipes"))
    found = published_models.at_their_rates(varied, loaded("segmentation-peers"))
    assert set(found["name"]) == {
        *recipes.MEASURED,
        *published_models.TRIED,
        *published_models.WIDER,
    }
    assert not found.duplicated(["name", "seed"]).any()
    best = (
        recipes.best_rates(varied)
        | published_models.OWN
        | dict.fromkeys(published_models.WIDER, published_models.WIDER_RATE)
    )
    assert (found["rate"] == found["name"].map(best)).all()
    assert (found["recipe"].map(lambda recipe: recipe["lr"]) == found["rate"]).all()


def test_at_the_common_rate_all_have_the_same_recipe_and_seed():
    main, found = loaded("segmentation"), loaded("segmentation-peers")
    common = published_models.at_common_rate(main, found)
    assert set(common) == {"reference", "wide-slow", *published_models.THEIRS}
    for name, score in common.items():
        runs = main if name in set(main["name"]) else found
        run = runs[(runs["name"] == name) & (runs["seed"] == 0)].iloc[0]
        assert run["recipe"]["lr"] == segmentation.RECIPE.lr
        assert run["test_miou"] == score


def test_a_published_network_meets_the_best_of_ours_that_costs_no_more():
    varied = recipes.together(loaded("segmentation"), loaded("segmentation-recipes"))
    found = published_models.at_their_rates(varied, loaded("segmentation-peers"))
    means = found.groupby("name")[["parameters", "macs", "validation_miou"]].mean()
    matches = published_models.matches(found)
    assert set(matches) == set(published_models.THEIRS)
    assert means.loc[list(matches), "macs"].is_monotonic_increasing
    for published, ours in matches.items():
        assert means.loc[ours, "macs"] <= means.loc[published, "macs"]
        assert means.loc[ours, "parameters"] <= means.loc[published, "parameters"] / 3
        assert (found["name"] == ours).sum() == 5
    # A better one of ours is chosen where it costs little enough, and only there.
    better = found[found["name"] == "reference"].assign(
        name="new", validation_miou=0.99, macs=means.loc["attention-unet", "macs"]
    )
    for seeds, expected in ((better, "new"), (better[:2], matches["attention-unet"])):
        again = published_models.matches(pd.concat([found, seeds]))
        assert again["attention-unet"] == expected
        assert again["segresnet-8"] == matches["segresnet-8"]


def test_the_published_network_that_learns_from_more_and_fewer_scenes_is_the_best_on_validation():
    varied = recipes.together(loaded("segmentation"), loaded("segmentation-recipes"))
    found = published_models.at_their_rates(varied, loaded("segmentation-peers"))
    means = found.groupby("name")["validation_miou"].mean()
    assert means[list(published_models.THEIRS)].idxmax() == sample_size.BEST_PUBLISHED
    assert set(sample_size.scenes_of(sample_size.BEST_PUBLISHED)) < set(sample_size.SCENES)


def test_more_and_fewer_scenes_take_the_rate_found_with_the_usual_number():
    for name, (spec, rate) in sample_size.COMPARED.items():
        of = [d for d in sample_size.SCENE_DEFINITIONS if d.name.startswith(name)]
        assert {d.recipe.lr for d in of} == {rate}
        assert all(d.spec == spec for d in of)
        assert rate == (
            published_models.OWN[name]
            if name in published_models.OWN
            else recipes.MEASURED[name][-1]
        )


def test_fewer_examples_are_seen_as_often_as_many():
    for definitions, usual in (
        (sample_size.SCENE_DEFINITIONS, 4000 / 32 * 12), (sample_size.SIGNAL_DEFINITIONS, 32 * 100),
    ):  # fmt: skip
        for definition in definitions:
            amount = int(definition.name.split("-")[-1])
            steps = -(-amount // definition.recipe.batch_size) * definition.recipe.epochs
            assert steps == pytest.approx(usual, rel=0.03)


def test_less_data_is_the_beginning_of_more():
    parts = [sample_size.some_signals(amount).train for amount in sample_size.SIGNALS]
    for (less, more), amount in zip(pairwise(parts), sample_size.SIGNALS, strict=False):
        assert torch.equal(more.x[:amount], less.x)
    counts = [np.bincount(part.y, minlength=10).min() for part in parts]
    assert counts[0] >= 5  # of each class, even in the smallest


def test_another_edge_changes_masks_and_nothing_else():
    usual = datasets.scenes("test", 20)
    for threshold in mask_threshold.THRESHOLDS:
        other = datasets.scenes("test", 20, threshold=threshold)
        assert torch.equal(usual.x, other.x)
        assert not torch.equal(usual.y, other.y)
        grown = (other.y > 0).sum() > (usual.y > 0).sum()
        assert bool(grown) == (threshold < 0.35)


def test_costs_of_random_networks_are_those_of_the_networks_built():
    for spec in search.drawn()[::4]:
        assert search.costs(spec) == costs(spec)[:2]
    for spec in (segmentation.BASELINE, *segmentation.COMBINATIONS.values()):
        assert search.costs(spec) == costs(spec)[:2]


def test_random_networks_keep_to_the_limits_and_take_every_choice():
    specs = search.drawn()
    assert len(set(specs)) == search.COUNT
    assert specs == search.drawn()  # the same on every machine and in every process
    most = max(search.costs(spec)[1] for spec in segmentation.COMBINATIONS.values())
    for spec in specs:
        weights, work = search.costs(spec)
        assert weights <= segmentation.LIMIT
        assert most / 2 <= work <= most
    for field, values in search.CHOICES.items():
        assert {getattr(spec, field) for spec in specs} == set(values)


def test_the_finalists_of_the_search_and_their_rates_follow_from_its_runs():
    table = loaded("segmentation-search")
    assert set(search.finalists(table)) == set(search.MEASURED)
    assert search.better_rates(table) == search.MEASURED
    varied = recipes.together(loaded("segmentation"), loaded("segmentation-recipes"))
    of_the_rival = recipes.first_scores(varied).loc[search.RIVAL]
    assert set(of_the_rival.nlargest(2).index) == set(search.RATES)


def test_every_study_is_in_the_catalogue_under_names_of_its_own():
    for study in studies.STUDIES.values():
        names = [definition.name for definition in study.definitions]
        assert len(set(names)) == len(names)


# Which model is stored ----------------------------------------------------------------------------


def run(name, seed, accuracy, parameters):
    return {
        "name": name, "seed": seed, "parameters": parameters,
        "metrics": {"validation_accuracy": accuracy},
    }  # fmt: skip


def test_the_best_network_by_its_mean_and_then_its_best_seed():
    runs = [
        run("lucky", 0, 0.99, 10), run("lucky", 1, 0.5, 10),
        run("steady", 0, 0.9, 20), run("steady", 1, 0.91, 20),
    ]  # fmt: skip
    assert (best_run(runs)["name"], best_run(runs)["seed"]) == ("steady", 1)


def test_of_equal_networks_the_smaller():
    large, small = run("large", 0, 0.9, 20), run("small", 0, 0.9, 10)
    assert best_run([large, small])["name"] == best_run([small, large])["name"] == "small"


# The baseline by hand -----------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
def test_numpy_computes_the_plain_network(depth, dilation):
    spec = EncoderDecoderSpec(
        depth=depth, width=3, norm="none", skip="none", inputs=2, classes=4, dilation=dilation
    )
    model = models.build(spec, seeds=(depth,)).double().eval()
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((2, 2, 16, 24)))
    with torch.no_grad():
        expected = model(x).numpy()
    np.testing.assert_allclose(scores_by_hand(model, x.numpy()), expected, rtol=0, atol=1e-12)


def test_a_network_with_more_than_plain_operations_is_refused():
    model = models.build(segmentation.REFERENCE)
    with pytest.raises(ValueError, match="norm is 'batch', expected 'none'"):
        scores_by_hand(model, np.zeros((1, 1, 8, 8)))
