"""CamVid: what is read and refused, how it is fetched, and what its studies train."""

import dataclasses
import functools
import hashlib
import http.server
import os
import shutil
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pooch
import pytest
import torch
from PIL import Image

from command import run_cli
from tarea2 import (
    datasets,
    evaluation,
    losses,
    metrics,
    models,
    paths,
    records,
    results,
    training,
)
from tarea2.datasets import IGNORED, DataError
from tarea2.datasets import camvid_files as scenes
from tarea2.models import EncoderDecoderSpec
from tarea2.studies import camvid as study
from tarea2.studies import camvid_analysis, find, load, running, segmentation
from tarea2.studies.claims import Scores
from tarea2.studies.definition import Definition, Study

SHARED = Path(os.environ.get("TAREA2_DATA_DIR", paths.ROOT.parent / "shared" / "data")) / "camvid"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def published(folder: Path, part: str, name: str, seed: int) -> scenes.Frame:
    """A frame as it is published, of drawn pixels."""
    generator = np.random.default_rng(seed)
    image = generator.integers(0, 256, (360, 480, 3), dtype=np.uint8)
    mask = np.repeat(np.arange(12, dtype=np.uint8), 30)[:, None].repeat(480, 1)  # void below
    for place, pixels_ in ((part, image), (f"{part}annot", mask)):
        (folder / place).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels_).save(folder / place / f"{name}.png")
    reduced = np.asarray(Image.fromarray(image).reduce(3))
    files = [(folder / place / f"{name}.png").read_bytes() for place in (part, f"{part}annot")]
    return scenes.Frame(part, name, (*map(digest, files), digest(reduced.tobytes())))


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A server's folder with four frames that are taken for the whole of CamVid."""
    server = tmp_path / "server"
    parts = ("train", "train", "val", "test")
    listed = tuple(published(server, part, f"frame {k}", k) for k, part in enumerate(parts))
    monkeypatch.setattr(scenes, "frames", lambda: listed)
    monkeypatch.setattr(pooch.core, "time", SimpleNamespace(sleep=lambda seconds: None))
    monkeypatch.setattr(scenes, "SOURCE", "http://127.0.0.1:9/")  # no test asks the network
    monkeypatch.setattr(paths, "RAW", tmp_path / "raw with space")
    monkeypatch.delenv("TAREA2_DATA_DIR", raising=False)
    datasets.camvid.cache_clear()
    yield server
    datasets.camvid.cache_clear()


class Server:
    """Serves a folder; ``spoil`` changes the first answers for a path."""

    def __init__(self, folder, spoil=None):
        spoil, self.asked = spoil or {}, []
        outer = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                answers = spoil.get(self.path.replace("%20", " "))
                if answers:
                    status, body = answers.pop(0)
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                    return
                super().do_GET()

            def log_message(self, *_):
                pass

        handler = functools.partial(Handler, directory=str(folder))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}/"


def test_what_is_fetched_is_reduced_and_read(small, monkeypatch, capsys):
    monkeypatch.setattr(scenes, "SOURCE", Server(small).address)
    assert not datasets.camvid_is_here()
    assert run_cli(monkeypatch, "data", "camvid") == 0
    assert "camvid   train 2, validation 1, test 1" in capsys.readouterr().out
    data = datasets.camvid()
    assert data.train.x.shape == (2, 3, 120, 160)
    assert data.train.x.dtype == data.train.y.dtype == torch.uint8
    original = np.asarray(Image.open(small / "train" / "frame 0.png")).astype(float)
    means = original.reshape(120, 3, 160, 3, 3).mean((1, 3))
    assert np.abs(data.train.x[0].numpy().transpose(1, 2, 0) - means).max() < 0.6  # rounded
    assert data.train.y[0, :, 0].tolist() == np.repeat([*range(11), IGNORED], 10).tolist()
    assert data.test.full_size_masks[0].shape == (360, 480)
    assert set(data.test.full_size_masks[0].unique().tolist()) == {*range(11), IGNORED}
    assert not data.background


def test_it_goes_on_where_it_stopped(small, monkeypatch):
    server = Server(small, {"/val/frame 2.png": [(404, b"")] * scenes.ATTEMPTS})
    monkeypatch.setattr(scenes, "SOURCE", server.address)
    with pytest.raises(DataError, match=r"val/frame 2.png could not be downloaded in 3 attempts"):
        datasets.fetch_camvid()
    folder = paths.RAW / "camvid"
    kept = [path.relative_to(folder).as_posix() for path in folder.rglob("*.png")]
    assert "val/frame 2.png" not in kept
    assert not list(folder.rglob("*.part"))
    server.asked.clear()
    datasets.fetch_camvid()
    asked = {path.replace("%20", " ").lstrip("/") for path in server.asked}
    assert asked.isdisjoint(kept)
    assert len(datasets.camvid().train) == 2
    server.asked.clear()
    datasets.fetch_camvid()
    assert not server.asked


@pytest.mark.parametrize(
    "answer",
    [(500, b"busy"), (200, b"<html>log in</html>"), (200, b""), (200, b"PNG")],
)
def test_a_wrong_answer_is_asked_again(small, monkeypatch, answer):
    server = Server(small, {"/train/frame 0.png": [answer] * 2})
    monkeypatch.setattr(scenes, "SOURCE", server.address)
    datasets.fetch_camvid()
    assert len(datasets.camvid().test) == 1


def test_files_that_are_fetched_side_by_side_find_their_folder(small, monkeypatch):
    """Pooch would make it in two steps, between which another thread may have made it."""
    real, absent = pooch.core.make_local_storage, []

    def looking(path, *arguments, **options):
        absent.extend([] if Path(path).is_dir() else [path])
        return real(path, *arguments, **options)

    monkeypatch.setattr(pooch.core, "make_local_storage", looking)
    monkeypatch.setattr(scenes, "SOURCE", Server(small).address)
    datasets.fetch_camvid()
    assert len(datasets.camvid().test) == 1
    assert not absent


def test_without_network_one_sentence_says_what_to_do(small, monkeypatch, capsys):
    assert run_cli(monkeypatch, "data", "camvid") == 1
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert line.startswith("tarea2: CamVid's train")
    assert "check the network and run `tarea2 data camvid` again" in line
    with pytest.raises(DataError, match="run `tarea2 data camvid`, or set TAREA2_DATA_DIR"):
        datasets.camvid()
    assert run_cli(monkeypatch, "data", "camwid") == 1
    assert "there are: mnist1d, digits, mnist, camvid" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_not_the_networks_fault(small, monkeypatch):
    monkeypatch.setattr(scenes, "SOURCE", Server(small).address)
    paths.RAW.write_text("a file where the folder should be")
    with pytest.raises(DataError, match="camvid cannot be written"):
        datasets.fetch_camvid()


@pytest.mark.parametrize("name", ["train/frame 1.png", "testannot/frame 3.png"])
@pytest.mark.parametrize("damage", ["cut", "other"])
def test_a_damaged_file_is_named(small, tmp_path, monkeypatch, name, damage):
    mine = tmp_path / "mine"
    shutil.copytree(small, mine / "camvid")  # as published: images of 360×480
    monkeypatch.setenv("TAREA2_DATA_DIR", str(mine))
    assert len(datasets.camvid().train) == 2
    datasets.camvid.cache_clear()
    path = mine / "camvid" / name
    content = path.read_bytes()
    changed = Image.open(path)
    changed.putpixel((1, 1), 9 if changed.mode == "L" else (255, 0, 255))
    changed.save(path)
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=f"{name} is damaged, replace it"):
        datasets.camvid()
    assert path.exists()
    shutil.copytree(mine / "camvid", paths.RAW / "camvid")
    with pytest.raises(DataError, match="has been removed, run `tarea2 data camvid`"):
        datasets.camvid()
    assert not (paths.RAW / "camvid" / name).exists()


def test_pillow_rounds_five_ninths_down_as_the_digests_have_it():
    nine = np.zeros((3, 3), np.uint8)
    nine[0, 0] = 5
    assert np.asarray(Image.fromarray(nine).reduce(3)).tolist() == [[0]]
    nine[0, 0] = 6
    assert np.asarray(Image.fromarray(nine).reduce(3)).tolist() == [[1]]


def test_a_pillow_that_reduces_otherwise_damages_nothing(small, monkeypatch):
    shutil.copytree(small, paths.RAW / "camvid")  # as published: images of 360×480
    real = scenes._pixels
    monkeypatch.setattr(scenes, "_pixels", lambda content: real(content) ^ 1)
    before = sorted((paths.RAW / "camvid").rglob("*"))
    with pytest.raises(DataError, match=r"frame 0\.png is reduced to other pixels by this version"):
        datasets.camvid()
    assert sorted((paths.RAW / "camvid").rglob("*")) == before


def test_the_list_of_frames_is_the_published_split():
    frames = scenes.frames()
    assert [sum(f.part == part for f in frames) for part in scenes.PARTS] == [367, 101, 233]
    assert len({f.name for f in frames}) == 701
    assert all(len(digest) == 16 for f in frames for digest in f.digests)


def test_the_reduction_is_that_of_the_published_images():
    """Nine originals, where they are, become what the studies read."""
    frames = {frame.image: frame for frame in scenes.frames()}
    originals = [p for part in scenes.PARTS for p in sorted((SHARED / "original" / part).glob("*"))]
    if not originals:
        pytest.skip("no original image of CamVid is on this machine")
    for path in originals:
        frame, content = frames[f"{path.parent.name}/{path.name}"], path.read_bytes()
        assert digest(content) == frame.digests[0]
        written = scenes._reduced(content, frame.image, frame.digests[2])
        assert digest(scenes._pixels(written).tobytes()) == frame.digests[2]
        mask = (SHARED / "original" / frame.mask).read_bytes()
        assert digest(mask) == frame.digests[1]


def test_the_real_camvid_where_it_is(monkeypatch):
    monkeypatch.setenv("TAREA2_DATA_DIR", str(SHARED.parent))
    if not datasets.camvid_is_here():
        pytest.skip("CamVid is not on this machine")
    data = datasets.camvid()
    assert [len(s) for s in (data.train, data.validation, data.test)] == [367, 101, 233]
    assert data.sha256.startswith("d1d8352b01de69d4")
    assert len(data.test.full_size_masks) == 233
    for name in ("camvid", "camvid-best"):
        runs = load(name)
        for definition in find(name).definitions:
            assert set(runs.loc[runs["name"] == definition.name, "key"]) == {definition.key()}


# The studies --------------------------------------------------------------------------------------


def test_the_studies_vary_the_network_only_and_keep_to_their_limit():
    for definition in (*find("camvid").definitions, *find("camvid-best").definitions):
        longer = definition.name.endswith("-long")
        if definition.name == study.EPOCHS_ALONE:
            assert definition.recipe == dataclasses.replace(study.RECIPE, epochs=study.LONG.epochs)
        else:
            assert definition.recipe == (study.LONG if longer else study.RECIPE)
        alone = {study.longer(study.CHOSEN_PUBLISHED), study.EPOCHS_ALONE}
        assert definition.seeds == ((0,) if definition.name in alone else (0, 1, 2))
        assert (definition.spec.inputs, definition.spec.classes) == (3, 11)
    for definition in find("camvid-best").definitions:
        assert metrics.count_parameters(models.build(definition.spec)) <= study.LIMIT


def test_those_that_train_longer_are_the_best_on_validation():
    scores = Scores(load("camvid-best"), "validation_miou")
    assert scores.best(study.CHOSEN, among=list(study.CANDIDATES))
    named = load("camvid")
    first = Scores(named[named["seed"] == 0], "validation_miou")
    assert first.best(study.CHOSEN_PUBLISHED, among=study.PUBLISHED_NAMES)


def test_frames_and_videos():
    assert camvid_analysis.videos("train") == {"0001TP": 62, "0006R0": 101, "0016E5": 204}
    assert camvid_analysis.videos("test") == {"0001TP": 62, "Seq05VD": 171}
    counts = np.zeros((2, 233, 3, 3), dtype=int)  # two seeds; the third class is nowhere
    counts[:, :62, 0] = (1, 1, 0)  # the first video: half of the first class, nothing of another
    counts[:, :62, 1] = (0, 0, 2)
    counts[1, 62:, 0] = (3, 0, 1)
    found = camvid_analysis.by_video(counts)
    np.testing.assert_allclose(found["0001TP"], [0.25, 0.25])
    np.testing.assert_allclose(found["Seq05VD"], [np.nan, 0.75])


def test_frames_are_chosen_from_the_best_to_the_worst():
    counts = np.zeros((233, 2, 3), dtype=int)
    counts[:, 0, 0] = np.random.default_rng(0).permutation(233)
    counts[:, 0, 2] = 232 - counts[:, 0, 0]
    assert counts[camvid_analysis.chosen_frames(counts), 0, 0].tolist() == [232, 174, 116, 58, 0]


def test_what_the_page_shows_is_what_the_stored_model_sees():
    measures = results.load_measures("camvid-examples")
    _, card = models.load_model("camvid")
    fields = ("run", "seed", "weights")
    assert [measures[field] for field in fields] == [card[field] for field in fields]
    stored = camvid_analysis.stored_predictions(measures)
    assert all(mask.shape == (360, 480) and mask.max() < 11 for mask in stored)
    run = results.read(results.path_of("camvid-best", card["run"], card["seed"]))
    indices = camvid_analysis.chosen_frames(np.array(run["metrics"]["test_counts"]))
    assert [camvid_analysis.names_of("test")[index] for index in indices] == measures["frames"]


def test_the_stored_predictions_come_from_the_photographs(monkeypatch):
    monkeypatch.setenv("TAREA2_DATA_DIR", str(SHARED.parent))
    if not datasets.camvid_is_here():
        pytest.skip("CamVid is not on this machine")
    measures = results.load_measures("camvid-examples")
    for name, kept in zip(
        measures["frames"], camvid_analysis.stored_predictions(measures), strict=True
    ):
        seen = camvid_analysis.prediction(camvid_analysis.names_of("test").index(name))
        assert (seen != kept).mean() < 1e-3  # ties, on another processor
    images, truths = camvid_analysis.photographs(measures["frames"])
    assert {image.shape for image in images} == {(120, 160, 3)}
    assert {truth.shape for truth in truths} == {(360, 480)}
    assert 0.9 < measures["reduced masks"] < 1


@pytest.mark.parametrize("right", [-40, 0, 12])
def test_a_displaced_mask_is_found(right):
    found = np.random.default_rng(0).integers(0, 11, (20, 240))
    truth = np.roll(found, -right, axis=1)
    truth[:5] = IGNORED
    moved, before, after = camvid_analysis.displacement(found, truth)
    assert (moved, after) == (right, 1.0)
    assert (before == 1.0) == (right == 0)


def test_without_camvid_there_are_no_photographs(small):
    assert camvid_analysis.photographs(["0001TP_008550"]) == ([], [])


def test_the_named_networks_are_those_of_the_other_studies():
    main = records.describe(find("segmentation").named(["wide-slow"])[0].spec)[1]
    ours = records.describe(find("camvid").named(["wide-slow"])[0].spec)[1]
    assert {field for field in main if main[field] != ours[field]} == {"inputs"}


def test_soft_dice_by_hand():
    scores = torch.zeros(1, 3, 1, 4)
    y = torch.tensor([[[0, 0, 1, IGNORED]]])
    # Probabilities are 1/3 everywhere: class 0 has 2 of 3 pixels, class 1 one, class 2 none.
    wanted = 1 - (2 * (2 / 3) / (1 + 2) + 2 * (1 / 3) / (1 + 1)) / 2
    assert losses.soft_dice(scores, y).item() == pytest.approx(wanted)
    right = torch.nn.functional.one_hot(y.clamp(max=2), 3).movedim(-1, 1) * 50.0
    assert losses.soft_dice(right, y).item() == pytest.approx(0, abs=1e-6)
    assert losses.soft_dice(scores, torch.full_like(y, IGNORED)).isfinite()


def test_a_network_trains_and_a_photograph_is_segmented(small, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(scenes, "SOURCE", Server(small).address)
    datasets.fetch_camvid()
    spec = EncoderDecoderSpec(depth=1, width=4, convolutions=1, inputs=3)
    recipe = records.describe(study.RECIPE)[1] | {"epochs": 1, "augment": study.RECIPE.augment}
    tiny = Definition(
        "tiny", spec, training.Recipe(**recipe), datasets.camvid, (0,), eval_splits=(),
        extra=segmentation.by_class_and_image,
    )  # fmt: skip
    own = Study("camvid-best", (tiny,), {"camvid": ("tiny",)}, tmp_path / "own")
    assert running.train(own, progress=False, report=lambda line: None) == 1
    run = tiny.stored(0, "camvid-best", own.store)
    assert np.array(run["metrics"]["test_counts"]).shape == (1, 11, 3)
    assert np.array(run["metrics"]["confusion"]).sum() == 330 * 480  # void is not counted
    (again,) = evaluation.evaluate(models.load_model("camvid", own.store)[0], datasets.camvid())
    assert run["metrics"]["test_miou"] == pytest.approx(again["test"].measures["miou"], rel=1e-5)
    # No image of CamVid is stored beside the model.
    (x,), _ = models.load_golden("camvid", own.store)
    assert not torch.equal(x, datasets.as_input(datasets.camvid().test.x[:1]))

    monkeypatch.setattr(paths, "MODELS", own.store / "models")
    photo, mask = tmp_path / "a photo.jpg", tmp_path / "máscara.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 200, 3), np.uint8)).save(photo)
    assert run_cli(monkeypatch, "predict", "camvid", str(photo), "-o", str(mask)) == 0
    assert f"the mask is in {mask}" in capsys.readouterr().out
    drawn = Image.open(mask)
    assert (drawn.mode, drawn.size) == ("P", (200, 90))
    assert np.asarray(drawn).max() <= 10
    # The test image itself is segmented as it was scored.
    frame = paths.RAW / "camvid" / "test" / "frame 3.png"
    assert run_cli(monkeypatch, "predict", "camvid", str(frame), "-o", str(mask)) == 0
    model = models.load_model("camvid", own.store)[0]
    scores = evaluation.predict(model, datasets.as_input(datasets.camvid().test.x))[0, 0]
    assert np.array_equal(np.asarray(Image.open(mask)), scores.argmax(0).numpy())


def test_without_the_model_one_sentence_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(paths, "MODELS", tmp_path)
    photo = tmp_path / "photo.png"
    Image.new("RGB", (40, 30)).save(photo)
    code = run_cli(monkeypatch, "predict", "camvid", str(photo), "-o", str(tmp_path / "mask.png"))
    assert code == 1
    assert "camvid.safetensors is missing" in capsys.readouterr().err
    assert not (tmp_path / "mask.png").exists()
