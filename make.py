"""What ``make`` does, on every system: ``python make.py report``, ``python make.py test``.

Needs Python and nothing else: it sets up ``.venv`` with the versions of ``requirements.txt`` and
runs the rest in there. The Makefile calls it, so that both do the same. Settings follow as they do
with make, or stand in the environment: ``python make.py report ENGINE=builtin TORCH=cpu``.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
# What the environment was set up from: with what the pages need, and with all.
FOR_PAGES, FOR_ALL = VENV / ".installed-pages", VENV / ".installed"
# Groups of pyproject.toml whose own packages no page needs: they are installed when a target that
# runs them is asked for first.
LATER = ("tests", "lint")
OLDEST, NEWEST = (3, 11), (3, 14)  # the Python versions that the pinned packages come for
WINDOWS = os.name == "nt"
BIN = VENV / ("Scripts" if WINDOWS else "bin")
PYTHON = BIN / ("python.exe" if WINDOWS else "python")
# On Linux, the `torch` of PyPI brings GPU libraries of several gigabytes; the one here does not.
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")  # names on the PATH
# What each target runs, as `pytest -m` reads it; pyproject.toml says what the markers mean.
TIERS = {
    "test": "not (browser or install)",
    "test-slow": "browser or install",
    "test-all": "browser or not browser",
    "test-browser": "browser",
    "test-install": "install",
}

NO_BROWSER = (
    "Chromium is not installed: install your system's package, such as `apt install chromium`, "
    "and see that it is on the PATH"
)

SETTINGS = {
    "ENGINE": ("auto", "quarto", "builtin"),  # who renders the pages
    "TORCH": ("cpu",),  # unset: the kind that is in .venv, at first PyPI's
    "LIGHT": ("1",),  # unset: all that is handed in
}
USAGE = """\
python make.py TARGET [SETTING=value ...]

  report        set up .venv, render everything into _output/
  preview       show the pages in a browser, and what you save as you save it
  serve         open the site in a browser through a server, which Quarto's search needs
  test          run the tests that need neither Chromium nor an environment of their own
  test-slow     run the rest: test-browser and test-install
  test-all      run test and test-slow
  test-browser  run the tests that open pages in Chromium; without it that is an error
  test-install  run the tests of environments, wheels, clusters, copies, processes at limits
  entrega       render, then pack everything that is handed in into _output/entrega.zip
  tables        write the tables of CONTRIBUTING.md anew from code and stored results
  lint          check style, types, layers and workflows
  setup         set up .venv only, with what tests and lint need too
  clean         remove what was built; .venv and your own files in _output/ stay

  ENGINE=quarto, ENGINE=builtin   who renders the pages; by default Quarto where it can be had
  TORCH=cpu                       on Linux: PyTorch without GPU libraries, from its own index
  LIGHT=1                         entrega: less in _output/entrega-ligera.zip, under 10 MB
"""


class MakeError(Exception):
    """Something the user can mend; the message is the whole report."""


def main(arguments: list[str]) -> int:
    """Make the targets among the arguments in order; return the exit code of the first failure."""
    targets = [word for word in arguments if "=" not in word]
    settings = {name: os.environ[name] for name in SETTINGS if os.environ.get(name)}
    settings.update(dict(word.split("=", 1) for word in arguments if "=" in word))
    try:
        for name, value in settings.items():
            if value not in SETTINGS.get(name, ()):
                known = ", ".join(f"{key}={'|'.join(SETTINGS[key])}" for key in SETTINGS)
                raise MakeError(f"no setting {name}={value}; there are {known}")
        for target in targets:
            if target not in TARGETS:
                raise MakeError(f"no target {target!r}; there are {', '.join(TARGETS)}")
        if not targets:
            print(USAGE, end="")
        for target in targets:
            code = TARGETS[target](settings)
            if code:
                return code
    except MakeError as error:
        print(f"make: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


# Targets ----------------------------------------------------------------------------------------


def report(settings: dict[str, str]) -> int:
    return run(settings, "-m", "publish", "--engine", settings.get("ENGINE", "auto"))


def serve(settings: dict[str, str]) -> int:
    return run(settings, "-m", "publish.serve")


def preview(settings: dict[str, str]) -> int:
    """Quarto's preview where it is asked for, else our own."""
    quarto = ["--engine", "quarto"] if settings.get("ENGINE") == "quarto" else []
    return run(settings, "-m", "publish.preview", *quarto)


def test(tier: str, settings: dict[str, str]) -> int:
    """Run the tests of a tier. Without Chromium, one that opens a browser says what it skips."""
    if "browser" in TIERS[tier].split() and not browser():
        if tier == "test-browser":
            raise MakeError(NO_BROWSER)
        print(f"Skipping the tests that open a browser. {NO_BROWSER}", flush=True)
    setup(settings)
    # A worker for each processor, and a file's tests with one of them: what they share, such as a
    # browser or a trained network, is made once. `worksteal` splits files and makes it twice.
    return run(settings, "-m", "pytest", "-n", "auto", "--dist", "loadfile", "-m", TIERS[tier])


def browser() -> str:
    """The path of the Chromium that the tests open; empty where there is none."""
    return next(filter(None, map(shutil.which, BROWSERS)), "")


def entrega(settings: dict[str, str]) -> int:
    light = ["--light"] if "LIGHT" in settings else []
    return report(settings) or run(settings, "-m", "publish.submission", *light)


def tables(settings: dict[str, str]) -> int:
    return run(settings, str(ROOT / "code" / "contributing.py"))


def lint(settings: dict[str, str]) -> int:
    """Every check, also after one that failed: one look shows all there is to mend."""
    setup(settings)
    workflows = sorted(map(str, (ROOT / ".github" / "workflows").glob("*.yml")))
    codes = [
        run(settings, "-m", "ruff", "check", "."),
        run(settings, "-m", "ruff", "format", "--check", "."),
        run(settings, "-m", "mypy"),
        run(settings, "--no-cache", "--no-logo", program="lint-imports"),
        run(settings, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows",
            *workflows),
    ]  # fmt: skip
    return int(any(codes))


def clean(settings: dict[str, str]) -> int:
    """Remove what was built; a reader's files in ``_output/`` stay, and are named."""
    output = ROOT / "_output"
    try:  # as publish.publication notes it
        known = json.loads((ROOT / ".build" / "published.json").read_bytes())["known"]
    except (OSError, ValueError, KeyError, TypeError):
        known = {}
    for name, digests in known.items():
        path = output / name
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() in digests:
            path.unlink()
    for folder, _, _ in os.walk(output, topdown=False):
        if not os.listdir(folder) and not os.path.islink(folder):
            os.rmdir(folder)
    left = sorted(path.relative_to(output).as_posix() for path in output.rglob("*")
                  if not path.is_dir())  # fmt: skip
    if left:
        more = f" and {len(left) - 20} more" if len(left) > 20 else ""
        print(f"Kept in _output/, not as a build left it: {', '.join(left[:20])}{more}")
    for name in (".build", ".quarto"):
        shutil.rmtree(ROOT / name, ignore_errors=True)
    return 0


def run(settings: dict[str, str], *arguments: str, program: str = "python") -> int:
    """Run a program of ``.venv`` in the project's folder, after setting up what pages need."""
    setup(settings, everything=False)
    # UTF-8 also where the system's own encoding is another, as on Windows.
    environment = dict(os.environ, PYTHONUTF8="1")
    return subprocess.call([str(BIN / program), *arguments], cwd=str(ROOT), env=environment)


# The environment --------------------------------------------------------------------------------


def setup(settings: dict[str, str], everything: bool = True) -> int:
    """Set up ``.venv``, or bring it up to date when what it was set up from has changed.

    ``everything``: with the packages of :data:`LATER`, or those that pages need alone.
    """
    if sys.version_info < OLDEST:
        found, wanted = (".".join(map(str, pair[:2])) for pair in (sys.version_info, OLDEST))
        raise MakeError(
            f"Python {wanted} or newer is needed, this is {found}: "
            f"run python{wanted} make.py, or make PYTHON=python{wanted}"
        )
    reason = why_anew(settings)
    if reason:
        if Path(sys.prefix).resolve() == VENV:
            raise MakeError(f".venv has to be made anew ({reason}): run `deactivate` first")
        print(f"Making .venv anew: {reason}", flush=True)
        if VENV.is_symlink():
            VENV.unlink()  # what it leads to is another's
        else:
            shutil.rmtree(VENV)
    wanted = sources()
    for stamp in (FOR_ALL,) if everything else (FOR_ALL, FOR_PAGES):
        if stamp.exists() and stamp.read_text(encoding="utf-8").strip() == wanted:
            return 0
    print("Setting up .venv (a few minutes the first time)", flush=True)
    base = getattr(sys, "_base_executable", sys.executable)  # not that of another environment
    if not PYTHON.exists() and subprocess.call([base, "-m", "venv", str(VENV)]):
        raise MakeError(".venv could not be made; on Debian or Ubuntu, `apt install python3-venv`")
    # A user's settings for pip that would put the packages elsewhere; an index of theirs counts.
    places = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT")
    given = {name: value for name, value in os.environ.items() if name.upper() not in places}
    given["PIP_USER"] = "0"  # also where pip's own file asks for it
    program = installer(given)
    for arguments in installs(settings, everything):
        if subprocess.call([*program, *arguments], cwd=str(ROOT), env=given):
            raise MakeError(
                "the packages could not be installed: that needs a network, and Python "
                "{}.{} to {}.{}".format(*OLDEST, *NEWEST)
            )
    stamp = FOR_ALL if everything else FOR_PAGES
    temporary = stamp.with_name(stamp.name + ".new")
    temporary.write_text(wanted + "\n", encoding="utf-8")
    temporary.replace(stamp)
    return 0


def installer(environment: dict[str, str]) -> list[str]:
    """The beginning of a command that installs packages: uv's where it is on the PATH, else pip's.

    uv reads none of pip's settings: where these name an index or certificates, as behind a firm's
    wall, and uv's own do not, pip is taken.
    """
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    uv = shutil.which("uv", path=environment.get("PATH"))
    if not uv:
        return pip
    told = subprocess.run(
        [str(PYTHON), "-m", "pip", "config", "list"],
        env=environment, stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    own = any(name.startswith("UV_") and "INDEX" in name for name in environment)
    if not own and any(word in told.stdout for word in ("index", "find-links", "cert", "proxy")):
        return pip
    return [uv, "pip", "install", "--quiet", "--python", str(PYTHON)]


def installs(settings: dict[str, str], everything: bool = True) -> list[list[str]]:
    """The arguments of each ``pip install``, in order; see :func:`setup`.

    Only torch itself comes from PyTorch's index. What it depends on comes with
    ``requirements.txt``, whose ``torch==`` the CPU build fulfils.
    """
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    (pinned,) = [line for line in lines if line.startswith("torch==")]
    pins = ["-r", str(ROOT / "requirements.txt")]
    if not everything:  # the pins hold for what these bring with them, too
        pins = ["-c", str(ROOT / "requirements.txt"), *needed_by_pages(lines)]
    steps = [pins, ["--no-deps", "--editable", str(ROOT)]]
    present = installed_torch()
    wants_cpu = "TORCH" in settings or present.endswith("+cpu")
    if sys.platform == "linux" and wants_cpu and present != pinned.replace("==", "-") + "+cpu":
        steps.insert(0, ["--no-deps", "--index-url", CPU_INDEX, pinned])
    return steps


def needed_by_pages(lines: list[str]) -> list[str]:
    """The lines of ``requirements.txt`` that are no package of :data:`LATER`'s own."""
    groups = project_table()["project"].get("optional-dependencies", {})
    later = {name_of(each) for group in LATER for each in groups.get(group, ())}
    pinned = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return [line for line in pinned if name_of(line) not in later]


def name_of(requirement: str) -> str:
    """The name of a package, as indexes write it: ``"types-pyyaml"`` for ``types_PyYAML>=6``."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()


def installed_torch() -> str:
    """For example ``torch-2.13.0+cpu``; empty where ``.venv`` has none."""
    found = VENV.glob("lib/python*/site-packages/torch-*.dist-info")
    return next((path.name[: -len(".dist-info")] for path in found), "")


def why_anew(settings: dict[str, str]) -> str:
    """Why the environment cannot be brought up to date as it is; empty if it can."""
    if not VENV.exists():
        return ""
    ask = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        found = subprocess.check_output([str(PYTHON), "-c", ask], text=True).strip()
    except (OSError, subprocess.CalledProcessError):
        return "its Python does not run"
    other = owner()
    if other:
        return f"it belongs to {other}"
    asked = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if os.environ.get("PYTHON") and asked != found:
        return f"it has Python {found}, and PYTHON asks for {asked}"
    torch = installed_torch()
    if sys.platform == "linux" and "TORCH" in settings and torch and not torch.endswith("+cpu"):
        return "its PyTorch is the one with GPU libraries"
    return ""


def owner() -> str:
    """The folder whose code the environment runs, if that is not this one; else empty.

    A project that was copied or renamed with its ``.venv`` has that of the first folder, whose
    code and pages every command would take. pip notes the folder (PEP 610).
    """
    name = project_table()["project"]["name"]
    for libraries in ("lib/python*", "Lib"):
        for note in VENV.glob(f"{libraries}/site-packages/{name}-*.dist-info/direct_url.json"):
            address = json.loads(note.read_text(encoding="utf-8"))["url"]
            folder = Path(url2pathname(urlparse(address).path))
            if not folder.exists() or not folder.samefile(ROOT):
                return str(folder)
    return ""


def project_table() -> dict:
    """What ``pyproject.toml`` says."""
    import tomllib  # not in the Pythons that `setup` refuses

    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def sources() -> str:
    """Hash of what the environment is made from; a change elsewhere installs nothing."""
    project = project_table()
    parts = [project["build-system"], project["project"], project["tool"]["setuptools"]]
    parts.append((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


TARGETS = {
    "report": report, "serve": serve, "preview": preview,
    **{tier: partial(test, tier) for tier in TIERS},
    "entrega": entrega, "tables": tables, "lint": lint, "setup": setup, "clean": clean,
}  # fmt: skip

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
