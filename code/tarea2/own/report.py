"""The page of a study on own images: composed from one source and made by ``publish``."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from tarea2 import records
from tarea2.datasets import DataError
from tarea2.own.stored import OwnRuns, examples, find, load
from tarea2.paths import replacing
from tarea2.records import ResultError
from tarea2.studies import segmentation

SOURCE = Path(__file__).with_name("report.qmd")
PACKAGES = ("bs4", "babel", "ipykernel", "jupytext", "nbclient", "pypandoc", "typst", "yaml")
LARGEST_MATRIX = 12  # classes
FIELDS: records.Fields = {"study": str, "files": dict}


def report(
    folder: Path, name: str | None = None, out: Path | None = None,
    say: Callable[[str], None] = print, engine: str = "builtin",
) -> tuple[Path, Path]:  # fmt: skip
    """Make the page of a study, as HTML in one file and as PDF; returns both paths.

    folder: the study's store. name: of the study, where the folder holds several. out: where the
    page goes, by default ``folder/reports``. ``say`` hears what had to be left out, and why.
    engine: ``builtin``, or ``quarto``, which makes the same page with Quarto's program, or
        ``auto``: Quarto where it is installed.

    Raises
    ------
    ResultError: no study or no run, altered records, packages that are missing, a file in the way.
    """
    missing = [package for package in PACKAGES if find_spec(package) is None]
    if missing:
        raise ResultError(
            f"pages need packages that are not installed ({', '.join(missing)}); install this "
            "package with its extra pages: `pip install '.[pages]'` in the folder of its sources"
        )
    store, name = find(folder, name)
    stored = load(store, name)
    out = out or folder / "reports"
    if out.exists() and not out.is_dir():
        raise ResultError(f"-o {out} is a file, expected a folder for the pages")
    targets = out / f"{name}.html", out / f"{name}.pdf"
    _check_free(out, name, targets)
    with tempfile.TemporaryDirectory(prefix="tarea2-") as temporary:
        work = Path(temporary)
        absent = {} if _save_examples(stored, work, say) else {"sec-propio-imagenes"}
        page = work / "page.qmd"
        text = compose(SOURCE.read_text(encoding="utf-8"), name, left_out(stored) | set(absent))
        page.write_text(text, encoding="utf-8")
        asked = {"store": str(store), "name": name}
        (work / "study.json").write_text(json.dumps(asked), encoding="utf-8")
        _make(page, engine)
        made = [page.with_suffix(target.suffix).read_bytes() for target in targets]
    for target, content in zip(targets, made, strict=True):
        with replacing(target) as file:
            file.write_bytes(content)
    digests = {
        target.name: hashlib.sha256(content).hexdigest()
        for target, content in zip(targets, made, strict=True)
    }
    records.write(out / f"{name}.json", {"study": name, "files": digests}, FIELDS, indent=1)
    return targets


def left_out(stored: OwnRuns) -> set[str]:
    """The sections of the page that the runs of a study cannot fill."""
    ranked = stored.runs[~stored.runs["name"].isin(list(stored.blind))]
    names = set(ranked["name"])
    epochs = stored.content["recipe"]["epochs"]
    found = {
        "sec-propio-clasificacion": bool(names),
        "sec-propio-factores": "reference" in names and names & set(segmentation.FACTORS),
        "sec-propio-coste": len(names) > 1 and ranked["test_miou"].notna().any(),
        "sec-propio-confusion": len(stored.classes) <= LARGEST_MATRIX,
        "sec-propio-curvas": epochs > 1,
    }
    return {section for section, there in found.items() if not there}


def compose(source: str, name: str, without: set[str]) -> str:
    """The page of a study: its source with the study's name, and without some sections."""
    head, *sections = re.split(r"(?m)^(?=## )", source)
    kept = [
        section
        for section in sections
        if re.search(r"\{#([\w-]+)\}", section.partition("\n")[0])[1] not in without  # type: ignore[index]
    ]
    return "".join([head.replace("STUDY", name), *kept])


def _save_examples(stored: OwnRuns, work: Path, say: Callable[[str], None]) -> bool:
    """Write the best and the worst predictions beside the page; False where there are none."""
    try:
        found = examples(stored)
    except (DataError, ResultError, OSError) as error:
        say(f"without pictures of predictions: {error}")
        return False
    if not found.names:
        say("without pictures of predictions: no test image has a defined score")
        return False
    arrays = {"names": np.array(found.names), "scores": np.array(found.scores)}
    for kind, rows in (("image", found.images), ("truth", found.truths), ("found", found.found)):
        arrays |= {f"{kind}-{index}": array for index, array in enumerate(rows)}
    np.savez(work / "examples.npz", allow_pickle=False, **arrays)
    return True


def _make(page: Path, engine: str) -> None:
    """Have the renderer make a page, in a process of its own, as it knows nothing of studies."""
    done = subprocess.run(
        [sys.executable, "-m", "publish.standalone", str(page), "--engine", engine],
        capture_output=True, encoding="utf-8", errors="replace",
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it gave no reason"]
        raise ResultError(f"the page could not be made: {said[-1]}")


def _check_free(out: Path, name: str, targets: tuple[Path, Path]) -> None:
    """Refuse to write over files that an earlier report did not leave as they are."""
    record = out / f"{name}.json"
    known: dict[str, str] = {}
    if record.exists():
        try:
            known = records.read(record, FIELDS)["files"]
        except ResultError:
            raise ResultError(
                f"{record} is not of a report; move it, or give another folder to -o"
            ) from None
    for target in targets:
        if not target.exists():
            continue
        content = target.read_bytes() if target.is_file() else b""
        if known.get(target.name) != hashlib.sha256(content).hexdigest():
            raise ResultError(
                f"{target} is not as `tarea2 images report` wrote it; move it, or give another "
                "folder to -o"
            )
