"""The studies by name, their runs, and a study of one's own images.

Definitions stand in a module per study; :mod:`tarea2.studies.running` trains what is missing.
"""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

import pandas as pd

from tarea2 import records, results
from tarea2.datasets import image_folder
from tarea2.studies import encoder_decoder, final, notebooks, segmentation
from tarea2.studies.definition import Study

STUDIES = {
    study.name: study
    for study in (
        Study("notebooks", notebooks.DEFINITIONS, notebooks.STORED_MODELS),
        Study("segmentation", segmentation.DEFINITIONS, segmentation.STORED_MODELS),
        Study("segmentation-mnist", segmentation.MNIST_DEFINITIONS),
        Study("encoder-decoder", encoder_decoder.DEFINITIONS, encoder_decoder.STORED_MODELS),
        Study("final", final.DEFINITIONS, final.STORED_MODELS),
        Study("check", segmentation.CHECK),
    )
}

_folder = cache(image_folder)  # read once in each process, however many networks ask for it


def find(name: str) -> Study:
    """The study of that name; raises ValueError for a wrong one."""
    if name not in STUDIES:
        raise ValueError(f"no study {name!r}; there are: {', '.join(STUDIES)}")
    return STUDIES[name]


def load(study: Study | str) -> pd.DataFrame:
    """:func:`tarea2.results.load`, after checking each run against today's definition."""
    study = find(study) if isinstance(study, str) else study
    table = results.load(study.name)
    for definition in study.definitions:
        expected = {
            "spec": records.describe(definition.spec)[1],
            "recipe": records.describe(definition.recipe)[1],
        }
        for _, row in table[table["name"] == definition.name].iterrows():
            for field, value in expected.items():
                if row[field] != value:
                    raise records.ResultError(
                        f"{definition.name}, seed {row['seed']}: field {field!r} is stale; run "
                        f"`tarea2 train {study.name} --only {definition.name} --force`"
                    )
    return table


def own_images(images: Path, masks: Path) -> Study:
    """The segmentation study on a folder of images and one of masks.

    Raises :class:`tarea2.datasets.DataError` where the folders do not fit together.
    """
    _folder.cache_clear()  # the files may have changed since
    data = partial(_folder, images, masks)
    dataset = data()
    name = f"segmentation-{dataset.name}"
    if name in STUDIES:
        raise ValueError(f"the folder {images} needs another name: {name} is a study of its own")
    definitions = segmentation.study(data, dataset.train.x.shape[1], dataset.num_classes)
    return Study(name, definitions, {name: tuple(d.name for d in definitions)})
