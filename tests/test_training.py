"""The training loop: it learns, it repeats, and it survives being killed."""

import multiprocessing
import random
import time
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import torch

from tarea2 import datasets, losses, training
from tarea2.augmentation import AUGMENTATIONS
from tarea2.datasets import Split
from tarea2.evaluation import predict
from tarea2.models import DigitNetSpec, PerceptronSpec, SignalNetSpec, build
from tarea2.models.building import INITS
from tarea2.precision import PRECISIONS
from tarea2.training import Recipe, Trained, fit

SMALL = Recipe(epochs=3, batch_size=50, lr=0.05, momentum=0.9, schedule="step", step_epochs=2)


@pytest.fixture(scope="module")
def signals():
    """A small part of MNIST-1D."""
    data = datasets.mnist1d()

    def cut(split, n):
        return datasets.Split(split.x[:n], split.y[:n])

    return datasets.Dataset(
        "part", 10, cut(data.train, 430), cut(data.validation, 100), cut(data.test, 100)
    )


@pytest.fixture(scope="module")
def images():
    split = datasets.digits_like_mnist()

    def cut(a, b):
        return datasets.Split(split.x[a:b], split.y[a:b])

    return datasets.Dataset("part", 10, cut(0, 200), cut(200, 260), cut(260, 320))


def weights(trained: Trained) -> list[torch.Tensor]:
    return [p.detach() for p in trained.model.parameters()]


@pytest.mark.parametrize("spec", [SignalNetSpec(), PerceptronSpec()])
def test_a_network_learns_32_signals_by_heart(signals, spec):
    few = datasets.Split(signals.train.x[:32], signals.train.y[:32])
    data = datasets.Dataset("few", 10, few, few, few)
    trained = fit(spec, data, Recipe(150, 32, 0.05, momentum=0.9))
    assert trained.history["train"]["error"][0][-1] == 0


def test_the_digit_net_learns_32_digits_by_heart(images):
    few = datasets.Split(images.train.x[:32], images.train.y[:32])
    data = datasets.Dataset("few", 10, few, few, few)
    trained = fit(DigitNetSpec(), data, Recipe(120, 16, 0.05, momentum=0.5))
    assert trained.history["train"]["error"][0][-1] == 0


@pytest.mark.parametrize("spec", [SignalNetSpec(), DigitNetSpec()])
def test_the_same_seed_gives_the_same_weights(signals, images, spec):
    data = images if isinstance(spec, DigitNetSpec) else signals
    first, second = fit(spec, data, SMALL, (4,)), fit(spec, data, SMALL, (4,))
    assert all(map(torch.equal, weights(first), weights(second)))
    assert first.history == second.history
    other = fit(spec, data, SMALL, (5,))
    assert not torch.equal(weights(first)[0], weights(other)[0])


def test_global_random_numbers_are_neither_used_nor_changed(images):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = fit(DigitNetSpec(), images, SMALL)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    assert all(map(torch.equal, weights(first), weights(fit(DigitNetSpec(), images, SMALL))))


def test_seeds_trained_together_are_those_trained_alone(signals):
    together = fit(SignalNetSpec(), signals, SMALL, (0, 1, 2))
    for place, seed in enumerate((0, 1, 2)):
        alone = fit(SignalNetSpec(), signals, SMALL, (seed,))
        for ours, theirs in zip(
            together.model.member(place).parameters(), alone.model.parameters(), strict=True
        ):
            # Batched products add in another order, so the last digits may differ.
            torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)
        for split in ("train", "validation"):
            errors = together.history[split]["error"][place], alone.history[split]["error"][0]
            assert errors[0] == pytest.approx(errors[1], abs=0.011)


def test_a_train_step_is_what_pytorch_s_own_loop_does(signals):
    """One epoch of one seed, replayed with torch.optim on an ordinary loop."""
    recipe = replace(SMALL, epochs=1)
    trained = fit(PerceptronSpec(), signals, recipe, (3,))
    model = build(PerceptronSpec(), (3,), recipe.init)
    optimiser = torch.optim.SGD(model.parameters(), lr=recipe.lr, momentum=recipe.momentum)
    order = torch.randperm(430, generator=torch.Generator().manual_seed(10_003))
    for chosen in order.split(recipe.batch_size):
        optimiser.zero_grad()
        scores = model(signals.train.x[chosen][None])[0]
        torch.nn.functional.cross_entropy(scores, signals.train.y[chosen]).backward()
        optimiser.step()
    for ours, theirs in zip(trained.model.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-5)


def test_history_starts_before_training_and_has_all_evaluated_splits(signals):
    trained = fit(SignalNetSpec(), signals, SMALL, (0, 1), eval_splits=("train", "test"))
    assert set(trained.history) == {"train", "test"}
    for kept in trained.history.values():
        assert [len(line) for line in kept["error"]] == [4, 4]
        assert kept["error"][0][0] > 0.7
    scores = predict(trained.model, signals.test.x)
    error = (scores.argmax(2) != signals.test.y).float().mean(1)
    assert trained.history["test"]["error"][0][-1] == pytest.approx(float(error[0]))


def test_an_empty_split_is_not_evaluated(signals):
    empty = datasets.Split(signals.validation.x[:0], signals.validation.y[:0])
    data = datasets.Dataset("whole", 10, signals.train, empty, signals.test)
    assert set(fit(PerceptronSpec(), data, replace(SMALL, epochs=1)).history) == {"train"}


def test_the_rate_falls_as_the_schedule_says():
    rates = [training.learning_rate(SMALL, step, 10) for step in (0, 19, 20, 39, 40)]
    assert rates == pytest.approx([0.05, 0.05, 0.025, 0.025, 0.0125])
    with pytest.raises(ValueError, match="schedule is 'steep'"):
        training.learning_rate(replace(SMALL, schedule="steep"), 0, 10)


@pytest.mark.parametrize(("epochs", "steps"), [(12, 125), (3, 7)])
def test_schedules_along_cosines_are_those_of_pytorch(epochs, steps):
    recipe = replace(SMALL, epochs=epochs, lr=0.003)
    total = epochs * steps
    for schedule, reference in (
        ("one-cycle", {"name": "OneCycleLR", "max_lr": 0.003, "total_steps": total}),
        ("cosine", {"name": "CosineAnnealingLR", "T_max": total - 1}),
    ):
        optimiser = torch.optim.AdamW([torch.zeros(1, requires_grad=True)], 0.003)
        scheduler = getattr(torch.optim.lr_scheduler, reference.pop("name"))(optimiser, **reference)
        for step in range(total):
            expected = optimiser.param_groups[0]["lr"]
            found = training.learning_rate(replace(recipe, schedule=schedule), step, steps)
            assert found == pytest.approx(expected, rel=1e-6, abs=1e-9)
            optimiser.step()
            scheduler.step() if step < total - 1 else None


@pytest.mark.parametrize("schedule", training.SCHEDULES)
@pytest.mark.parametrize("steps", [1, 2, 3, 10])
def test_a_schedule_of_few_steps_has_rates(schedule, steps):
    recipe = replace(SMALL, epochs=1, schedule=schedule)
    rates = [training.learning_rate(recipe, step, steps) for step in range(steps)]
    assert all(0 <= rate <= recipe.lr for rate in rates)
    if schedule != "one-cycle":  # which begins low
        assert rates[0] == recipe.lr


@pytest.mark.parametrize(
    ("field", "registry"),
    [
        ("optimiser", training.OPTIMISERS),
        ("schedule", training.SCHEDULES),
        ("init", INITS),
        ("loss", losses.LOSSES),
        ("class_weights", losses.CLASS_WEIGHTS),
        ("overlap", losses.REGION_LOSSES),
        ("precision", PRECISIONS),
    ],
)
def test_a_recipe_takes_the_names_of_the_registries_and_no_others(field, registry):
    for name in registry:
        assert getattr(replace(SMALL, **{field: name}), field) == name
    with pytest.raises(
        ValueError, match=f"^{field} is 'x', expected one of {', '.join(registry)}$"
    ):
        replace(SMALL, **{field: "x"})


def test_a_recipe_takes_known_augmentations():
    assert replace(SMALL, augment=tuple(AUGMENTATIONS)).augment == tuple(AUGMENTATIONS)
    with pytest.raises(ValueError, match="augment has x, y, expected some of flip, scale, colour"):
        replace(SMALL, augment=("y", "flip", "x"))


def test_a_wrong_optimiser_is_refused(signals):
    with pytest.raises(ValueError, match="optimiser is 'sdg', expected"):
        fit(SignalNetSpec(), signals, replace(SMALL, optimiser="sdg"))


# Interruption -----------------------------------------------------------------------------------


class Stopped(Exception):
    pass


@pytest.mark.parametrize("spec", [SignalNetSpec(), DigitNetSpec()])
@pytest.mark.parametrize("after", [1, 2])
def test_a_stopped_run_goes_on_bit_for_bit(signals, images, tmp_path, spec, after):
    data = images if isinstance(spec, DigitNetSpec) else signals
    seeds = (0,) if isinstance(spec, DigitNetSpec) else (0, 1)
    checkpoint = tmp_path / "run.checkpoint"

    def stop(epoch):
        if epoch == after:
            raise Stopped

    with pytest.raises(Stopped):
        fit(spec, data, SMALL, seeds, checkpoint=checkpoint, after_epoch=stop)
    done = []
    resumed = fit(spec, data, SMALL, seeds, checkpoint=checkpoint, after_epoch=done.append)
    assert done == list(range(after + 1, 4))
    whole = fit(spec, data, SMALL, seeds)
    assert all(map(torch.equal, weights(resumed), weights(whole)))
    assert resumed.history == whole.history
    assert not checkpoint.exists()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", None])
def test_a_checkpoint_of_another_run_or_a_damaged_one_is_not_used(signals, tmp_path, content):
    checkpoint = tmp_path / "run.checkpoint"

    def stop(epoch):
        raise Stopped

    with pytest.raises(Stopped):
        fit(SignalNetSpec(), signals, SMALL, (9,), checkpoint=checkpoint, after_epoch=stop)
    if content is not None:
        checkpoint.write_bytes(content)
    done = []
    fit(SignalNetSpec(), signals, SMALL, (0,), checkpoint=checkpoint, after_epoch=done.append)
    assert done == [1, 2, 3]


# Processes that have PyTorch loaded already, where a system can fork; else new ones.
METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
PROCESSES = multiprocessing.get_context(METHOD)


def train_in(folder: Path, epochs: Connection) -> None:
    """What the process does that is killed; each finished epoch is sent."""
    torch.set_num_threads(1)
    split = datasets.digits_like_mnist()
    parts = (Split(split.x[a:b], split.y[a:b]) for a, b in ((0, 150), (150, 200), (200, 250)))
    trained = fit(
        DigitNetSpec(), datasets.Dataset("part", 10, *parts), Recipe(80, 16, 0.02, momentum=0.9),
        (0,), checkpoint=folder / "run.checkpoint", eval_splits=("validation",),
        after_epoch=epochs.send,
    )  # fmt: skip
    torch.save(trained.model.state_dict(), folder / "final.pt")


def start(folder: Path) -> tuple[BaseProcess, Connection]:
    folder.mkdir(exist_ok=True)
    ours, theirs = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=train_in, args=(folder, theirs))
    process.start()
    theirs.close()  # only the process holds it now: when it dies, reading ends
    return process, ours


@pytest.mark.install
def test_killed_ten_times_a_run_ends_with_the_same_weights(tmp_path):
    if METHOD == "forkserver":
        PROCESSES.set_forkserver_preload([__name__, "torch"])
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    reference, _unread = start(whole)
    moments = random.Random(0)
    progressed = 0
    for _ in range(10):
        process, epochs = start(killed)
        # After some epochs, and then anywhere inside one: also while a checkpoint is written.
        for _ in range(moments.randint(1, 3)):
            progressed = max(progressed, epochs.recv())
        time.sleep(moments.uniform(0, 0.05))
        process.kill()
        process.join()
    assert not (killed / "final.pt").exists()
    assert progressed > 10  # each run went on where the last one stopped
    last, _read = start(killed)
    for process in (last, reference):
        process.join()
        assert process.exitcode == 0
    first, second = (torch.load(f / "final.pt", weights_only=True) for f in (whole, killed))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
