"""The report shows what the stored results say: other results in a copy give another report."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from bs4 import BeautifulSoup

from publish.project import ROOT
from tarea2 import records

pytestmark = pytest.mark.install


def copy_of_the_project(root):
    """What the report is built from, with results that may be changed."""
    shutil.copytree(ROOT / "code", root / "code", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "data" / "results", root / "data" / "results")
    (root / "data" / "models").symlink_to(ROOT / "data" / "models")
    for name in ("_quarto.yml", "_autoria.yml", "references.bib", "theme", "chapters", "index.qmd"):
        (root / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "report.qmd", root)
    return root


def build_report(root) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "publish", "--page", "report.qmd", "--to", "html"],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root / "code")},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def altered(tmp_path_factory):
    """The report, rebuilt from results that were changed without contradicting its claims."""
    root = copy_of_the_project(tmp_path_factory.mktemp("copy"))
    inject(root, "segmentation-recipes", "baseline-lr-0.01", test_miou=lambda old: old - 0.02)
    inject(root, "segmentation", "width-16", validation_miou=lambda old: old + 0.01)
    inject(root, "final", "width-9", test_accuracy=lambda old: 0.9865)
    inject(root, "notebooks", "mnist1d-cnn", test_accuracy=lambda old: old - 0.4)
    inject(root, "segmentation", "width-8", test_miou=lambda old: old - 0.1)
    built = build_report(root)
    assert built.returncode == 0, built.stderr
    return root / ".build" / "site" / "report.html"


def test_results_that_contradict_a_claim_stop_the_build(tmp_path):
    root = copy_of_the_project(tmp_path)
    inject(root, "segmentation-recipes", "reference-lr-0.03", test_miou=lambda old: old + 0.05)
    built = build_report(root)
    assert built.returncode == 1
    (line,) = [line for line in built.stderr.splitlines() if line.startswith("report.qmd:")]
    place = int(line.split(":")[1])
    page = (root / "report.qmd").read_text().splitlines()
    assert page[place - 1] == "best_gains_little = holds("
    told = ("ClaimError", "no longer show 'solo'", "interval of wide-slow - reference, -0.0")
    assert [part for part in told if part not in line] == []
    assert not (root / "_output").exists()


def rewrite(path, change) -> None:
    content = json.loads(path.read_text())
    change(content)
    content["digest"] = records.digest(content)
    path.write_text(json.dumps(content))


def inject(root, experiment, name, **changes) -> None:
    paths = sorted((root / "data" / "results" / experiment).glob(f"{name}-seed*.json"))
    assert len(paths) >= 3
    for path in paths:
        for metric, change in changes.items():
            rewrite(
                path,
                lambda run, metric=metric, change=change: run["metrics"].update(
                    {metric: change(run["metrics"][metric])}
                ),
            )


def text_of(path) -> str:
    main = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser").main
    for code in main.select("details"):
        code.decompose()
    return " ".join(main.get_text().replace("\u00a0", " ").split())


def test_other_results_are_found_in_the_rebuilt_report(altered, site):
    before, after = text_of(site / "report.html"), text_of(altered)
    for old, new in (
        ("a la línea base, en 0,241 (de", "a la línea base, en 0,261 (de"),  # an interval
        ("supera en 0,23 de mIoU", "supera en 0,25 de mIoU"),  # a difference of means
        ("parecía perder 0,23 frente", "parecía perder 0,33 frente"),
        ("99,12 % (", "98,65 % ("),
        ("acierta el 89,8 %", "acierta el 49,8 %"),
        ("89,8 ± 1,1 %", "49,8 ± 1,1 %"),  # the table of notebooks
    ):
        assert old in before
        assert old not in after
        assert new in after
        assert new not in before


def test_other_results_change_the_figures(altered, site):
    for name in ("arquitecturas", "factores", "tamanos"):
        file = f"report_files/fig-informe-{name}-1.svg"
        assert (altered.parent / file).read_bytes() != (site / file).read_bytes()
    same = "report_files/fig-informe-ventanas-1.svg"
    assert (altered.parent / same).read_bytes() == (site / same).read_bytes()
