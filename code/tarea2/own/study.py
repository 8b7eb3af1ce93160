"""The segmentation study on images of one's own, kept apart from the project's.

Its results, models and checkpoints lie in a store of their own, under a name or, without one,
under a name that holds the data's digest: two data sets never share runs. What the data were is
stored too, so that a change in them can be told.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from tarea2 import paths, records, results
from tarea2.datasets import Dataset, FolderDataset, Reading, image_folder
from tarea2.datasets.images.cache import default_folder
from tarea2.own import encoders
from tarea2.own.runs import read_runs, recipe_of
from tarea2.precision import advised
from tarea2.studies import learning_curves, segmentation
from tarea2.studies.definition import Stale, Study
from tarea2.training import Recipe, device_for

# Fewer images have as many steps at least: 28 images once per epoch, 12 times, teach nothing.
STEPS = 600
SMALLEST_BATCH, STEPS_PER_EPOCH = 4, 4  # a batch is never more than a quarter of few images
BATCH_PIXELS = 2**19  # of a batch, at most: what is kept of them to learn takes half a gigabyte
FIELDS: records.Fields = {"images": str, "masks": str, "files": dict, "data": dict, "recipe": dict}


class ReadFolders:
    """A data set of folders that were read, where a definition asks for a function that gives one.

    Another process of this machine gets the arrays themselves; where they lie in the cache, it
    looks at the folders and finds them there.
    """

    def __init__(
        self, dataset: FolderDataset, images: Path, masks: Path, reading: Reading, cache: Path
    ):
        self.dataset, self.images, self.masks = dataset, images, masks
        self.reading, self.cache = reading, cache

    def __call__(self) -> FolderDataset:
        return self.dataset

    def __reduce__(self) -> tuple[Any, ...]:
        folders = (self.images, self.masks, self.reading, self.cache)
        if self.dataset.cache_file:
            return read_folders, folders
        return ReadFolders, (self.dataset, *folders)


def read_folders(images: Path, masks: Path, reading: Reading, cache: Path) -> ReadFolders:
    """Read a data set; see :func:`tarea2.datasets.image_folder`, also for what it raises."""
    dataset = image_folder(images, masks, reading=reading, cache=cache)
    return ReadFolders(dataset, images, masks, reading, cache)


@dataclass(frozen=True)
class OwnStudy:
    """A study of own images, and what its data have changed in since it was trained last.

    changes: sentences for the user; empty where nothing changed. sweeps: whether the learning
    rate is still to be chosen, see :mod:`.learning_rate`; sweeps_encoder: whether that of a
    pretrained encoder's network is. precision: why it is what it is.
    """

    study: Study
    content: dict[str, Any]
    changes: tuple[str, ...] = ()
    sweeps: bool = False
    precision: str = ""
    sweeps_encoder: bool = False

    @property
    def file(self) -> Path:
        return _file(self.study.name, self.study.store)

    @property
    def model(self) -> Path:
        """Where the best of its networks is stored."""
        return (self.study.store or paths.OWN) / "models" / f"{self.study.name}.safetensors"

    def remember(self) -> None:
        """Store what the data are, once training begins."""
        records.write(self.file, self.content, FIELDS)

    def load(self) -> tuple[pd.DataFrame, list[str]]:
        """Its runs that belong to these data and this recipe, and the names of other networks."""
        current, others = read_runs(self.study.name, self.study.store, self.content)
        return results.table(current), others


@dataclass(frozen=True)
class Training:
    """How a study of own images is trained, as far as a user says so.

    epochs: exactly so many. steps: so many optimiser steps at least; by default :data:`STEPS`,
    and never fewer than the 12 epochs of the project's own study. class_weights, augment: see
    :class:`tarea2.training.Recipe`. lr: the learning rate; by default that of the study as it was
    stored, else it is to be chosen. precision: of :data:`tarea2.precision.PRECISIONS`; ``"auto"``
    is that of the study as it was stored, else what ``device`` trains fastest with. device: where
    it trains; None: on machines that this one does not know. encoder: of
    :data:`.encoders.ENCODERS`; by default the one that the study has stored, else none.
    """

    epochs: int | None = None
    steps: int | None = None
    class_weights: str = "none"
    augment: tuple[str, ...] = ()
    lr: float | None = None
    precision: str = "float32"
    device: str | None = "auto"
    encoder: str | None = None


def prepare(
    images: Path,
    masks: Path,
    name: str | None = None,
    store: Path | None = None,
    reading: Reading | None = None,
    training: Training | None = None,
    cache: Path | None = None,
) -> OwnStudy:
    """Read the data and set up the study on them.

    Parameters
    ----------
    name: of the study; by default that of the folder and the first digits of the data's digest.
    store: folder for its results; by default :data:`tarea2.paths.OWN`.
    reading, training: what a user wishes; by default everything is deduced.
    cache: folder for the arrays of large data; by default ``store/cache``, and without a store
        below the current folder.

    Raises
    ------
    :class:`tarea2.datasets.DataError` where the folders do not fit together, ValueError for a
    wrong name.
    """
    if name is not None and not re.fullmatch(r"\w[\w-]{0,59}", name):
        raise ValueError(f"--name {name!r} may hold letters, digits, - and _, at most 60")
    reading = reading or Reading()
    # Paths are made whole: a worker elsewhere has another current folder.
    images, masks = Path(images).resolve(), Path(masks).resolve()
    cache = cache or (Path(store) / "cache" if store else default_folder())
    data = read_folders(images, masks, reading, cache.resolve())
    dataset = data.dataset
    store = (store or paths.OWN).resolve()
    folder = re.sub(r"[^\w-]", "-", dataset.name)[:40]
    title = name or f"{folder}-{dataset.sha256[:8]}"
    training = training or Training()
    known = _known(title, store, dataset)
    precision, why = _precision(training, known)
    recipe = _recipe(dataset, replace(training, precision=precision), reading.crop)
    encoder = training.encoder or (known or {}).get("encoder")
    shape = 3 if dataset.preprocessing.colours else 1, dataset.num_classes
    networks = segmentation.study(data, *shape)
    networks += (encoders.definition(encoder, data, *shape),) if encoder else ()
    definitions = tuple(
        replace(definition, recipe=recipe, extra=segmentation.by_class_and_image)
        for definition in networks
    )
    study = Study(title, definitions, {title: tuple(d.name for d in definitions)}, store)
    content: dict[str, Any] = {
        "images": str(images),
        "masks": str(masks),
        "files": dataset.files,
        "data": dataset.described(),
        "recipe": records.describe(recipe)[1],
        "reading": reading.describe(),  # not in FIELDS: studies of an earlier version lack it
    }
    content |= {"encoder": encoder} if encoder else {}
    given = training.lr is not None
    stored = known if known and not given and _same_but_rate(known, content) else {}
    sweeps = not given and (not stored or "lr_open" in stored)
    if not sweeps and stored:
        content["recipe"] |= {"lr": stored["recipe"]["lr"]}
    content |= {k: stored[k] for k in ("learning_rate", "own_rates") if k in stored}
    content |= {"lr_open": True} if sweeps else {}
    if encoder and given:
        content["own_rates"] = {encoder: {"lr": training.lr}}
    sweeps_encoder = bool(encoder) and "own_rates" not in content
    study = with_stored_rates(study, content)
    return OwnStudy(study, content, tuple(_changes(study, content)), sweeps, why, sweeps_encoder)


def with_stored_rates(study: Study, content: dict[str, Any]) -> Study:
    """The study with the learning rates that its ``content`` has for its networks."""
    rated = [
        replace(d, recipe=replace(d.recipe, lr=recipe_of(content, d.name)["lr"]))
        for d in study.definitions
    ]
    return replace(study, definitions=tuple(rated))


def too_short(own: OwnStudy) -> list[str]:
    """The networks whose learning curve says that training was too short, and why."""
    said = {}
    for _, run in own.load()[0].iterrows():
        why = learning_curves.worth_more_steps(run["history"])
        if why:
            said[run["name"]] = why
    return [f"{name}: {why}; more --steps may help" for name, why in said.items()]


def stale_advice(own: OwnStudy, error: Stale) -> str:
    """What to do about runs of a study that was trained on other data, in one sentence."""
    what = "; ".join(own.changes) or str(error).split(";")[0]
    return f"{what}; add --force to train them anew, or give another --name to keep both"


def _recipe(dataset: Dataset, training: Training, crop: int | None = None) -> Recipe:
    base, count = segmentation.RECIPE, len(dataset.train)
    pixels_each = crop**2 if crop else dataset.train.y.shape[1] * dataset.train.y.shape[2]
    most = max(1, min(base.batch_size, BATCH_PIXELS // pixels_each))
    batch = min(most, max(SMALLEST_BATCH, count // STEPS_PER_EPOCH))
    per_epoch = math.ceil(count / batch)
    epochs = training.epochs
    if epochs is None:
        wanted = math.ceil((training.steps or STEPS) / per_epoch)
        epochs = wanted if training.steps else max(base.epochs, wanted)
    return replace(
        base, lr=training.lr or base.lr, epochs=epochs, batch_size=batch, crop=crop,
        class_weights=training.class_weights, augment=tuple(sorted(set(training.augment))),
        precision=training.precision,
    )  # fmt: skip


def _precision(training: Training, known: dict[str, Any] | None) -> tuple[str, str]:
    """The precision to train with, and why, in words."""
    if training.precision != "auto":
        return training.precision, "as asked for"
    if known is not None:
        return known["recipe"].get("precision", "float32"), "as it was trained before"
    if training.device is None:
        return "float32", "what the machines that train are fastest with is not known here"
    return advised(device_for(training.device))


def _known(name: str, store: Path, dataset: Dataset) -> dict[str, Any] | None:
    """What is stored of a study of these data, however it was trained."""
    path = _file(name, store)
    known = _read_quietly(path) if path.exists() else None
    return known if known is not None and known["data"] == dataset.described() else None


def _same_but_rate(known: dict[str, Any] | None, content: dict[str, Any]) -> bool:
    """Whether a study was stored with this recipe, whatever its rate and epochs."""
    free = {"lr": None, "epochs": None}
    return known is not None and known["recipe"] | free == content["recipe"] | free


def _file(name: str, store: Path | None) -> Path:
    return (store or paths.OWN) / "studies" / f"{name}.json"


def _changes(study: Study, content: dict[str, Any]) -> list[str]:
    """How data and recipe differ from those that the same name, or the same folders, had."""
    own = _file(study.name, study.store)
    if own.exists():
        before, name = records.read(own, FIELDS), study.name
    else:
        found = [(path, _read_quietly(path)) for path in own.parent.glob("*.json")]
        same = [
            (path, known)
            for path, known in found
            if known and (known["images"], known["masks"]) == (content["images"], content["masks"])
        ]
        if not same:
            return []
        path, before = max(same, key=lambda pair: pair[0].stat().st_mtime)
        name = path.stem
    said = []
    if before["data"] != content["data"]:
        said.append(_difference(before["files"], content["files"]))
    if before["recipe"] != content["recipe"]:
        then, now = before["recipe"], content["recipe"]
        # Either may lack what the other has: a later field at its default is not told.
        fields = [name for name in {**then, **now} if then.get(name) != now.get(name)]
        said.append(f"the recipe has other {', '.join(fields)}")
    if not said:
        return []
    runs = len(list(results.folder_of(name, study.store).glob("*.json")))
    since = f"since {name} was trained: {' and '.join(said)}"
    if name == study.name:
        return [f"{since}; its {runs} runs belong to what was there before"]
    total = sum(len(d.seeds) for d in study.definitions)
    return [f"{since}; {study.name} is a study of its own, of {total} runs, and {name} stays"]


def _read_quietly(path: Path) -> dict[str, Any] | None:
    try:
        return records.read(path, FIELDS)
    except records.ResultError:
        return None  # a damaged memory of another study; nothing depends on it


def _difference(before: dict[str, str], now: dict[str, str]) -> str:
    kinds = {
        "added": [name for name in now if name not in before],
        "removed": [name for name in before if name not in now],
        "changed": [name for name in now if name in before and now[name] != before[name]],
    }
    parts = [
        f"{_some(names)} {'was' if len(names) == 1 else 'were'} {word}"
        for word, names in kinds.items()
        if names
    ]
    return " and ".join(parts) or "the same files are read in another way"


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
