"""The package as a wheel, away from the repository: what it brings along, and where it writes."""

import os
import shutil
import subprocess
import sys
import zipfile

import nbformat
import numpy as np
import pypdf
import pytest
import yaml
from PIL import Image

import publish.wheel
from conftest import write_page
from fresh import Fresh
from publish.build import build
from publish.page import read
from publish.project import ROOT, Project, PublishError
from tarea2 import paths

CHAPTER = "chapters/06-preguntas-cnn"


@pytest.fixture(scope="module")
def wheel(site):
    """The one that the site's build leaves beside the notebooks."""
    (made,) = site.glob("*.whl")
    return made


@pytest.fixture
def installed(wheel, tmp_path, monkeypatch):
    """The wheel's files in a folder of their own, and an empty folder to work in."""
    with zipfile.ZipFile(wheel) as file:
        file.extractall(tmp_path / "site-packages")
    work = tmp_path / "mi carpeta ñ"
    work.mkdir()

    def run(*arguments, module="tarea2.commands.cli"):
        environment = {k: v for k, v in os.environ.items() if k != "TAREA2_DATA_DIR"}
        environment |= {
            "PYTHONPATH": str(tmp_path / "site-packages"), "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip
        command = ["-c", arguments[0]] if module is None else ["-m", module, *arguments]
        return subprocess.run(
            [sys.executable, *command], cwd=work, env=environment, capture_output=True, text=True,
            timeout=300,
        )  # fmt: skip

    return run, work, tmp_path / "site-packages"


def files(folder):
    return {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


def test_the_wheel_holds_every_stored_run_and_model(wheel):
    with zipfile.ZipFile(wheel) as file:
        held = {name for name in file.namelist() if name.startswith("tarea2/stored/")}
    for name in ("results", "models"):
        for path in (paths.STORED / name).rglob("*"):
            if path.suffix in (".json", ".safetensors"):
                assert f"tarea2/stored/{path.relative_to(paths.STORED).as_posix()}" in held


@pytest.mark.install
def test_models_and_results_work_from_any_folder(installed):
    run, work, site = installed
    before = files(site)
    done = run("predict", "numbers", "7", "933")
    assert done.returncode == 0, done.stderr
    assert "novecientos treinta y tres" in done.stdout
    done = run(
        "import tarea2.paths as p, tarea2.results as r, tarea2.models as m\n"
        "print(p.CHECKOUT, len(r.load('segmentation')), m.load_best('mnist1d').training)",
        module=None,
    )
    assert done.stdout.split() == [
        "None",
        str(len(list((paths.RESULTS / "segmentation").glob("*")))),
        "False",
    ]
    assert not list(work.iterdir())
    assert files(site) == before


@pytest.mark.install
def test_own_results_lie_below_the_current_folder_or_out(installed):
    run, work, site = installed
    before = files(site)
    done = run("train", "check")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("0 runs trained")  # it came along
    assert not list(work.iterdir())
    done = run("train", "check", "--force")
    assert done.returncode == 0, done.stderr
    assert (work / "data" / "own" / "results" / "check" / "tiny-seed0.json").exists()
    done = run("train", "check", "--out", "aquí")
    assert "1 runs trained; results are in aquí" in done.stdout
    assert (work / "aquí" / "results" / "check" / "tiny-seed0.json").exists()
    assert files(site) == before


@pytest.mark.install
def test_own_images_from_a_folder_to_a_report(installed):
    """Train two networks for an epoch, predict a folder, write the page, in awkward paths."""
    run, work, site = installed
    before = files(site)
    photos = work / "año 1" / "fotos de señales"
    for place in range(12):
        mask = np.zeros((20, 32), np.uint8)
        mask[3 : 9 + place % 4, 4:14] = 255
        noise = np.random.default_rng(place).integers(0, 50, (20, 32, 3), dtype=np.uint8)
        for kind, values in (("images", noise + mask[..., None] // 2), ("masks", mask)):
            (photos / kind).mkdir(parents=True, exist_ok=True)
            suffix = "" if kind == "images" else "_máscara"
            Image.fromarray(values).save(photos / kind / f"señal {place:02}{suffix}.png")
    given = (
        "--images", "año 1/fotos de señales/images", "--masks", "año 1/fotos de señales/masks",
        "--out", "mi estudio", "--name", "señales",
    )  # fmt: skip
    done = run("images", "train", *given, "--only", "baseline", "--only", "reference",
               "--seeds", "1", "--epochs", "1")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "2 runs trained" in done.stdout
    model = "mi estudio/models/señales.safetensors"
    done = run("images", "predict", "--model", model, str(photos / "images"), "-o", "las máscaras")
    assert (done.returncode, done.stderr) == (0, "")
    with Image.open(work / "las máscaras" / "señal 07.png") as mask:
        assert mask.size == (32, 20)
        assert set(np.unique(np.array(mask))) <= {0, 255}
    done = run("images", "report", "mi estudio", "-o", "informes del año")
    assert (done.returncode, done.stderr) == (0, "")
    page = (work / "informes del año" / "señales.html").read_text(encoding="utf-8")
    assert "Estudio «señales»" in page
    assert "línea base" in page
    text = pypdf.PdfReader(work / "informes del año" / "señales.pdf").pages[0].extract_text()
    assert "Segmentación con imágenes propias" in text
    assert sorted(p.name for p in work.iterdir()) == [
        "año 1", "informes del año", "las máscaras", "mi estudio",
    ]  # fmt: skip
    assert files(site) == before


# The notebooks' first cell ------------------------------------------------------------------------


def first(book) -> str:
    return book.cells[0].source if "instalar" in book.cells[0].metadata.get("tags", []) else ""


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    return Fresh(tmp_path_factory.mktemp("fresh"))


def downloaded(site, wheel, folder):
    """A chapter and the wheel, as they lie in the site, in a folder of their own."""
    (folder / "chapters").mkdir(parents=True)
    shutil.copy(site / f"{CHAPTER}.ipynb", folder / "chapters")
    shutil.copy(wheel, folder)
    return folder / f"{CHAPTER}.ipynb"


def shown(book) -> list:
    return [
        output.get("data", {}).get("text/plain", output.get("text"))
        for cell in book.cells if cell.cell_type == "code" for output in cell.outputs
    ]  # fmt: skip


@pytest.mark.install
def test_a_chapter_runs_in_a_fresh_environment_and_the_package_is_there_then(
    site, wheel, fresh, tmp_path
):
    path = downloaded(site, wheel, tmp_path / "descarga")
    before = nbformat.read(path, as_version=4)
    assert fresh.run(fresh.python, "-c", "import tarea2", folder=tmp_path, check=False).returncode
    fresh.run_notebook(path)
    after = nbformat.read(path, as_version=4)
    assert any(shown(before))
    assert shown(after) == shown(before)
    done = fresh.run(fresh.scripts / "tarea2", "predict", "numbers", "933", folder=tmp_path)
    assert "novecientos treinta y tres" in done.stdout
    # Where the package is, the cell needs no wheel.
    (path.parent.parent / wheel.name).unlink()
    cell = fresh.run(fresh.python, "-c", first(before), folder=path.parent)
    assert cell.stdout + cell.stderr == ""


def test_the_cell_stands_in_every_notebook_that_imports_the_package_and_on_no_page(site, project):
    for page in project.pages:
        book = nbformat.read((site / page).with_suffix(".ipynb"), as_version=4)
        code = "\n".join(cell.source for cell in book.cells[1:] if cell.cell_type == "code")
        assert bool(first(book)) == ("import tarea2" in code or "from tarea2" in code), page
        assert "py3-none-any" not in (site / page).with_suffix(".html").read_text(encoding="utf-8")


@pytest.mark.install
@pytest.mark.parametrize(
    ("files", "installed", "told"),
    [
        ((), None, "Falta tarea2-1.0+aa-py3-none-any.whl: copia ese archivo"),
        (("tarea2-1.0+bb-py3-none-any.whl",), None, "no es de la versión de este cuaderno, 1.0+aa"),
        ((), "1.0+bb", "Está instalado tarea2 1.0+bb y este cuaderno es de 1.0+aa"),
        ((), "0.9", "Está instalado tarea2 0.9 y este cuaderno es de 1.0+aa"),
        (("tarea2-1.0+aa-py3-none-any.whl",), None, "No se pudo instalar tarea2-1.0+aa"),
        (("proyecto/code/tarea2/x.py",), None, "No se pudo instalar proyecto: "),
        (("proyecto/code/other/x.py",), None, "Falta tarea2-1.0+aa-py3-none-any.whl: copia ese"),
        ((), "1.0+aa", ""),
        ((), "1.0", ""),
    ],
)
def test_the_cell_says_in_a_sentence_what_is_wrong(fresh, tmp_path, files, installed, told):
    template = (ROOT / "theme" / "notebook" / "install.py").read_text(encoding="utf-8")
    cell = template.replace("$name", "tarea2").replace("$version", "1.0+aa").replace("$site", "")
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"no archive")
    site = tmp_path / "site"
    (site / "tarea2").mkdir(parents=True)
    if installed:
        (site / "tarea2" / "__init__.py").touch()
        (site / "tarea2.dist-info").mkdir()
        (site / "tarea2.dist-info" / "METADATA").write_text(f"Name: tarea2\nVersion: {installed}\n")
    else:
        (site / "tarea2").rmdir()
    # `-S`: what the environment of the other tests has installed is not there.
    script = f"import sys\nsys.path.insert(0, {str(site)!r})\n{cell}"
    done = fresh.run(fresh.python, "-S", "-c", script, folder=tmp_path, check=False)
    assert bool(done.returncode) == bool(told)
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 1


# The wheel of any project -------------------------------------------------------------------------


def packaged(root):
    """A project whose page imports a small package."""
    (root / "code" / "demo").mkdir(parents=True)
    (root / "code" / "demo" / "__init__.py").write_text("VALUE = 1\n")
    (root / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "demo"\nversion = "2.1"\n'
        '[tool.setuptools.packages.find]\nwhere = ["code"]\n'
    )
    config = yaml.safe_load((root / "_quarto.yml").read_text())
    wheel = {"files": ["pyproject.toml"], "folders": ["code"]}
    config["publish"] = {"package": "code/demo", "wheel": wheel}
    (root / "_quarto.yml").write_text(yaml.safe_dump(config))
    write_page(root, "```{python}\n#| eval: false\nimport demo\n```\n")
    return Project(root)


def made(project):
    build(project, jobs=1, report=lambda line: None)
    (path,) = project.output.glob("*.whl")
    return path, nbformat.read(project.output / "index.ipynb", as_version=4)


@pytest.mark.install
def test_the_wheel_is_made_anew_only_when_its_sources_change(small_project, monkeypatch):
    project = packaged(small_project.root)
    wheel, book = made(project)
    version = wheel.name.split("-")[1]
    assert version.startswith("2.1+")
    assert f'version="{version}"' in first(book)
    content = wheel.read_bytes()
    shutil.rmtree(project.cache / "wheel")
    with monkeypatch.context() as patch:  # nothing has changed: nothing is built
        patch.setattr(publish.wheel, "_built", None)
        (project.root / "code" / "demo" / "__pycache__").mkdir()
        (project.root / "code" / "demo" / "__pycache__" / "x.pyc").touch()
        assert made(project) == (wheel, book)
    wheel.unlink()
    (project.cache / "site" / wheel.name).unlink()
    again, _ = made(project)
    assert (again.name, again.read_bytes()) == (wheel.name, content)  # and later, and elsewhere
    (project.root / "code" / "demo" / "__init__.py").write_text("VALUE = 2\n")
    other, changed = made(project)
    assert other.name != wheel.name
    assert f'version="{other.name.split("-")[1]}"' in first(changed)
    assert changed.cells[1:] == book.cells[1:]


@pytest.mark.install
def test_the_site_s_address_is_where_the_cell_looks_last(small_project):
    project = packaged(small_project.root)
    config = project.root / "_quarto.yml"
    config.write_text(config.read_text() + "site: https://ana.example/tarea/\n")
    _, book = made(Project(project.root))
    assert 'site="https://ana.example/tarea"' in first(book)


@pytest.mark.install
def test_a_package_that_cannot_be_built_is_one_sentence(small_project):
    project = packaged(small_project.root)
    (project.root / "pyproject.toml").write_text(
        (project.root / "pyproject.toml").read_text().replace('name = "demo"', "name = 3")
    )
    pages = [read(path, project.root) for path in project.pages]
    with pytest.raises(PublishError, match=r"^the package's wheel cannot be built: [^\n]+$"):
        publish.wheel.write(project, pages, project.cache / "site")
    (project.root / "pyproject.toml").unlink()
    with pytest.raises(PublishError, match=r"publish.wheel names pyproject.toml, which is missing"):
        publish.wheel.write(project, pages, project.cache / "site")
