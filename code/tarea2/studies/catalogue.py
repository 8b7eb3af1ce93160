"""The studies by name, and their runs.

Definitions stand in a module per study; :mod:`tarea2.studies.running` trains what is missing.
"""

from __future__ import annotations

import pandas as pd

from tarea2 import records, results
from tarea2.studies import (
    camvid,
    context,
    encoder_decoder,
    final,
    mask_threshold,
    notebooks,
    precision,
    pretrained,
    published_models,
    published_signals,
    recipes,
    sample_size,
    search,
    segmentation,
)
from tarea2.studies.definition import Study

STUDIES = {
    study.name: study
    for study in (
        Study("notebooks", notebooks.DEFINITIONS, notebooks.STORED_MODELS),
        Study("segmentation", segmentation.DEFINITIONS),
        Study("segmentation-mnist", segmentation.MNIST_DEFINITIONS + recipes.MNIST_DEFINITIONS),
        Study("encoder-decoder", encoder_decoder.DEFINITIONS, encoder_decoder.STORED_MODELS),
        Study("final", final.DEFINITIONS, final.STORED_MODELS),
        Study("segmentation-context", context.DEFINITIONS),
        Study("segmentation-recipes", recipes.DEFINITIONS, recipes.STORED_MODELS),
        Study("segmentation-peers", published_models.DEFINITIONS),
        Study("segmentation-amounts", sample_size.SCENE_DEFINITIONS),
        Study("segmentation-edges", mask_threshold.DEFINITIONS),
        Study("segmentation-precision", precision.DEFINITIONS),
        Study("segmentation-search", search.DEFINITIONS),
        Study("mnist1d-amounts", sample_size.SIGNAL_DEFINITIONS),
        Study("mnist1d-published", published_signals.DEFINITIONS),
        Study("camvid", camvid.NAMED_DEFINITIONS),
        Study("camvid-best", camvid.CANDIDATE_DEFINITIONS, camvid.STORED_MODELS),
        Study("camvid-pretrained", pretrained.DEFINITIONS),
        Study("check", segmentation.CHECK),
    )
}
# Defined, to be trained like the others, but no run of theirs is stored with the project yet: what
# reads or verifies the stored runs of every study leaves these out.
WITHOUT_RUNS = {
    study.name: study for study in (Study("camvid-amounts", pretrained.AMOUNT_DEFINITIONS),)
}


def find(name: str) -> Study:
    """The study of that name; raises ValueError for a wrong one."""
    known = STUDIES | WITHOUT_RUNS
    if name not in known:
        raise ValueError(f"no study {name!r}; there are: {', '.join(known)}")
    return known[name]


def load(study: Study | str) -> pd.DataFrame:
    """:func:`tarea2.results.load`, after checking each run against today's definition."""
    study = find(study) if isinstance(study, str) else study
    table = results.load(study.name, study.store)
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
