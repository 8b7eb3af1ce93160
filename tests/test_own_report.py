"""The page of a study on own images: what it reads, what it shows, what it refuses."""

import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pypdf
import pytest
from bs4 import BeautifulSoup
from PIL import Image

import command
from publish import engines, standalone
from publish.page import read
from tarea2 import metrics, results
from tarea2.commands.images import Engine
from tarea2.datasets import DataError, Reading
from tarea2.datasets.images.label_inference import MaskOptions
from tarea2.datasets.images.reading import read as read_image
from tarea2.own import prediction, report
from tarea2.own.stored import OwnRuns, examples, find, load
from tarea2.own.study import Training, prepare
from tarea2.plots import labels
from tarea2.plots import segmentation as draw
from tarea2.records import ResultError
from tarea2.studies import comparisons
from tarea2.studies.comparisons import bootstrap_interval
from tarea2.typography import number

NAME = "ñandú_1"


def run_cli(*arguments: object) -> int:
    with pytest.MonkeyPatch.context() as patch:
        return command.run_cli(patch, *arguments)


def drawn(place: int) -> np.ndarray:
    mask = np.zeros((24, 40), np.uint8)
    mask[2 : 9 + place % 4, 3:13] = 1
    mask[8:16, 22 : 30 + place % 5] = 2
    return mask


def images_and_masks(root):
    for place in range(14):
        mask = drawn(place)
        noise = np.random.default_rng(place).integers(0, 60, (*mask.shape, 3), dtype=np.uint8)
        tints = np.array([[40, 40, 40], [150, 60, 20], [30, 90, 180]], np.uint8)
        for kind, values in (("images", tints[mask] + noise), ("masks", mask * 100)):
            (root / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(values).save(root / kind / f"año {place:02}.png")
    return root / "images", root / "masks"


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A study of two networks, two seeds each, trained until all see two classes; images, store."""
    root = tmp_path_factory.mktemp("own") / "fotos de mí"
    images, masks = images_and_masks(root)
    arguments = (
        "images", "train", "--images", images, "--masks", masks, "--out", root / "mi estudio",
        "--only", "baseline", "--only", "reference", "--seeds", 2, "--epochs", 40, "--name", NAME,
        "--lr", 0.003,
    )  # fmt: skip
    assert run_cli(*arguments) == 0
    return root


@pytest.fixture
def made_here(monkeypatch):
    """The renderer runs in this process, which has its libraries; one test lets it have its own."""

    def make(page: Path, engine: str) -> None:
        standalone.make(page, standalone.Engine(engine))

    monkeypatch.setattr(report, "_make", make)


@pytest.fixture
def store(original, tmp_path):
    """A copy, to spoil."""
    return shutil.copytree(original / "mi estudio", tmp_path / "mi estudio")


# What is stored -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "name", "sentence"),
    [
        (lambda s: shutil.rmtree(s), None, "mi estudio is no folder"),
        (lambda s: shutil.rmtree(s / "studies"), None, "holds no study of own images"),
        (lambda s: None, "otro", f"holds no study 'otro'; it holds {NAME}"),
        (lambda s: shutil.copy(s / "studies" / f"{NAME}.json", s / "studies" / "b.json"), None,
         f"holds several studies: b, {NAME}; add --name"),
        (lambda s: shutil.rmtree(s / "results"), None, "has no runs yet; train it with"),
    ],
)  # fmt: skip
def test_what_holds_no_study_is_refused_in_one_sentence(store, capsys, spoil, name, sentence):
    spoil(store)
    capsys.readouterr()
    assert run_cli("images", "report", store, *(["--name", name] if name else [])) == 1
    said = capsys.readouterr()
    assert sentence in said.err
    assert said.err.count("\n") == 1
    assert not said.out
    assert not (store / "reports").exists()


def test_quarto_that_is_not_there_is_named_in_one_sentence(store, monkeypatch, capsys):
    def here(command, **_):  # the renderer in this process, which finds no Quarto
        monkeypatch.setattr(engines, "_on_path", lambda: None)
        try:
            standalone.main(Path(command[3]), standalone.Engine(command[5]))
        except SystemExit as stop:
            return SimpleNamespace(returncode=stop.code, stderr=capsys.readouterr().err)

    monkeypatch.setattr(report.subprocess, "run", here)
    capsys.readouterr()
    assert run_cli("images", "report", store, "--engine", "quarto") == 1
    assert "Quarto is not on this machine's PATH; install Quarto" in capsys.readouterr().err
    assert not (store / "reports").exists()


def test_the_command_knows_the_engines_that_there_are():
    assert list(Engine) == list(engines.Engine)  # as strings: neither imports the other


@pytest.mark.parametrize("program", ["/bin/quarto", None])
def test_auto_takes_quarto_where_it_is_installed(tmp_path, monkeypatch, program):
    class Taken(Exception):
        """Says which of the two makes the page, and stops there."""

    def take(name):
        def taken(*arguments):
            raise Taken(name)

        return taken

    monkeypatch.setattr(engines, "installed_quarto", lambda: (program, "as this test says"))
    monkeypatch.setattr(standalone, "_with_quarto", take("quarto"))
    monkeypatch.setattr(standalone.execute, "run", take("builtin"))
    (tmp_path / "page.qmd").write_text('---\ntitle: "x"\njupyter: python3\n---\n\nHola.\n')
    with pytest.raises(Taken, match="quarto" if program else "builtin"):
        standalone.make(tmp_path / "page.qmd", engines.Engine.AUTO)


def test_an_altered_run_is_refused(store, capsys):
    path = next((store / "results" / NAME).glob("*.json"))
    run = json.loads(path.read_text())
    run["metrics"]["test_miou"] = 0.99
    path.write_text(json.dumps(run))
    assert run_cli("images", "report", store) == 1
    assert "field 'digest' does not match" in capsys.readouterr().err


def test_runs_of_another_recipe_do_not_count(original, store):
    images, masks = original / "images", original / "masks"
    arguments = (
        "images", "train", "--images", images, "--masks", masks, "--out", store, "--name",
        NAME, "--only", "reference", "--seeds", 1, "--epochs", 1, "--force",
    )  # fmt: skip
    assert run_cli(*arguments) == 0
    stored = load(*find(store))
    assert set(stored.runs["name"]) == {"reference"}
    assert len(stored.runs) == 1
    assert stored.others == ["baseline"]
    assert stored.content["recipe"]["epochs"] == 1
    # Training, which has the images, ranks the same runs.
    ranked, others = prepare(
        images, masks, NAME, store, training=Training(epochs=1, precision="auto")
    ).load()
    assert list(ranked["key"]) == list(stored.runs["key"])
    assert others == stored.others


def test_what_was_wished_of_the_reading_comes_back(tmp_path):
    wishes = MaskOptions((0, 255), ("7",), None, tmp_path / "a.txt", "255")
    for reading in (Reading(), Reading(wishes, (32, 48), None, "p\\d", True), Reading(crop=32)):
        told = json.loads(json.dumps(reading.describe()))
        assert Reading.from_description(told) == reading
    del (
        told["wishes"]["background"],
        told["wishes"]["objects"],
    )  # as studies of an earlier version have it
    assert Reading.from_description(told) == reading


def test_scores_of_single_images_are_those_of_their_confusion():
    rng = np.random.default_rng(1)
    cms = rng.integers(0, 50, (5, 4, 4))
    cms[:, 3, :] = cms[:, :, 3] = 0  # a class that is nowhere
    hit = np.diagonal(cms, axis1=1, axis2=2)
    counts = np.stack([hit, cms.sum(1) - hit, cms.sum(2) - hit], axis=2)
    expected = [metrics.mean_iou(cm) for cm in cms]
    np.testing.assert_allclose(metrics.mean_iou_per_image(counts, 1), expected)
    counts[2, 1:] = 0  # background only, and nothing else said: undefined
    assert np.isnan(metrics.mean_iou_per_image(counts, 1)[2])


def test_the_interval_over_images_is_as_wide_as_they_differ():
    easy, hard = [[90, 0, 0], [10, 0, 0]], [[80, 10, 0], [5, 0, 10]]
    alike = np.array([[easy] * 20])
    assert bootstrap_interval(alike, 1) == (1, 1)
    mixed = np.array([[easy, hard] * 10])
    low, high = bootstrap_interval(mixed, 1)
    assert low < (10 + 5) / (10 + 15) < high
    absent = np.concatenate([mixed, np.zeros_like(mixed[:, :, :1])], axis=2)
    assert bootstrap_interval(absent, 1) == (low, high)


def test_examples_are_the_best_and_the_worst_as_predict_draws_them(original):
    stored = load(*find(original / "mi estudio"))
    found = examples(stored, each=1)
    every = examples(stored, each=9)
    scores = metrics.mean_iou_per_image(np.array(stored.best["metrics"]["test_counts"]), 1)
    assert every.scores == sorted(scores[~np.isnan(scores)], reverse=True)
    assert [found.scores[0], found.scores[-1]] == [every.scores[0], every.scores[-1]]
    model = prediction.load_predictor(original / "mi estudio" / "models" / f"{NAME}.safetensors")
    for name, image, truth, classes in zip(
        found.names, found.images, found.truths, found.found, strict=True
    ):
        picture = read_image(original / "images" / name)
        np.testing.assert_array_equal(image, picture.values)
        np.testing.assert_array_equal(truth, drawn(int(name[4:6])))
        np.testing.assert_array_equal(classes, model.classes(picture))


def test_examples_of_other_images_are_refused(original, store, tmp_path):
    root = tmp_path / "otras"
    shutil.copytree(original / "images", root / "images")
    shutil.copytree(original / "masks", root / "masks")
    stored = load(*find(store))
    stored.content.update(images=str(root / "images"), masks=str(root / "masks"))
    assert examples(stored).names
    (first, *_) = sorted((root / "images").iterdir())
    Image.fromarray(np.zeros((24, 40, 3), np.uint8)).save(first)
    with pytest.raises(DataError, match=f"have changed since {NAME} was trained"):
        examples(stored)


# Comparisons and figures of few runs --------------------------------------------------------------


def few(seeds: int) -> pd.DataFrame:
    rows = [
        {"name": name, "seed": seed, "validation_miou": value + seed / 100, "test_miou": value,
         "parameters": 5e4 * value, "macs": 2.1e7 * value}
        for name, value in (("reference", 0.5), ("width-16", 0.6), ("skip-none", 0.7))
        for seed in range(seeds)
    ]  # fmt: skip
    return labels.labelled(pd.DataFrame(rows))


def test_a_single_seed_gives_differences_without_intervals():
    one, two = labels.changes(few(1)), labels.changes(few(2))
    assert set(one["name"]) == {"width-16", "skip-none"}
    np.testing.assert_allclose(sorted(one["difference"]), [0.1, 0.2])
    assert one[["low", "high", "p", "holm"]].isna().all(axis=None)
    assert two[["low", "high", "p", "holm"]].notna().all(axis=None)
    assert np.isnan(comparisons.holm([0.01, np.nan, 0.02])[1])
    np.testing.assert_allclose(comparisons.holm([0.01, np.nan, 0.02])[[0, 2]], [0.02, 0.02])


@pytest.mark.parametrize("seeds", [1, 2])
def test_figures_of_few_networks_show_them_all_within_the_axes(seeds):
    table = few(seeds)
    (ax,) = draw.ranking(table, enlarged=None).axes
    low, high = ax.get_xlim()
    assert 0 <= low < 0.5
    assert 0.7 < high <= 1
    left, right = draw.costs(table, [], enlarged=None).axes
    for ax, column in ((left, "parameters"), (right, "macs")):
        assert ax.get_xlim()[0] < table[column].min() <= table[column].max() < ax.get_xlim()[1]
        assert len(ax.get_xticks()) >= 2
        assert ax.get_ylim()[0] < 0.5 < 0.7 < ax.get_ylim()[1]


@pytest.mark.parametrize("seeds", [1, 2])
def test_a_front_of_one_network_is_drawn(seeds):
    """Where the cheapest is the best, too."""
    table = few(seeds)
    table[["parameters", "macs"]] = 1 / table[["parameters", "macs"]].to_numpy()
    for ax in draw.costs(table, [], enlarged=None).axes:
        assert [text.get_text() for text in ax.texts] == [labels.LABELS["skip-none"]]


# The page -----------------------------------------------------------------------------------------

SECTIONS = re.findall(r"(?m)^## .*\{#(.*)\}", report.SOURCE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("section", SECTIONS)
def test_a_page_without_a_section_refers_to_nothing_that_is_gone(tmp_path, section):
    """And everything left is what both engines understand."""
    source = report.SOURCE.read_text(encoding="utf-8")
    text = report.compose(source, NAME, {section})
    (tmp_path / "page.qmd").write_text(text, encoding="utf-8")
    page = read("page.qmd", tmp_path)
    assert page.metadata["subtitle"] == f"Estudio «{NAME}»"
    assert f"{{#{section}}}" not in text
    assert text.count("\n## ") == len(SECTIONS) - 1
    there = set(re.findall(r"label: ((?:fig|tbl)-\S+)", text)) | set(SECTIONS)
    assert set(re.findall(r"@((?:fig|tbl|sec)-[\w-]+)", text)) <= there


def study(names, epochs=2, classes=3, blind=()):
    table = pd.DataFrame({"name": names, "test_miou": 0.5})
    content = {"recipe": {"epochs": epochs}}
    return SimpleNamespace(runs=table, content=content, classes=["x"] * classes, blind=set(blind))


def test_sections_that_runs_cannot_fill_are_left_out():
    assert report.left_out(study(["baseline", "reference", "width-16"])) == set()
    assert report.left_out(study(["reference"], 1, 40)) == {
        "sec-propio-factores", "sec-propio-coste", "sec-propio-confusion", "sec-propio-curvas",
    }  # fmt: skip
    assert report.left_out(study(["baseline", "width-16"])) == {"sec-propio-factores"}


def test_networks_that_see_one_class_stand_in_no_order():
    """Nor in a difference, nor on the front of what costs least."""
    three = ["baseline", "reference", "width-16"]
    assert report.left_out(study(three, blind=["baseline"])) == set()
    assert report.left_out(study(three, blind=["reference"])) == {"sec-propio-factores"}
    assert report.left_out(study(three, blind=three[:2])) == {
        "sec-propio-factores", "sec-propio-coste",
    }  # fmt: skip
    assert report.left_out(study(three, blind=three)) == {
        "sec-propio-factores", "sec-propio-coste", "sec-propio-clasificacion",
    }  # fmt: skip


def test_the_page_of_a_study(original, store, tmp_path, capsys):
    capsys.readouterr()
    assert run_cli("images", "report", store) == 0
    said = capsys.readouterr()
    assert said.err == ""
    html, pdf = (store / "reports" / f"{NAME}{suffix}" for suffix in (".html", ".pdf"))
    assert said.out == f"the report is in {html} and {pdf}\n"
    soup = BeautifulSoup(html.read_text(encoding="utf-8"), "html.parser")
    headings = {heading["id"] for heading in soup.select("main [id^=sec-]")}
    assert headings == set(SECTIONS) - {"sec-propio-factores"}
    links = [tag.get("href") or tag.get("src") for tag in soup.select("[href], [src]")]
    assert all(link.startswith(("#", "data:")) for link in links)  # it stands alone
    assert all(image["alt"] for image in soup.select("img"))
    stored = load(*find(store))
    shown = " ".join(soup.main.get_text(" ").split())
    text = " ".join(" ".join(sheet.extract_text() for sheet in pypdf.PdfReader(pdf).pages).split())
    for name, rows in stored.runs.groupby("name"):
        value = number(rows["test_miou"].mean(), 3)
        assert value in shown, name
        assert value in text, name
    header, *rows = soup.find(id="tbl-propio-iou").select("tr")
    assert [cell.text for cell in header.select("th")][1:] == ["fondo", "100", "200"]
    for name, row in zip(
        stored.runs["name"].unique(), sorted(rows, key=lambda r: r.text), strict=True
    ):
        found = [cell.text.split()[0] for cell in row.select("td")][1:]
        expected = np.nanmean(stored.by_class(name), 0)
        assert found == [number(value, 3)._repr_markdown_() for value in expected], name
    for part in ("14 pairs of image and mask", "Con 2 imágenes de prueba no se da un intervalo"):
        assert part in shown
    # Once more: its own files are replaced, others never.
    html.write_text("mine")
    assert run_cli("images", "report", store) == 1
    assert f"{html.name} is not as `tarea2 images report` wrote it" in capsys.readouterr().err
    assert html.read_text() == "mine"
    html.unlink()
    pdf.with_suffix(".json").write_text("{}")
    assert run_cli("images", "report", store) == 1
    assert "is not of a report" in capsys.readouterr().err
    assert not html.exists()


def test_the_page_says_when_no_network_can_be_ranked(store, made_here):
    for path in (store / "results" / NAME).glob("*.json"):
        run = results.read(path)
        run["metrics"]["validation_confusion"] = [[90, 0, 0], [9, 0, 0], [5, 0, 0]]
        results.save(run, path)
    html, _ = report.report(store)
    soup = BeautifulSoup(html.read_text(encoding="utf-8"), "html.parser")
    shown = " ".join(soup.main.get_text(" ").split())
    assert "Ninguna red se puede clasificar" in shown
    assert "ninguna; se guarda" in shown
    assert "sec-propio-clasificacion" not in str(soup.main)
    assert "Sin clasificar y al final" in shown


@pytest.mark.skipif(shutil.which("quarto") is None, reason="Quarto is not installed")
def test_quarto_makes_the_same_page(store, tmp_path):
    def text(page):
        soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
        return [" ".join(found.get_text(" ").split()) for found in soup.main.select("h2, th, td")]

    ours, _ = report.report(store, out=tmp_path / "ours")
    theirs, pdf = report.report(store, out=tmp_path / "theirs", engine="quarto")
    assert text(theirs) == text(ours)
    assert not re.search(r'(src|href)="(?!data:|#|https?:)', theirs.read_text(encoding="utf-8"))
    assert "Resumen" in pypdf.PdfReader(pdf).pages[0].extract_text()


def test_a_page_without_its_images_or_a_second_seed(original, store, made_here, tmp_path, capsys):
    for path in (store / "results" / NAME).glob("*-seed1.json"):
        path.unlink()
    file = store / "studies" / f"{NAME}.json"
    shutil.move(original / "images", original / "away")
    try:
        assert run_cli("images", "report", store, "-o", tmp_path / "aquí") == 0
    finally:
        shutil.move(original / "away", original / "images")
    said = capsys.readouterr()
    assert re.fullmatch(r"tarea2: without pictures of predictions: .*\n", said.err)
    page = (tmp_path / "aquí" / f"{NAME}.html").read_text(encoding="utf-8")
    assert "sec-propio-imagenes" not in page
    assert "una sola semilla" in page
    assert "±" not in BeautifulSoup(page, "html.parser").find(id="tbl-propio-redes").table.text
    assert file.exists()


def test_packages_that_are_missing_are_named(store, monkeypatch, capsys):
    monkeypatch.setattr(report, "find_spec", lambda name: None if name == "typst" else 1)
    assert run_cli("images", "report", store) == 1
    said = capsys.readouterr().err
    assert "pages need packages that are not installed (typst); " in said
    assert "pip install '.[pages]'" in said


def test_a_page_that_cannot_be_made_is_one_sentence(store, monkeypatch, capsys):
    monkeypatch.setattr(report, "compose", lambda *given: "---\ntitle: a\n---\n\n<b>\n")
    assert run_cli("images", "report", store) == 1
    said = capsys.readouterr().err
    assert said.startswith("tarea2: the page could not be made: page.qmd:5: raw HTML")
    assert said.count("\n") == 1
    assert not (store / "reports").exists()


def test_a_model_of_another_run_gives_no_pictures(store):
    stored = load(*find(store))
    other = next(name for name in ("baseline", "reference") if name != stored.best["name"])
    best = stored.best | {"name": other}
    with pytest.raises(ResultError, match="is not that of its best run"):
        examples(OwnRuns(**(vars(stored) | {"best": best})))
