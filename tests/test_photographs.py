"""Photographs that a page may show, what is seen in them, and colours that all eyes tell apart."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets
from numpy.testing import assert_allclose

from publish.project import ROOT, Project
from tarea2 import datasets
from tarea2.datasets.photographs import SOURCES
from tarea2.plots import camvid_analysis as draw
from tarea2.plots.predictions import UNCOUNTED, WRONG
from tarea2.studies import camvid_analysis

# Linear red, green and blue as eyes without one kind of cones see them: Machado, Oliveira and
# Fernandes (2009), "A Physiologically-based Model for Simulation of Color Vision Deficiency",
# severity 1.
EYES = {
    "all cones": np.eye(3),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
}
TO_XYZ = np.array(  # of sRGB, with its white D65
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
     [0.0193339, 0.1191920, 0.9503041]]
)  # fmt: skip
FAR_APART = 24  # CIE76 difference; about 2 is just noticed


def lab(colour: tuple[int, int, int], eyes: str = "all cones") -> np.ndarray:
    """CIE L*a*b* of an sRGB colour of 8 bits as some eyes see it."""
    share = np.array(colour) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(EYES[eyes] @ linear, 0, 1) / TO_XYZ.sum(1)
    x, y, z = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def difference(first, second, eyes="all cones") -> float:
    return float(np.linalg.norm(lab(first, eyes) - lab(second, eyes)))


def test_lab_of_known_colours():
    assert_allclose(lab((255, 255, 255)), [100, 0, 0], atol=0.01)
    assert_allclose(lab((255, 0, 0)), [53.24, 80.09, 67.20], atol=0.02)
    for eyes in EYES:  # grey stays grey
        assert_allclose(lab((119, 119, 119), eyes)[1:], [0, 0], atol=0.01)


@pytest.mark.parametrize("eyes", EYES)
def test_any_two_colours_of_a_figure_can_be_told_apart(eyes):
    colours = {**draw.COLOURS, "does not count": UNCOUNTED, "wrong": WRONG}
    near = {
        (a, b): difference(colours[a], colours[b], eyes)
        for a, b in combinations(colours, 2)
        if difference(colours[a], colours[b], eyes) < FAR_APART
    }
    assert not near


def test_the_usual_colours_could_not():
    usual = datasets.CAMVID_CLASSES
    assert difference(usual["building"], usual["pedestrian"], "deuteranopia") < 7


def test_no_class_is_grey():
    for colour in draw.COLOURS.values():
        assert np.hypot(*lab(colour)[1:]) > 10


def test_colours_change_the_drawing_alone():
    assert list(draw.COLOURS) == list(datasets.CAMVID_CLASSES)
    stored = {entry.name: entry.colour for entry in datasets.camvid_files.LABEL_MAP.entries}
    assert stored == datasets.CAMVID_CLASSES
    classes = np.arange(11, dtype=np.uint8).reshape(1, 11)
    assert draw.DRAWN.coloured(classes)[0].tolist() == list(map(list, draw.COLOURS.values()))


@pytest.mark.parametrize("name", SOURCES)
def test_a_photograph_names_author_and_licence_as_its_package_does(name):
    found = datasets.photograph(name)
    assert found.values.shape == (427, 640, 3)
    assert found.values.dtype == np.uint8
    readme = Path(sklearn.datasets.__file__).parent / "images" / "README.txt"
    about = readme.read_text(encoding="utf-8").split("Image: ")
    (about,) = [part for part in about if part.startswith(name)]
    assert found.address in about
    assert f"photos/{found.author}/" in about
    assert found.licence in about
    with pytest.raises(ValueError, match="read-only"):
        found.values[0, 0] = 0


@pytest.mark.parametrize("path", Project(ROOT).pages)
def test_a_page_with_a_photograph_names_author_and_licence(path):
    text = (ROOT / path).read_text(encoding="utf-8")
    for name in SOURCES:
        if "datasets.photograph(" in text and f'"{name}"' in text:
            found = datasets.photograph(name)
            assert f"[{found.author}]({found.address})" in text
            assert f"[CC BY 2.0]({found.licence})" in text


def test_another_photograph_is_refused():
    with pytest.raises(ValueError, match=r"'cat.jpg'; there are: china.jpg, flower.jpg"):
        datasets.photograph("cat.jpg")


def test_what_the_stored_model_sees_in_a_photograph():
    photograph = datasets.photograph("china.jpg")
    classes, probability = camvid_analysis.seen_in(photograph)
    assert classes.shape == probability.shape == photograph.values.shape[:2]
    sky = list(datasets.CAMVID_CLASSES).index("sky")
    assert (classes[:100] == sky).mean() > 0.8
    assert probability.min() > 1 / 11 - 1e-6
    figure = draw.photographs([photograph.values], [(classes, probability)])
    titles = [ax.get_title() for ax in figure.axes[:3]]
    assert titles == ["fotografía", "clases", "probabilidad"]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == draw.CLASSES
