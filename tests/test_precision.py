"""Training in bfloat16: what runs in it, what does not, what is stored, and when it is chosen."""

import json
from dataclasses import replace
from functools import partial

import pandas as pd
import pytest
import torch
from torch import nn

from tarea2 import datasets, precision, records, studies
from tarea2.losses import ClassLoss
from tarea2.models import AutoencoderSpec, EncoderDecoderSpec, SignalNetSpec, build
from tarea2.studies import precision as study
from tarea2.studies import recipes, segmentation
from tarea2.training import Recipe, fit, optimiser_for, train_step

TINY = EncoderDecoderSpec(depth=1, width=4, convolutions=1)
RECIPE = replace(segmentation.RECIPE, epochs=3, batch_size=16, precision="bfloat16")
# On a GPU where there is one.
DEVICES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


@pytest.fixture(scope="module")
def scenes():
    return datasets.digit_scenes(counts=(48, 16, 16))


def types(model) -> dict[tuple[bool, type], set[torch.dtype]]:
    """Of what layers give from now on: by whether the network is training, and by layer."""
    found: dict[tuple[bool, type], set[torch.dtype]] = {}

    def note(layer, inputs, output):
        found.setdefault((layer.training, type(layer)), set()).add(output.dtype)

    for layer in model.modules():
        layer.register_forward_hook(note)
    return found


# What runs in it ----------------------------------------------------------------------------------


@pytest.mark.parametrize("device", DEVICES)
def test_convolutions_run_in_bfloat16_and_all_that_lasts_in_float32(scenes, device):
    model = build(TINY).to(device).train()
    seen = types(model)
    x = torch.rand(1, 8, 1, 48, 48, device=device)
    y = scenes.train.y[None, :8].to(device)
    optimiser = optimiser_for(model, RECIPE)
    heard = []

    class Heard(ClassLoss):
        def __call__(self, scores, y):
            loss = super().__call__(scores, y)
            heard.extend((scores.dtype, loss.dtype, torch.is_autocast_enabled(device)))
            return loss

    train_step(model, x, y, optimiser, Heard(), "bfloat16")
    assert seen[True, nn.Conv2d] == {torch.bfloat16}
    assert heard == [torch.float32, torch.float32, False]
    lasting = [*model.state_dict().values(), *(p.grad for p in model.parameters())]
    lasting += [v for state in optimiser.state.values() for v in state.values()]
    assert {v.dtype for v in lasting if v.is_floating_point()} == {torch.float32}


def test_statistics_of_a_normalisation_are_sums_in_float32():
    """A mean of values near 1000 that bfloat16 itself, in steps of 4, could not hold."""
    norm = nn.BatchNorm2d(1, momentum=1.0).train()
    x = (1000 + torch.randint(-8, 8, (64, 1, 16, 16)) * 4.0).bfloat16()
    with precision.autocast("bfloat16", x.device):
        norm(x)
    assert norm.running_mean.dtype == torch.float32
    assert norm.running_mean.item() == pytest.approx(x.double().mean().item(), abs=0.01)


def test_a_network_is_evaluated_in_float32(scenes, monkeypatch):
    seen = {}

    def noted(*arguments):
        model = build(*arguments)
        seen.update(found=types(model))
        return model

    monkeypatch.setattr("tarea2.training.loop.build", noted)
    fit(TINY, scenes, replace(RECIPE, epochs=1), device="cpu")
    assert seen["found"][True, nn.Conv2d] == {torch.bfloat16}
    assert seen["found"][False, nn.Conv2d] == {torch.float32}


def test_it_learns_as_float32_does_but_not_to_the_bit(scenes):
    losses = {
        name: fit(TINY, scenes, replace(RECIPE, precision=name), device="cpu").history
        for name in precision.PRECISIONS
    }
    half, single = (losses[name]["train"]["loss"][0] for name in ("bfloat16", "float32"))
    assert half[0] == single[0]  # the same initial weights, measured alike
    assert half[-1] != single[-1]
    assert half[-1] == pytest.approx(single[-1], rel=0.05)


@pytest.mark.parametrize("spec", [TINY, replace(TINY, norm="group"), replace(TINY, norm="none")])
@pytest.mark.parametrize("device", DEVICES)
def test_a_stopped_run_goes_on_bit_for_bit(scenes, tmp_path, spec, device):
    checkpoint = tmp_path / "run.checkpoint"

    def stop(epoch):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(spec, scenes, RECIPE, checkpoint=checkpoint, after_epoch=stop, device=device)
    done = []
    resumed = fit(
        spec, scenes, RECIPE, checkpoint=checkpoint, after_epoch=done.append, device=device
    )
    whole = fit(spec, scenes, RECIPE, device=device)
    assert done == [2, 3]
    weights = (run.model.state_dict().values() for run in (resumed, whole))
    assert all(map(torch.equal, *weights))
    assert resumed.history == whole.history


def test_seeds_together_train_in_it_too():
    data = datasets.mnist1d()
    few = datasets.Split(data.train.x[:100], data.train.y[:100])
    recipe = Recipe(1, 50, 0.05, precision="bfloat16")
    both = fit(SignalNetSpec(), replace(data, train=few), recipe, (0, 1), device="cpu")
    assert all(p.dtype == torch.float32 and p.isfinite().all() for p in both.model.parameters())


def test_a_network_with_an_objective_of_its_own_trains_in_float32_alone():
    with pytest.raises(ValueError, match=r"Autoencoder has an objective of its own.* is bfloat16"):
        fit(AutoencoderSpec(2), datasets.digits(), Recipe(1, 50, 0.1, precision="bfloat16"))


# What is stored -----------------------------------------------------------------------------------


def test_float32_is_not_told_so_that_what_was_stored_keeps_its_digest():
    single = replace(RECIPE, precision="float32")
    assert "precision" not in records.describe(single)[1]
    assert records.describe(RECIPE)[1] == records.describe(single)[1] | {"precision": "bfloat16"}


# When it is chosen --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"amx_bf16": True, "avx512_bf16": True}, ("bfloat16", "the processor has amx_bf16")),
        ({"avx512_bf16": True}, ("bfloat16", "the processor has avx512_bf16")),
        ({"amx_bf16": False, "avx512_f": True}, ("float32", "the processor has none of amx_bf16,")),
        ({}, ("float32", "the processor has none of")),
    ],
)
def test_a_processor_trains_in_it_that_multiplies_it(monkeypatch, told, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: told)
    chosen, why = precision.advised(torch.device("cpu"))
    assert chosen == expected[0]
    assert why.startswith(expected[1])


@pytest.mark.parametrize(
    ("capability", "expected"),
    [((7, 5), "float32"), ((8, 0), "bfloat16"), ((8, 6), "bfloat16"), ((9, 0), "bfloat16")],
)
def test_a_gpu_trains_in_it_from_ampere_on(monkeypatch, capability, expected):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "X")
    chosen, why = precision.advised(torch.device("cuda"))
    units = "units" if expected == "bfloat16" else "no units"
    assert (chosen, why) == (expected, f"X has {units} for bfloat16")


def test_what_was_not_measured_trains_in_float32():
    assert precision.advised(torch.device("mps"))[0] == "float32"


@pytest.fixture
def train(train_images):
    return partial(train_images, "--only", "baseline", "--epochs", 2, "--lr", 0.003)


def has(monkeypatch, *instructions):
    """Let this machine be one that is trained on without a GPU, with these instructions."""
    monkeypatch.setattr("tarea2.own.study.device_for", lambda name: torch.device("cpu"))
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: dict.fromkeys(instructions, True))


def trained_in(tmp_path) -> set[str]:
    """What run, study and model say of the precision."""
    files = ("results/a/baseline-seed0.json", "studies/a.json", "models/a.json")
    stored = [json.loads((tmp_path / "store" / name).read_text()) for name in files]
    return {content["recipe"].get("precision", "float32") for content in stored}


@pytest.mark.parametrize(
    ("instructions", "options", "said", "stored"),
    [
        (["amx_bf16"], (), "precision bfloat16, the processor has amx_bf16", "bfloat16"),
        (["avx2"], (), "precision float32, the processor has none of", "float32"),
        (["amx_bf16"], ("--precision", "float32"), "precision float32, as asked for", "float32"),
        (["avx2"], ("--precision", "bfloat16"), "precision bfloat16, as asked for", "bfloat16"),
    ],
)
def test_what_is_chosen_is_said_and_stored(
    train, tmp_path, monkeypatch, instructions, options, said, stored
):
    has(monkeypatch, *instructions)
    assert said in train(*options)
    assert trained_in(tmp_path) == {stored}


@pytest.mark.parametrize(("first", "then"), [("amx_bf16", "avx2"), ("avx2", "amx_bf16")])
def test_a_study_goes_on_as_it_was_trained_on_whatever_machine(
    train, tmp_path, monkeypatch, first, then
):
    has(monkeypatch, first)
    train()
    before = trained_in(tmp_path)
    has(monkeypatch, then)
    assert f"precision {before.pop()}, as it was trained before" in train()


def test_another_precision_than_the_stored_one_is_not_mixed_with_it(train, tmp_path, monkeypatch):
    has(monkeypatch, "avx2")
    train()
    said = train("--precision", "bfloat16", code=1)
    assert "the recipe has other precision" in said
    assert "--force" in said
    assert trained_in(tmp_path) == {"float32"}
    train("--precision", "bfloat16", "--force")
    assert trained_in(tmp_path) == {"bfloat16"}
    assert "the recipe has other precision" in train("--precision", "float32", code=1)


def test_of_other_machines_nothing_is_known(tmp_path, train, monkeypatch):
    has(monkeypatch, "amx_bf16")
    said = train("--dry-run", "--backend", "dask", "--address", "tcp://localhost:1")
    assert "precision float32, what the machines that train are fastest with is not known" in said


# What the study of it shows -----------------------------------------------------------------------


def test_the_study_varies_the_precision_alone_at_rates_and_seeds_that_float32_has():
    runs = studies.load("segmentation-recipes")
    for definition in study.DEFINITIONS:
        (before,) = [d for d in recipes.DEFINITIONS if d.name == definition.name]
        assert replace(definition, recipe=before.recipe, seeds=before.seeds) == before
        assert replace(definition.recipe, precision="float32") == before.recipe
        rows = runs[runs["name"] == definition.name]
        assert set(definition.seeds) <= set(rows["seed"])


def test_pairs_are_of_equal_seeds_and_named_as_networks():
    single = [(name, seed, 0.5 + seed) for name in study.COMPARED for seed in (2, 0, 1)]
    half = [(name, seed, 0.5 + seed + 0.01 * place + (0.001 if seed else -0.001))
            for place, name in enumerate(study.COMPARED) for seed in (0, 2)]  # fmt: skip
    columns = ["name", "seed", "validation_miou"]
    found = study.pairs(*(pd.DataFrame(rows, columns=columns) for rows in (single, half)))
    assert found["name"].tolist() == [recipes.network_of(name) for name in study.COMPARED]
    differences = [0.01 * place for place in range(len(study.COMPARED))]
    assert found["difference"].tolist() == pytest.approx(differences, abs=1e-12)
    assert found["float32"].tolist() == pytest.approx([1.5] * len(study.COMPARED))
    # Two seeds: the mean and 12.7062 standard errors, of 0.001 each.
    half_width = (found["high"] - found["low"]) / 2
    assert half_width.tolist() == pytest.approx([0.0127062] * len(found), rel=1e-4)
    low, high = study.interval(found)
    assert low < sum(differences) / len(differences) < high
