"""Data of the interactive pieces, and what a page with a piece becomes in each format."""

import json
import os
import re

import nbformat
import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup
from pypdf import PdfReader

from conftest import project_in, write_page
from publish import widgets as site_widgets
from publish.build import build
from publish.page import PageError, read
from tarea2 import models, widgets
from tarea2.plots import explorer
from tarea2.studies.skips import cut_skip

PIECE = """
::: {#prueba .tarea-convolution}
`{python} widgets.workshop([[1, 2], [3, 4]], [[1]])`

```{python}
#| label: fig-fija
#| fig-cap: "La figura fija."
#| fig-alt: "Unos ejes."
#| echo: false
fig, ax = plt.subplots(); plt.close(fig)
fig
```
:::
"""
SETUP = """```{python}
#| echo: false
#| output: false
from matplotlib import pyplot as plt
from tarea2 import pages, widgets
pages.setup()
```
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    small_project = project_in(tmp_path_factory.mktemp("made"))
    settings = small_project.root / "_quarto.yml"
    # The page's piece needs no data scripts, which take seconds to write: that of the package does
    # so in the test of a whole site below.
    wanted = "filters: [theme/filters/widgets.lua]\npublish: {widgets: nothing_to_write}\n"
    settings.write_text(settings.read_text() + wanted)
    (small_project.root / "nothing_to_write.py").write_text("")
    write_page(small_project.root, SETUP + PIECE + "\nDespués, la @fig-fija.\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(small_project.root), prepend=os.pathsep)
        build(small_project, report=lambda line: None)
    return small_project.output


def test_html_gets_the_element_around_the_figure(made):
    soup = BeautifulSoup((made / "index.html").read_text(), "html.parser")
    piece = soup.find("tarea-convolution", id="prueba")
    assert piece.find("figure", id="fig-fija").find("img")
    content = json.loads(piece.find("script", type="application/json").string)
    assert content["example"]["x"] == [[1, 2], [3, 4]]
    sources = [script["src"] for script in soup.find_all("script", src=re.compile("widgets/"))]
    assert sources == [f"widgets/{n}.js" for n in ("operations", "piece", "convolution")]
    for source in sources:
        assert (made / source).exists()
    assert soup.find("link", href="widgets/widgets.css")
    assert "tarea-data" not in str(soup)


def test_pdf_and_notebook_get_the_figure_alone(made):
    text = "".join(page.extract_text() for page in PdfReader(made / "index.pdf").pages)
    assert "La figura fija." in text
    book = nbformat.read(made / "index.ipynb", as_version=4)
    everything = text + nbformat.writes(book)
    assert "image/png" in everything
    for gone in ("tarea-data", "dimensions", "presets", ":::"):
        assert gone not in everything


def test_a_page_without_a_piece_gets_nothing(small_project):
    build(small_project, report=lambda line: None)
    assert "widgets" not in (small_project.output / "index.html").read_text()


def test_a_piece_that_does_not_exist_is_refused(small_project):
    write_page(small_project.root, "::: {.tarea-nadie}\nHola.\n:::\n")
    with pytest.raises(PageError, match=r"tarea-nadie.*allowed: .*tarea-convolution"):
        read("index.qmd", small_project.root)


def test_data_cannot_end_its_element_or_its_code():
    text = widgets.data(hard="`</script>`  <!-- & ñ", array=np.arange(3), number=np.float64(0.5))
    assert not set("`<>&") & set(text)
    assert "  " not in text
    content = json.loads(text)
    assert content["hard"] == "`</script>`  <!-- & ñ"
    assert (content["array"], content["number"]) == ([0, 1, 2], 0.5)
    assert text._repr_markdown_() == f"`{text}`{{.tarea-data}}"
    assert "datos" in repr(text)
    with pytest.raises(TypeError, match="object cannot be written"):
        widgets.data(wrong=object())


def test_a_site_keeps_no_weights_of_an_earlier_build(project, tmp_path):
    old = tmp_path / "widgets" / "data" / "segmentation-0123.js"
    old.parent.mkdir(parents=True)
    old.write_text("tarea.receive()")
    pages = [read(path, project.root) for path in project.pages]
    site_widgets.write(project, pages, tmp_path)
    assert old.exists()  # nothing that pages use has changed
    site_widgets.forget(tmp_path)
    site_widgets.write(project, pages, tmp_path)
    assert not old.exists()
    names = {path.stem for path in old.parent.iterdir()}
    assert names == set(widgets.scripts())
    assert {path.name for path in (project.root / "theme/widgets").iterdir()} <= {
        path.name for path in (tmp_path / "widgets").iterdir()
    }


def test_other_weights_have_another_name(monkeypatch):
    name, _ = widgets.network("mnist1d")
    built, card = models.load_model("mnist1d")
    with monkeypatch.context() as patch:
        next(iter(built.parameters())).data.add_(1e-3)
        patch.setattr(models, "load_model", lambda model: (built, card))
        assert widgets.network.__wrapped__("mnist1d")[0] != name


@pytest.mark.parametrize(
    "spec",
    [
        models.EncoderDecoderSpec(width=2, depth=depth, convolutions=convolutions, **rest)
        for depth, convolutions in ((1, 1), (2, 2), (3, 1))
        for rest in ({}, {"kernel": 5}, {"up": "bilinear"}, {"dilation": 3, "up": "transposed"},
                     {"bottom": 3, "skip": "none", "down": "strided"})
    ],
)  # fmt: skip
def test_the_input_range_is_what_gradients_find(spec):
    assert explorer.longest_field(spec) == models.output_field(spec, 160)


def test_a_cut_skip_sends_zeros_while_it_is_cut():
    spec = models.EncoderDecoderSpec(width=3, depth=2, norm="none")
    model = models.build(spec).eval()
    x = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(3))
    seen = []
    model.decoder[1].register_forward_hook(lambda block, inputs, output: seen.append(inputs[0]))
    with torch.no_grad():
        whole = model(x)
        with cut_skip(model, 0):
            cut = model(x)
        again = model(x)
    first, second, _ = seen
    torch.testing.assert_close(second[:, :3], first[:, :3])  # what is enlarged stays
    assert first[:, 3:].abs().sum() > 0
    assert second[:, 3:].abs().sum() == 0
    assert not torch.equal(whole, cut)
    torch.testing.assert_close(again, whole)


@pytest.mark.parametrize(
    ("rest", "level", "sentence"),
    [({"skip": "add"}, 0, "skip is 'add'"), ({}, 2, "level is 2"), ({}, -1, "level is -1")],
)
def test_a_skip_that_is_not_there_cannot_be_cut(rest, level, sentence):
    model = models.build(models.EncoderDecoderSpec(width=2, depth=2, **rest))
    with pytest.raises(ValueError, match=sentence), cut_skip(model, level):
        pass
