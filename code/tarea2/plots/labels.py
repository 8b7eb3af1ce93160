"""Names of the segmentation study's networks on the page, and the groups that they belong to."""

from __future__ import annotations

import pandas as pd

from tarea2.plots import style
from tarea2.studies import segmentation

# Kind of network -> colour, marker and name.
KINDS = {
    "baseline": (style.VERMILION, "s", "línea base"),
    "factor": (style.GREY, "o", "un factor cambiado"),
    "reference": (style.BLACK, "D", "referencia"),
    "combination": (style.BLUE, "^", "combinaciones"),
    "peer": (style.ORANGE, "X", "redes de MONAI"),
}

# Names of the study's networks on the page, and the groups of factors.
LABELS = {
    "baseline": "línea base",
    "reference": "referencia",
    "depth-1": "1 reducción",
    "depth-3": "3 reducciones",
    "convolutions-1": "1 conv. por nivel",
    "convolutions-3": "3 conv. por nivel",
    "bottom-4": "4 conv. en el fondo",
    "width-8": "8 filtros",
    "width-16": "16 filtros",
    "growth-1.5": "filtros × 1,5",
    "kernel-1": "núcleo 1 × 1",
    "kernel-5": "núcleo 5 × 5",
    "dilation-2": "dilatación 2",
    "block-residual": "bloque residual",
    "block-separable": "bloque separable",
    "norm-none": "sin normalizar",
    "norm-group": "norma por grupos",
    "down-mean": "bajar: media",
    "down-strided": "bajar: paso 2",
    "up-bilinear": "subir: bilineal",
    "up-transposed": "subir: traspuesta",
    "up-unpool": "subir: max-unpooling",
    "skip-none": "sin atajos",
    "skip-add": "atajos sumados",
    "wide": "combinación A",
    "wide-slow": "combinación B",
    "wide-bottom": "combinación C",
    "wide-deep": "combinación D",
    "monai-basicunet": "MONAI BasicUNet",
    "monai-unet": "MONAI UNet",
}

# Ticks of an axis of changes that is linear up to ±0.05 and logarithmic beyond.
TICKS = (-0.5, -0.2, -0.1, -0.05, -0.02, 0, 0.02, 0.05)

GROUPS = {  # field of the spec -> group of factors
    "depth": "capas", "convolutions": "capas", "bottom": "capas", "width": "filtros",
    "growth": "filtros", "kernel": "núcleo", "dilation": "núcleo", "block": "bloque",
    "norm": "bloque", "down": "muestreo", "up": "muestreo", "skip": "atajos",
}  # fmt: skip


def labelled(table: pd.DataFrame) -> pd.DataFrame:
    """The runs of the study with the columns ``label`` and ``kind`` that the figures want."""
    kinds = {"baseline": "baseline", "reference": "reference"}
    kinds |= dict.fromkeys(segmentation.FACTORS, "factor")
    kinds |= dict.fromkeys(segmentation.COMBINATIONS, "combination")
    kinds |= dict.fromkeys(segmentation.PEERS, "peer")
    return table.assign(
        label=[LABELS.get(name, name) for name in table["name"]],
        kind=[kinds[name] for name in table["name"]],
    )


def changes(table: pd.DataFrame) -> pd.DataFrame:
    """What each factor changes in the reference's validation score, paired by seed.

    ``table``: :func:`labelled` runs of the segmentation study. Columns of the result are
    ``group``, ``label``, ``name`` and ``difference``, a row per factor and seed.
    """
    scores = table.pivot(index="seed", columns="name", values="validation_miou")
    return pd.concat([
        pd.DataFrame({
            "group": GROUPS[next(iter(field))], "label": LABELS[name], "name": name,
            "difference": (scores[name] - scores["reference"]).dropna(),
        })
        for name, field in segmentation.FACTORS.items()
    ])  # fmt: skip
