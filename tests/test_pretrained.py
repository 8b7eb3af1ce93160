"""The studies of the pretrained encoder: who is compared with whom, on which photographs."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from tarea2 import datasets, paths, studies
from tarea2.datasets import Split
from tarea2.datasets.camvid_files import StreetScenes, frames
from tarea2.models import EfficientUnetSpec, efficientnet
from tarea2.studies import catalogue, pretrained

VIDEOS = [frame.name.partition("_")[0] for frame in frames() if frame.part == "train"]


def test_all_networks_have_one_recipe_but_for_the_rate_and_three_seeds_at_their_own():
    definitions = pretrained.DEFINITIONS
    assert len({d.name for d in definitions}) == len(definitions)
    recipes = {replace(d.recipe, lr=1.0) for d in definitions}
    assert len(recipes) == 1
    for name, spec in pretrained.NETWORKS.items():
        of = {d.recipe.lr: d for d in definitions if d.name.split("-lr-")[0] == name}
        assert set(of) == {*pretrained.RATES, *pretrained.FURTHER.get(name, ())}
        own = [rate for rate, d in of.items() if len(d.seeds) == 3]
        assert own == [pretrained.OWN[name]]
        assert all(replace(d.spec, inputs=spec.inputs) == spec for d in of.values())
        assert all(d.seeds[0] == 0 and d.spec.inputs == 3 for d in of.values())


def test_rates_are_tried_until_the_best_has_a_neighbour_on_each_side():
    scores = {}
    for rate in pretrained.RATES:
        assert pretrained.next_rate(scores) == rate
        scores[rate] = 0.5 - rate  # the smaller one is best
    assert pretrained.next_rate(scores) == 1e-3
    assert pretrained.next_rate(scores | {1e-3: 0.4}) is None
    assert pretrained.next_rate(scores | {1e-3: 0.6}) == 3e-4
    assert pretrained.next_rate(scores | {1e-2: 0.6}) == 3e-2
    assert pretrained.next_rate(scores | {1e-2: 0.6, 3e-2: 0.5}) is None
    every = {rate: rate for rate in pretrained.LADDER}
    assert pretrained.next_rate(every) is None  # there is no higher one


def test_each_network_has_its_seeds_at_the_rate_that_validation_prefers():
    runs = studies.load("camvid-pretrained")
    scores = pretrained.first_scores(runs)
    assert set(scores.index) == set(pretrained.NETWORKS)
    for name, rate in pretrained.OWN.items():
        tried = scores.loc[name].dropna().to_dict()
        assert max(tried, key=tried.get) == rate
        assert pretrained.next_rate(tried) is None
    own = pretrained.at_own_rates(runs)
    assert own.groupby("name")["seed"].apply(list).to_dict() == {
        name: [0, 1, 2] for name in pretrained.NETWORKS
    }


def test_a_frozen_encoder_keeps_the_first_kernels_of_imagenet():
    runs = pretrained.at_own_rates(studies.load("camvid-pretrained"))
    kept = {
        name: [m["first_filters"] for m in rows["metrics"]]
        for name, rows in runs.groupby("name")
        if isinstance(pretrained.NETWORKS[name], EfficientUnetSpec)
    }
    theirs = efficientnet.imagenet_weights()["stem.0.weight"].flatten()
    for kernels in kept["frozen"]:
        assert torch.allclose(torch.tensor(kernels), theirs, atol=1e-5)
    for name in ("pretrained", "drawn"):
        for kernels in kept[name]:
            assert not torch.allclose(torch.tensor(kernels), theirs, atol=1e-2)


def test_the_encoders_differ_in_one_thing_each():
    specs = pretrained.NETWORKS
    whole = specs["pretrained"]
    assert whole == EfficientUnetSpec(weights="imagenet", encoder_rate=1)
    assert specs["drawn"] == replace(whole, weights="drawn")
    assert specs["frozen"] == replace(whole, encoder_rate=0)
    assert 0 < specs["pretrained-slower"].encoder_rate < 1
    assert specs["pretrained-slower"] == replace(whole, encoder_rate=0.1)


def test_frames_are_spread_over_each_video_by_hand():
    assert pretrained.spread_order(["a"] * 8) == [0, 4, 2, 6, 1, 5, 3, 7]
    # Of every three frames one is of the shorter video.
    order = pretrained.spread_order(["a"] * 2 + ["b"] * 4)
    assert sorted(order) == list(range(6))
    assert [index < 2 for index in order] == [False, True, False, False, True, False]
    assert pretrained.spread_order(["a"]) == [0]


@pytest.mark.parametrize("amount", pretrained.AMOUNTS)
def test_few_photographs_are_of_all_videos_and_no_neighbours(amount):
    chosen = pretrained.spread_order(VIDEOS)[:amount]
    assert len(set(chosen)) == amount
    for video in set(VIDEOS):
        places = sorted(index for index in chosen if VIDEOS[index] == video)
        share = amount * VIDEOS.count(video) / len(VIDEOS)
        assert abs(len(places) - share) <= 1
        # At least half as far from each other as if they were spread evenly.
        apart = min((b - a for a, b in pairwise(places)), default=len(VIDEOS))
        assert apart >= len(VIDEOS) // amount // 2


@pytest.fixture
def photographs(monkeypatch):
    """Images of 4×4 in place of CamVid's, each with its number in it."""
    numbers = torch.arange(len(VIDEOS), dtype=torch.int16)[:, None, None, None]
    x = numbers.expand(-1, 3, 4, 4).contiguous()
    split = Split(x, x[:, 0].long() % 11)
    whole = StreetScenes("camvid", 11, split, split, split)
    monkeypatch.setattr(datasets, "camvid", lambda: whole)
    pretrained.some_photographs.cache_clear()
    yield whole
    pretrained.some_photographs.cache_clear()


def test_amounts_are_nested_and_validation_and_test_stay(photographs):
    before: set[int] = set()
    for amount in pretrained.AMOUNTS:
        few = pretrained.some_photographs(amount)
        held = set(few.train.x[:, 0, 0, 0].tolist())
        assert len(held) == len(few.train) == amount
        assert before < held
        before = held
        assert few.validation is photographs.validation
        assert few.test is photographs.test
        assert not few.background
        assert not few.shareable
        assert "legend" in few.described()
        assert torch.equal(few.train.x[:, 0].long() % 11, few.train.y)
    assert few.sha256 != photographs.sha256


def test_few_photographs_are_trained_on_for_as_many_steps(photographs):
    usual = pretrained.RECIPE.epochs * -(-len(VIDEOS) // pretrained.RECIPE.batch_size)
    for definition in pretrained.AMOUNT_DEFINITIONS:
        amount = int(definition.name.rpartition("-")[2])
        assert len(definition.data().train) == amount
        steps = definition.recipe.epochs * -(-amount // definition.recipe.batch_size)
        assert abs(steps - usual) <= 0.01 * usual
        name = definition.name.rpartition("-")[0]
        spec = pretrained.NETWORKS[name]
        assert definition.recipe.lr == pretrained.OWN[name]
        assert definition.spec.classes == 11
        assert replace(definition.spec, inputs=spec.inputs) == spec


def test_studies_without_runs_can_be_trained_and_are_read_by_nobody():
    assert not set(catalogue.WITHOUT_RUNS) & set(studies.STUDIES)
    for name, study in catalogue.WITHOUT_RUNS.items():
        assert studies.find(name) is study
        # Once runs of it are stored it belongs to the others, which `tarea2 verify` checks.
        assert not (paths.RESULTS / name).exists()


def test_a_part_of_a_data_set_is_here_where_the_whole_is():
    for amount in pretrained.AMOUNTS:
        assert datasets.is_here(f"camvid-{amount}") == datasets.camvid_is_here()
    assert datasets.is_here("mnist1d-first-100")
