"""The archive to hand in: complete, reproducible, and its notebooks run where it is unpacked."""

import re
import zipfile

import nbformat
import pytest

from conftest import write_page
from fresh import Fresh
from publish import execute
from publish.execution import Execution
from publish.page import read
from publish.project import PublishError
from publish.submission import LIGHT_LIMIT, archive

CHAPTER = "capitulos/06-preguntas-cnn.ipynb"
SOLUTION = "soluciones/10-1-convolucion-1d.ipynb"


@pytest.fixture(scope="module")
def packed(project, site, tmp_path_factory):
    return archive(project, site, tmp_path_factory.mktemp("entrega") / "entrega.zip").path


@pytest.fixture(scope="module")
def unpacked(packed, tmp_path_factory):
    with zipfile.ZipFile(packed) as file:
        file.extractall(tmp_path_factory.mktemp("suelta"))
        return tmp_path_factory.getbasetemp() / "suelta0" / "entrega"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    return Fresh(tmp_path_factory.mktemp("fresh"))


def test_everything_is_there(packed, project, site):
    with zipfile.ZipFile(packed) as file:
        names = {name.removeprefix("entrega/") for name in file.namelist()}
    (wheel,) = site.glob("*.whl")
    assert {"LEEME.md", "informe.pdf", "informe.ipynb", "cuaderno-explicativo.ipynb"} <= names
    assert wheel.name in names
    assert len([name for name in names if re.fullmatch(r"soluciones/10-\d-.+\.ipynb", name)]) == 5
    assert "soluciones/04-cnn-segmentation.ipynb" in names
    assert len([n for n in names if n.endswith(".ipynb")]) == len(project.pages) - 1  # the index
    source = {"pyproject.toml", "setup.py", "requirements.txt", "code/tarea2/convolution.py"}
    source |= {"data/models/segmentation.safetensors", "code/publish/page.lua"}
    assert {f"proyecto/{name}" for name in source} <= names
    assert not [name for name in names if "__pycache__" in name or "raw" in name.split("/")]
    assert {name.split("/")[0] for name in names if "/" in name} == {
        "soluciones", "capitulos", "proyecto",
    }  # fmt: skip


def test_what_the_readme_names_is_there(unpacked):
    text = (unpacked / "LEEME.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w./…-]+)`", text)
    assert len(named) > 6
    for name in named:
        if name.startswith("."):
            continue  # an ending
        if name.startswith("data/"):
            name = f"proyecto/{name}"
        assert list(unpacked.glob(name.replace("…", "*"))), name


def test_links_lead_to_what_is_in_the_archive(unpacked):
    found = 0
    for path in unpacked.rglob("*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "markdown":
                for target in re.findall(r"\]\(([^():#]+)\)", cell.source):
                    assert (path.parent / target).exists(), f"{path.name}: {target}"
                    found += 1
    assert found > 50


def test_the_same_site_gives_the_same_bytes(packed, project, site, tmp_path):
    again = archive(project, site, tmp_path / "entrega.zip").path
    assert again.read_bytes() == packed.read_bytes()


def test_the_light_form_fits_where_ten_megabytes_are_taken(packed, project, site, tmp_path):
    light = archive(project, site, tmp_path / "ligera.zip", light=True).path
    assert light.stat().st_size < LIGHT_LIMIT
    with zipfile.ZipFile(packed) as whole, zipfile.ZipFile(light) as less:
        gone = set(whole.namelist()) - set(less.namelist())
        assert set(less.namelist()) < set(whole.namelist())
        assert not [name for name in gone if name.endswith((".ipynb", ".py", ".safetensors"))]
        assert "entrega/informe.pdf" in less.namelist()
        assert "forma ligera" in less.read("entrega/LEEME.md").decode()
        assert "forma ligera" not in whole.read("entrega/LEEME.md").decode()


def test_a_site_that_is_not_built_is_named(tmp_path, project):
    with pytest.raises(PublishError, match=r"report.pdf is not built yet: run `make report`"):
        archive(project, tmp_path / "none", tmp_path / "entrega.zip")
    assert not (tmp_path / "entrega.zip").exists()


def outputs(path) -> list:
    return [
        output.get("data", {}).get("text/plain", output.get("text"))
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "code"
        for output in cell.outputs
    ]


@pytest.mark.install
@pytest.mark.parametrize("name", [SOLUTION, CHAPTER])
def test_an_unpacked_notebook_runs_and_gives_the_same(unpacked, fresh, name):
    before = outputs(unpacked / name)
    fresh.run_notebook(unpacked / name)
    assert any(before)
    assert outputs(unpacked / name) == before


@pytest.mark.install
def test_what_a_cell_prints_is_one_output_however_it_is_sent(small_project, fresh, tmp_path):
    """A kernel sends what is flushed at once, and what waits whenever its clock says so."""
    code = "for word in ('uno', 'dos'):\n    print(word, flush=True)"
    write_page(small_project.root, f"```{{python}}\n{code}\n```\n")
    made = execute.run(Execution(read("index.qmd", small_project.root), small_project))
    assert [output.text for output in made.cells[0].outputs] == ["uno\ndos\n"]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbformat.write(book, tmp_path / "suelto.ipynb")
    fresh.run_notebook(tmp_path / "suelto.ipynb")
    assert outputs(tmp_path / "suelto.ipynb") == ["uno\ndos\n"]


@pytest.mark.install
def test_the_unpacked_code_installs_with_its_results(unpacked, tmp_path):
    fresh = Fresh(tmp_path)
    install = ["pip", "install", "-q", "--no-deps", "--no-build-isolation", unpacked / "proyecto"]
    fresh.run(fresh.python, "-m", *install, folder=tmp_path)
    script = "from tarea2 import results, models; models.load_best('mnist1d');"
    script += "print(len(results.load('segmentation')))"
    done = fresh.run(fresh.python, "-c", script, folder=tmp_path)
    stored = unpacked / "proyecto" / "data" / "results" / "segmentation"
    assert int(done.stdout) == len(list(stored.iterdir()))
