"""The two commands on a bare machine, and dependencies that are all declared."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from functools import cache
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name as canonical

import browsing
import conftest
import contributing
import make
from publish.engines import QUARTO_PACKAGE
from publish.project import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = PYPROJECT["project"]
MARKERS = [line.partition(":")[0] for line in PYPROJECT["tool"]["pytest"]["ini_options"]["markers"]]
PINS = {
    canonical(requirement.name): requirement
    for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
    for requirement in [Requirement(line)]
}


def declared(*extras: str) -> dict[str, Requirement]:
    """The project's dependencies with some extras, and with the extras that these name."""
    lines = list(PROJECT["dependencies"])
    for extra in extras:
        lines += PROJECT["optional-dependencies"][extra]
    found = {}
    for requirement in map(Requirement, lines):
        if requirement.name == PROJECT["name"]:
            found |= declared(*requirement.extras)
        else:
            found[canonical(requirement.name)] = requirement
    return found


def with_dependencies(names: dict[str, Requirement]) -> set[str]:
    """The distributions that pip would install for some requirements, from installed metadata."""
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = list(names.values())
    while waiting:
        wanted = waiting.pop()
        this = (canonical(wanted.name), frozenset(wanted.extras))
        if this in seen:
            continue
        seen.add(this)
        for requirement in map(Requirement, requires(wanted.name) or []):
            marker = requirement.marker
            if not marker or any(marker.evaluate({"extra": e}) for e in {"", *wanted.extras}):
                waiting.append(requirement)
    return {name for name, _ in seen}


@cache
def owners() -> dict[str, set[str]]:
    """The distributions behind each top-level module of this environment."""
    return {
        module: {canonical(name) for name in names}
        for module, names in packages_distributions().items()
    }


def imported(path: Path) -> set[str]:
    """Top-level modules that a file imports, also inside functions and in the cells of a page."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".qmd":
        return set(re.findall(r"^(?:from|import) (\w+)", source, re.MULTILINE))
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.partition(".")[0])
    return found


# Dependencies -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "extras"),
    [
        ("code/tarea2/**/*.py", ["published", "cluster"]),
        ("code/publish/**/*.py", ["pages"]),
        ("code/*.py", ["pages", "tests"]),  # drawing thumbnails needs a browser
        ("**/*.qmd", ["pages"]),
        ("benchmarks/*.py", ["pages", "tests"]),
        ("tests/**/*.py", ["tests"]),
    ],
)
def test_what_is_imported_is_declared(pattern, extras):
    files = [path for path in ROOT.glob(pattern) if not {".venv", ".build"} & set(path.parts)]
    own = {path.stem for path in [*files, *ROOT.glob("*.py"), *ROOT.glob("code/*")]}
    own |= sys.stdlib_module_names
    names = set(declared(*extras))
    assert files
    missing = {
        f"{path.relative_to(ROOT)} imports {module}"
        for path in files
        for module in imported(path) - own
        if not owners().get(module, set()) & names
    }
    assert not missing


def test_every_pin_is_declared_and_meets_its_bound():
    everything = declared(*PROJECT["optional-dependencies"])
    assert set(PINS) == set(everything)
    for name, pin in PINS.items():
        (version,) = [bound.version for bound in pin.specifier if bound.operator == "=="]
        assert everything[name].specifier.contains(version), pin


def test_torch_is_pinned_exactly():
    """A looser spelling can fetch gigabytes of GPU packages."""
    assert str(PINS["torch"].specifier) == "==2.13.0"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The sources, and what `pip install .` would unpack from them."""
    folder = tmp_path_factory.mktemp("wheel")
    built = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "code", folder / "source" / "code", ignore=built)
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy2(ROOT / name, folder / "source")
    build = ["pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder / "built"]
    subprocess.run([sys.executable, "-m", *build, folder / "source"], check=True)
    (built,) = (folder / "built").glob("*.whl")
    with zipfile.ZipFile(built) as file:
        file.extractall(folder / "unpacked")
    return folder


@pytest.mark.install
def test_the_wheel_has_every_file_of_the_packages(wheel):
    def files(folder: Path) -> set[str]:
        return {
            path.relative_to(folder).as_posix()
            for package in ("tarea2", "publish")
            for path in (folder / package).rglob("*")
            if path.is_file()
        }

    assert "publish/page.lua" in files(wheel / "unpacked")
    assert files(wheel / "unpacked") == files(wheel / "source" / "code")


IMPORT_ALL = """
import importlib, json, pkgutil, sys

owners, allowed, packages = json.loads(sys.argv[1])

class Undeclared:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in owners and not set(owners[top]) & set(allowed):
            raise ModuleNotFoundError(f"{name} is in no declared dependency", name=name)

sys.meta_path.insert(0, Undeclared())
for package in packages:
    module = importlib.import_module(package)
    print(module.__file__)
    for part in pkgutil.walk_packages(getattr(module, "__path__", []), package + "."):
        importlib.import_module(part.name)
"""


def import_all(wheel: Path, packages: list[str], allowed: set[str]) -> subprocess.CompletedProcess:
    """Import every module of packages as if nothing else but ``allowed`` were installed."""
    names = {module: sorted(names) for module, names in owners().items()}
    names.pop("tarea2", None), names.pop("publish", None)
    argument = json.dumps([names, sorted(allowed), packages])
    return subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, argument],
        env=os.environ | {"PYTHONPATH": str(wheel / "unpacked")},
        cwd=wheel, capture_output=True, text=True,
    )  # fmt: skip


@pytest.mark.install
@pytest.mark.parametrize(("package", "extras"), [("tarea2", []), ("publish", ["pages"])])
def test_a_clean_install_imports_every_module(wheel, package, extras):
    done = import_all(wheel, [package], with_dependencies(declared(*extras)))
    assert done.returncode == 0, done.stderr
    assert str(wheel / "unpacked") in done.stdout


@pytest.mark.install
def test_an_undeclared_dependency_would_be_seen(wheel):
    without = {name: found for name, found in declared().items() if name != "pooch"}
    allowed = with_dependencies(without) - {"pooch"}
    done = import_all(wheel, ["tarea2.datasets"], allowed)
    assert "pooch is in no declared dependency" in done.stderr


# make.py and the Makefile -----------------------------------------------------------------------


def test_make_has_the_targets_of_make_py():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    (targets,) = re.findall(r"^TARGETS := (.+)$", makefile, re.MULTILINE)
    assert targets.split() == list(make.TARGETS)
    assert all(f"  {target} " in make.USAGE for target in make.TARGETS)
    assert all(f"  {name}=" in make.USAGE for name in make.SETTINGS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["raport"], "no target 'raport'; there are report, serve, "),
        (["report", "TORCH=gpu"], "no setting TORCH=gpu; there are ENGINE=auto|quarto|builtin, T"),
        (["report", "COLOR=blue"], "no setting COLOR=blue; "),
    ],
)
def test_a_wrong_word_is_refused_in_one_sentence(arguments, message, capsys):
    assert make.main(arguments) == 1
    assert capsys.readouterr().err.startswith(f"make: {message}")


def test_an_old_python_is_refused_in_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr(make.sys, "version_info", (3, 10, 9, "final", 0))
    assert make.main(["setup"]) == 1
    assert capsys.readouterr().err == (
        "make: Python 3.11 or newer is needed, this is 3.10: "
        "run python3.11 make.py, or make PYTHON=python3.11\n"
    )


def test_the_browser_tests_need_a_browser(monkeypatch, capsys):
    monkeypatch.setenv("PATH", "")
    assert make.main(["test-browser"]) == 1
    assert "Chromium is not installed" in capsys.readouterr().err
    monkeypatch.setattr(make, "run", lambda *arguments: 0)
    assert make.main(["test-slow", "test-all"]) == 0
    assert capsys.readouterr().out.count("Chromium is not installed") == 2
    assert make.main(["test", "test-install"]) == 0
    assert capsys.readouterr().out == ""


def test_the_tests_open_any_browser_that_make_accepts(monkeypatch):
    assert make.browser() == browsing.CHROMIUM
    for browser in make.BROWSERS:
        monkeypatch.setattr(shutil, "which", {browser: browser}.get)
        assert make.browser() == browser


def test_the_tiers_name_the_markers_that_there_are():
    """pytest takes a name that it does not know for one that no test has, and chooses wrongly."""
    named = {name for tier in make.TIERS.values() for name in re.findall(r"\w+", tier)}
    assert named - {"not", "and", "or"} == set(MARKERS) - {"site"}  # of which every tier has some
    assert set(conftest.MARKED) == set(MARKERS) - {"install"}  # which stands at each test


def test_the_tiers_hold_every_test_once():
    marked = [{}, {"browser"}, {"install"}, {"site"}, {"site", "browser"}, {"site", "install"}]

    def runs(tier, marks):
        return eval(make.TIERS[tier], {name: name in marks for name in MARKERS})

    for marks in marked:
        assert runs("test", marks) != runs("test-slow", marks)
        assert runs("test-slow", marks) == runs("test-browser", marks) | runs("test-install", marks)
        assert runs("test-all", marks)


def test_all_name_the_same_pythons():
    names = [f"3.{minor}" for minor in range(make.OLDEST[1], make.NEWEST[1] + 1)]
    label = "Programming Language :: Python :: "
    assert PROJECT["classifiers"] == [label + name for name in names]
    assert PROJECT["requires-python"] == f">={names[0]}"
    readme = (ROOT / "README.md").read_text("utf-8")
    assert f"Python {names[0]} to {names[-1]}" in readme


# The public CI ----------------------------------------------------------------------------------

WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))


def test_the_workflow_runs_both_engines_all_systems_and_all_pythons():
    builds = WORKFLOW["jobs"]["build"]["strategy"]["matrix"]["include"]
    pythons = {f"3.{minor}" for minor in range(make.OLDEST[1], make.NEWEST[1] + 1)}
    assert {build["python"] for build in builds} == pythons
    assert {(build["engine"], build["system"].partition("-")[0]) for build in builds} == {
        ("quarto", "ubuntu"), ("builtin", "ubuntu"), ("builtin", "macos"), ("builtin", "windows"),
    }  # fmt: skip
    assert WORKFLOW["env"]["TORCH"] in make.SETTINGS["TORCH"]


def test_the_workflow_says_what_make_understands_and_publishes_a_site_it_made():
    steps = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]
    called = re.findall(
        r"(?:make|python make\.py) ([\w-]+)", "\n".join(s.get("run", "") for s in steps)
    )
    assert (
        {"report", "test", "test-browser", "test-install", "lint"}
        <= set(called)
        <= set(make.TARGETS)
    )
    quarto = [step for step in steps if "quarto-actions" in step.get("uses", "")]
    assert len(quarto) == 2  # it builds, and its pages are visited
    assert {f"quarto-cli=={step['with']['version']}" for step in quarto} == {QUARTO_PACKAGE}
    (kept,) = [s for s in steps if "upload-artifact" in s.get("uses", "")]
    made = set()
    for build in WORKFLOW["jobs"]["build"]["strategy"]["matrix"]["include"]:
        name = kept["with"]["name"]
        for key, value in build.items():
            name = name.replace(f"${{{{ matrix.{key} }}}}", value)
        made.add(name)
    assert "{" not in "".join(made)
    (taken,) = [step for step in steps if "download-artifact" in step.get("uses", "")]
    assert taken["with"]["name"] in made


# README and CONTRIBUTING ------------------------------------------------------------------------


def test_the_tables_of_contributing_are_those_of_today():
    text = contributing.PAGE.read_text("utf-8")
    assert contributing.updated(text) == text, "run `make tables`"


def test_an_old_table_would_be_seen():
    text = contributing.PAGE.read_text("utf-8")
    assert "| `tarea2 train segmentation --jobs 2` | 30, 100 |" in text
    assert contributing.updated(text.replace(" 30, 100 |", " 29, 97 |")) == text
    with pytest.raises(SystemExit, match=r"no single block from <!-- map -->"):
        contributing.updated(text.replace("<!-- end of map -->", ""))


def test_the_map_knows_modules_from_what_is_in_them():
    code = "from tarea2 import models, pages\nfrom tarea2.plots import final as draw\n"
    code += "from tarea2.evaluation import predict\nimport numpy as np\n"
    assert contributing.imports(code) == {"models", "pages", "plots.final", "evaluation"}
    assert contributing.tests_of("convolution") == {"convolution"}
    assert "results" in contributing.tests_of("studies.final")  # no test file has its name


def test_every_path_that_the_readmes_name_is_there():
    for name in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / name).read_text("utf-8")
        links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
        paths = re.findall(r"`((?:code|data|theme|tests|chapters)/[\w./-]*\w/?)`", text)
        missing = [path for path in [*links, *paths] if not (ROOT / path).exists()]
        assert len(links) + len(paths) > 5
        # Folders that git ignores are made when something is put into them.
        made = (ROOT / ".gitignore").read_text("utf-8").split()
        named = [path for path in missing if not re.search("NN-name|NAME", path)]
        assert not [path for path in named if not any(map(path.startswith, made))]


# A project with a build backend of its own, so that installing it needs no network.
BACKEND = """
import zipfile

def get_requires_for_build_editable(settings=None):
    return []

def build_editable(folder, settings=None, metadata=None):
    wheel("toy", "0.1", [], folder)
    return "toy-0.1-py3-none-any.whl"

def wheel(name, version, requirements, folder):
    info = f"{name}-{version}.dist-info"
    metadata = [f"Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    metadata += [f"Requires-Dist: {requirement}" for requirement in requirements]
    with zipfile.ZipFile(f"{folder}/{name}-{version}-py3-none-any.whl", "w") as file:
        file.writestr(f"{name}.py", "")
        file.writestr(f"{info}/METADATA", "\\n".join(metadata) + "\\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        file.writestr(f"{info}/RECORD", "")
"""


@pytest.fixture
def toy(tmp_path):
    """A copy of make.py with a toy project and two indexes of toy packages, all in a folder."""
    root = tmp_path / "toy"
    root.mkdir()
    (root / "backend.py").write_text(BACKEND)
    (root / "requirements.txt").write_text("torch==2.13.0\n")
    (root / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "toy"\nversion = "0.1"\n[tool.setuptools]\n'
    )
    source = (ROOT / "make.py").read_text("utf-8")
    assert make.CPU_INDEX in source
    cpu, public = tmp_path / "cpu", tmp_path / "public"
    (root / "make.py").write_text(source.replace(make.CPU_INDEX, cpu.as_uri()), "utf-8")
    names = {}
    exec(BACKEND, names)
    for index, name, version, requirements in [
        (public, "torch", "2.13.0", ["filelock", "gpulibs"]),
        (public, "gpulibs", "1.0", []),
        (public, "filelock", "1.0", []),
        (public, "testtool", "1.0", []),
        (cpu, "torch", "2.13.0+cpu", ["filelock"]),
        (cpu, "filelock", "9.0", []),  # must not be taken from here
    ]:
        (index / name).mkdir(parents=True)
        names["wheel"](name, version, requirements, index / name)
        (file,) = (index / name).iterdir()
        link = f'<a href="{file.name.replace("+", "%2B")}">{file.name}</a>'
        (index / name / "index.html").write_text(f"<!DOCTYPE html><html><body>{link}</body></html>")

    clean = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    for name in ("PYTHON", *make.SETTINGS):
        clean.pop(name, None)
    clean |= {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": public.as_uri()}

    def run(*arguments: str, **environment: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, run.root / "make.py", *arguments],
            env=clean | environment, capture_output=True, text=True,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    run.root = root
    run.installed = lambda: {
        path.name.removesuffix(".dist-info")
        for path in (run.root / ".venv").rglob("*.dist-info")
        if not path.name.startswith(("pip-", "setuptools-"))
    }
    return run


@pytest.mark.install
@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux is PyPI's torch the large one")
def test_setup_installs_once_and_torch_without_gpu_libraries_on_request(toy):
    assert toy("setup") == (0, "Setting up .venv (a few minutes the first time)\n", "")
    assert toy.installed() == {"torch-2.13.0", "gpulibs-1.0", "filelock-1.0", "toy-0.1"}
    assert toy("setup") == (0, "", "")

    code, said, _ = toy("setup", "TORCH=cpu")
    assert code == 0
    assert said.startswith("Making .venv anew: its PyTorch is the one with GPU libraries\n")
    assert toy.installed() == {"torch-2.13.0+cpu", "filelock-1.0", "toy-0.1"}
    assert toy("setup", "TORCH=cpu") == toy("setup") == (0, "", "")

    # What is asked for once stays, also when something else is to be installed.
    requirements = toy.root / "requirements.txt"
    requirements.write_text("torch==2.13.0\nfilelock\n# more\n")
    assert toy("setup")[:2] == (0, "Setting up .venv (a few minutes the first time)\n")
    assert toy.installed() == {"torch-2.13.0+cpu", "filelock-1.0", "toy-0.1"}

    requirements.write_text("torch==2.13.0\nmissing\n")
    code, said, errors = toy("setup")
    assert code == 1
    assert errors.splitlines()[-1] == (
        "make: the packages could not be installed: that needs a network, and Python 3.11 to 3.14"
    )
    assert toy("setup")[0] == 1  # a failed installation is not taken for a finished one


@pytest.mark.install
def test_what_only_tests_need_is_installed_when_they_are_asked_for(toy):
    with (toy.root / "pyproject.toml").open("a") as file:
        file.write('[project.optional-dependencies]\ntests = ["toy[x]", "TestTool>=0.5"]\n')
    (toy.root / "requirements.txt").write_text("torch==2.13.0\n# tests\ntesttool==1.0\n")
    toy("report")  # there is nothing to render: it is about what is set up before
    assert toy.installed() == {"torch-2.13.0", "filelock-1.0", "gpulibs-1.0", "toy-0.1"}
    assert "Setting up" not in toy("tables")[1]
    assert "Setting up" in toy("setup")[1]
    assert toy.installed() == {
        "torch-2.13.0", "filelock-1.0", "gpulibs-1.0", "testtool-1.0", "toy-0.1"
    }  # fmt: skip
    assert "Setting up" not in toy("tables")[1] + toy("setup")[1]


UV = """#!/bin/sh
# What `uv pip install --quiet --python PYTHON ...` does, by pip.
echo "$@" >> "$0.log"
python=$5
shift 5
exec "$python" -m pip install --quiet --disable-pip-version-check "$@"
"""


@pytest.mark.install
@pytest.mark.skipif(sys.platform != "linux", reason="the program is a shell script")
@pytest.mark.parametrize(("own", "used"), [({"UV_DEFAULT_INDEX": "as pip's"}, True), ({}, False)])
def test_uv_installs_where_it_is_there_and_knows_the_index(toy, tmp_path, own, used):
    uv = tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text(UV)
    uv.chmod(0o755)
    path = os.pathsep.join([str(uv.parent), os.environ["PATH"]])
    assert toy("setup", PATH=path, **own)[0] == 0
    assert toy.installed() == {"torch-2.13.0", "gpulibs-1.0", "filelock-1.0", "toy-0.1"}
    log = uv.with_name("uv.log")
    assert log.exists() == used
    if used:
        python = toy.root / ".venv" / "bin" / "python"
        pins, own_code = log.read_text().splitlines()
        assert pins == f"pip install --quiet --python {python} -r {toy.root}/requirements.txt"
        assert own_code.endswith(f"--no-deps --editable {toy.root}")


def test_all_that_is_no_tool_of_tests_or_lint_is_needed_by_pages():
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    kept = {make.name_of(line) for line in make.needed_by_pages(lines)}
    extras = ("published", "pretrained", "cluster", "pages")
    needed = {make.name_of(name) for name in declared(*extras)}
    tools = {"ruff", "mypy", "types-pyyaml", "pytest", "playwright", "hypothesis"}
    assert kept == needed
    assert not kept & tools
    assert tools < set(map(make.name_of, PINS))


@pytest.mark.install
def test_an_environment_that_was_copied_with_its_project_is_made_anew(toy, tmp_path):
    assert toy("setup")[0] == 0
    first, copy = toy.root, tmp_path / "proyecto v2 ñ"
    shutil.copytree(first, copy, symlinks=True)
    toy.root = copy
    code, said, _ = toy("setup")
    assert code == 0
    assert said.startswith(f"Making .venv anew: it belongs to {first}\nSetting up .venv")
    assert toy("setup") == (0, "", "")  # its own folder is known, blanks and accents included
    first.rename(tmp_path / "renamed")
    toy.root = tmp_path / "renamed"
    assert toy("setup")[1].startswith(f"Making .venv anew: it belongs to {first}\n")


@pytest.mark.install
def test_a_link_to_another_environment_is_replaced_and_the_other_stays(toy, tmp_path):
    assert toy("setup")[0] == 0
    first, copy = toy.root, tmp_path / "copy"
    shutil.copytree(first, copy, ignore=shutil.ignore_patterns(".venv"))
    (copy / ".venv").symlink_to(first / ".venv")
    toy.root = copy
    assert toy("setup")[1].startswith(f"Making .venv anew: it belongs to {first}\n")
    assert not (copy / ".venv").is_symlink()
    toy.root = first
    assert toy("setup") == (0, "", "")


@pytest.mark.install
def test_where_a_user_s_pip_installs_to_is_not_where_make_does(toy, tmp_path):
    elsewhere = {"PIP_USER": "1", "PIP_TARGET": str(tmp_path / "t"), "PIP_PREFIX": ""}
    code, _, errors = toy("setup", **elsewhere)
    assert (code, errors) == (0, "")
    assert toy.installed() == {"torch-2.13.0", "gpulibs-1.0", "filelock-1.0", "toy-0.1"}
    assert not (tmp_path / "t").exists()


def test_an_environment_is_made_anew_when_it_does_not_do(tmp_path, monkeypatch):
    monkeypatch.delenv("PYTHON", raising=False)
    monkeypatch.setattr(make, "VENV", tmp_path / "venv")
    assert make.why_anew({}) == ""
    (tmp_path / "venv").mkdir()
    monkeypatch.setattr(make, "PYTHON", tmp_path / "venv" / "gone")
    assert make.why_anew({}) == "its Python does not run"
    monkeypatch.setattr(make, "PYTHON", Path(sys.executable))
    assert make.why_anew({"TORCH": "cpu"}) == ""
    found = f"{sys.version_info[0]}.{sys.version_info[1]}"
    monkeypatch.setattr(make.sys, "version_info", (3, 99, 0, "final", 0))
    assert make.why_anew({}) == ""
    monkeypatch.setenv("PYTHON", "python3.99")
    assert make.why_anew({}) == f"it has Python {found}, and PYTHON asks for 3.99"
