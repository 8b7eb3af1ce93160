"""The networks of a study on own images in order, as the terminal shows them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tarea2 import metrics
from tarea2.own.stored import blind_networks
from tarea2.own.study import OwnStudy


def ranking(own: OwnStudy) -> str:
    """The networks of a study on own images, best on validation first, undefined scores last.

    Below the means, networks that see one class only, and the IoU of each class on test.
    """
    table, others = own.load()
    if not len(table):
        return "no network was trained"
    names = [entry["name"] for entry in own.content["data"]["legend"]["entries"]]
    means, classes = ["validation_miou", "test_miou"], [f"IoU {name}" for name in names]
    iou = np.array([metrics.iou(np.array(found["confusion"])) for found in table["metrics"]])
    rows = table.reindex(columns=["name", *means, "parameters"])
    rows = rows.join(pd.DataFrame(iou, rows.index, classes))
    grouped = rows.astype(dict.fromkeys(means, float)).groupby("name")
    means_of = grouped[[*means, "parameters", *classes]].mean().assign(seeds=grouped.size())
    means_of = means_of.astype({"parameters": int})
    means_of = means_of.sort_values("validation_miou", ascending=False).reset_index()
    blind = blind_networks(table)
    ranked = means_of[~means_of["name"].isin(list(blind))]
    text = "no network can be ranked"
    if len(ranked):
        text = ranked[["name", *means, "parameters", "seeds"]].to_string(
            index=False, float_format=lambda value: f"{value:.3f}", na_rep="undefined"
        )
    for _, row in means_of.iterrows():
        if row["name"] in blind:
            text += (
                f"\n{row['name']} is not ranked: it gives every pixel of the validation images one "
                "class, so that its mean says only how much of them that class is"
            )
    for _, row in means_of.iterrows():
        shown = (f"{c} undefined" if np.isnan(row[c]) else f"{c} {row[c]:.3f}" for c in classes)
        text += f"\n{row['name']} on test: {', '.join(shown)}"
    if others:
        text += f"\nnot ranked, trained on other data or another recipe: {', '.join(others)}"
    return text
