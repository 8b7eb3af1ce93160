"""Trainings that are recorded to be watched: masks after each epoch, packed as a picture."""

from dataclasses import replace

import numpy as np
import pytest

from tarea2 import datasets, metrics, paths, results
from tarea2.evaluation import predict
from tarea2.studies import recipes, replay, segmentation
from tarea2.training import fit

TINY = replace(segmentation.CHECK[0], recipe=replace(segmentation.RECIPE, epochs=2))


def test_masks_are_packed_without_loss():
    masks = np.random.default_rng(0).integers(0, 16, (3, 4, 48, 48))
    np.testing.assert_array_equal(replay.unpacked(replay.packed(masks)), masks)


def test_digits_are_found_from_the_last_epoch_on_that_falls_short():
    truth = np.zeros((1, 2, 4), dtype=int)
    truth[0, 0] = 3
    seen = {
        "none": truth * 0,
        "half": truth * [1, 1, 0, 0],
        "all": truth,
        "one": truth * [1, 0, 0, 0],
    }

    def found(*names):
        return replay.epoch_that_finds(np.array([seen[name] for name in names]), truth)

    np.testing.assert_allclose(
        replay.where_after_epochs(np.array([seen[n] for n in seen]), truth), [0, 0.5, 1, 0.25]
    )
    assert found("none", "all", "one", "half", "all") == 3
    assert found("all", "half") == 0
    assert found("all", "none") is None


def test_a_training_is_recorded_as_it_goes():
    scenes = (2, 5)
    kept = replay.record(TINY, scenes)
    masks = replay.unpacked(kept["masks"])
    assert masks.shape == (3, 2, 48, 48)
    with metrics.one_thread():
        trained = fit(
            TINY.spec, TINY.data(), TINY.recipe, (replay.SEED,), eval_splits=("validation",),
            device="cpu",
        )  # fmt: skip
    x = TINY.data().validation.x[list(scenes)]
    np.testing.assert_array_equal(masks[-1], predict(trained.model, x)[0].argmax(1))
    assert (masks[0] != masks[-1]).any()
    np.testing.assert_allclose(kept["miou"], trained.history["validation"]["miou"][0], rtol=1e-5)


def test_only_what_is_not_recorded_trains(monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "RESULTS", tmp_path)
    (tmp_path / "measures").mkdir()
    trained = []

    def record(definition):
        trained.append(definition.name)
        if len(trained) == 3:
            raise KeyboardInterrupt
        return {"key": definition.key(), "miou": [0.0], "masks": ""}

    monkeypatch.setattr(replay, "record", record)
    with pytest.raises(KeyboardInterrupt):
        replay.store()
    assert list(replay.load()["networks"]) == list(replay.RUNS[:2])
    replay.store()
    assert trained == [*replay.RUNS[:3], *replay.RUNS[2:]]
    assert list(replay.load()["networks"]) == list(replay.RUNS)
    replay.store()
    assert len(trained) == len(replay.RUNS) + 1


def test_the_stored_trainings_are_the_studies():
    stored, truth = replay.load(), replay.scenes().y.numpy()
    assert stored["seed"] == replay.SEED
    assert stored["scenes"] == list(replay.SCENES)
    assert list(stored["networks"]) == list(replay.RUNS)
    for definition in replay.definitions():
        kept = stored["networks"][definition.name]
        study = "segmentation" if definition in segmentation.DEFINITIONS else "segmentation-recipes"
        run = results.read(results.path_of(study, definition.name, replay.SEED))
        assert kept["key"] == definition.key() == run["key"]
        masks = replay.unpacked(kept["masks"])
        assert masks.shape == (definition.recipe.epochs + 1, *truth.shape)
        # Another machine rounds otherwise: the same course, not the same bits.
        curve = run["history"]["validation"]["miou"]
        assert len(kept["miou"]) == len(curve)
        assert kept["miou"][-1] == pytest.approx(curve[-1], abs=0.04)
    rates = {definition.name: definition.recipe.lr for definition in replay.definitions()}
    for network in ("width-8", "reference"):  # shown at the common rate and at their own
        own = [name for name in replay.RUNS if name.startswith(f"{network}-lr-")]
        assert [rates[name] for name in own] == list(recipes.MEASURED[network])
        assert network in replay.RUNS
    assert "wide-slow-lr-0.1" in replay.RUNS  # the best of ours


def test_the_scenes_are_the_first_of_validation():
    whole = datasets.digit_scenes().validation
    few = replay.scenes()
    np.testing.assert_array_equal(few.x, whole.x[list(replay.SCENES)])
    np.testing.assert_array_equal(few.y, whole.y[list(replay.SCENES)])
