"""Write the tables of CONTRIBUTING.md anew: what each page uses, what each study gave and took.

``make tables`` runs this; a test fails while the file holds other tables than the code and the
stored results give.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from publish.page import read
from publish.project import ROOT, Project, PublishError, require_own
from tarea2 import paths, results
from tarea2.studies import STUDIES, Study
from tarea2.studies.definition import best_run

PAGE = ROOT / "CONTRIBUTING.md"
PACKAGE = ROOT / "code" / "tarea2"
# What every page uses to read and to write numbers; figures are drawn by a module of `plots`.
SUPPORT = {"pages", "paths", "plots.labels", "plots.style", "records", "results", "studies",
           "typography", "udl"}  # fmt: skip
SCORES = {"test_miou": "mean IoU", "test_accuracy": "accuracy", "test_error": "share of errors",
          "test_loss": "loss"}  # fmt: skip


def main() -> None:
    require_own(Path(__file__).parent)
    text = PAGE.read_text(encoding="utf-8")
    fresh = updated(text)
    if fresh != text:
        temporary = PAGE.with_name(f".{PAGE.name}.new")
        temporary.write_text(fresh, encoding="utf-8", newline="\n")
        os.replace(temporary, PAGE)
    print(f"{PAGE.name} {'is as it was' if fresh == text else 'has new tables'}")


def updated(text: str) -> str:
    """The page with today's tables between its marks, such as ``<!-- map -->``."""
    for name, table in (("map", page_table()), ("studies", study_table())):
        block = re.compile(rf"(<!-- {name}\b[^>]*-->).*?(<!-- end of {name} -->)", re.DOTALL)
        if len(block.findall(text)) != 1:
            raise SystemExit(f"{PAGE.name}: no single block from <!-- {name} --> to its end")
        text = block.sub(lambda marks, table=table: f"{marks[1]}\n\n{table}\n\n{marks[2]}", text)
    return text


# Chapter, modules, studies, tests -----------------------------------------------------------------


def page_table() -> str:
    """One row per chapter that calls the package; the report calls nearly all of it."""
    rows = []
    for path in Project().reading_order():
        if not path.startswith("chapters/"):
            continue
        page = read(path, ROOT)
        code = "\n".join(cell.code for cell in page.cells if cell.kind == "code")
        modules = sorted(imports(code) - SUPPORT)
        if modules:
            called = [name for name in re.findall(r"\bload\(\"([\w-]+)\"", code) if name in STUDIES]
            rows.append((
                f"[{page.metadata['title']}]({path})",
                _list(f"`{name}`" for name in modules),
                _list(f"`{name}`" for name in dict.fromkeys(called)),
                _list(sorted({test for name in modules for test in tests_of(name)})),
            ))  # fmt: skip
    return _table(["chapter", "modules of `tarea2`", "studies", "tests: `tests/test_….py`"], rows)


def imports(code: str) -> set[str]:
    """The modules of ``tarea2`` that code imports, as ``models`` or ``plots.final``."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "tarea2":
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                while not _is_module(name):
                    name = name.rpartition(".")[0]
                found.add(name.partition(".")[2])
    return found - {""}


def _is_module(name: str) -> bool:
    place = PACKAGE.parent.joinpath(*name.split("."))
    return place.with_suffix(".py").exists() or (place / "__init__.py").exists()


@cache
def _tests() -> dict[str, set[str]]:
    """Name of each test file, without ``test_``, and the modules that it imports."""
    files = (ROOT / "tests").glob("test_*.py")
    return {
        path.stem.removeprefix("test_"): imports(path.read_text(encoding="utf-8")) for path in files
    }


def tests_of(module: str) -> set[str]:
    """The test file of the module's own name; where there is none, those that import it.

    Figures are looked at by the tests of the pages that show them.
    """
    if module.startswith("plots."):
        return set()
    own = module.rpartition(".")[2]
    if own in _tests():
        return {own}
    return {test for test, modules in _tests().items() if module in modules}


# Studies, scores, times ------------------------------------------------------------------------


@cache
def study_table() -> str:
    """One row per study: what its best networks reached on test, and how long its runs took."""
    rows = []
    for study in STUDIES.values():
        if study.name == "check":  # one short run, for `tarea2 verify`
            continue
        runs = [results.read(path) for path in sorted((paths.RESULTS / study.name).glob("*.json"))]
        # Runs with one thread were trained by two processes side by side.
        jobs = 2 if all(run["threads"] == 1 for run in runs) else 1
        minutes = sum(run["seconds"] for run in runs) / 60 / jobs
        rows.append((
            f"`tarea2 train {study.name}{' --jobs 2' if jobs > 1 else ''}`",
            f"{len({run['name'] for run in runs})}, {len(runs)}",
            _list(_scores(study, runs)),
            f"{minutes:.0f} min" if minutes >= 1 else "seconds",
        ))  # fmt: skip
    return _table(["command", "networks, runs", "best on validation reached on test", "time"], rows)


def _scores(study: Study, runs: list[dict]) -> Iterator[str]:
    everything = {"": tuple(definition.name for definition in study.definitions)}
    for model, names in (study.stored_models or everything).items():
        best = best_run([run for run in runs if run["name"] in names])["metrics"]
        metric = next(name for name in SCORES if name in best)
        yield f"{f'`{model}`: ' if model else ''}{SCORES[metric]} {best[metric]:.3f}"


def _table(names: list[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _list(items: Iterable[str]) -> str:
    return ", ".join(items)


if __name__ == "__main__":
    try:
        main()
    except PublishError as error:
        raise SystemExit(str(error)) from None
