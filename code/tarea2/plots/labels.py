"""Names of the segmentation study's networks on the page, and the groups that they belong to."""

from __future__ import annotations

import pandas as pd

from tarea2.plots import style
from tarea2.studies import camvid, context, pretrained, published_models, search, segmentation
from tarea2.studies.comparisons import against

# Kind of network -> colour, marker and name.
KINDS = {
    "baseline": (style.VERMILION, "s", "línea base"),
    "factor": (style.GREY, "o", "un factor cambiado"),
    "reference": (style.BLACK, "D", "referencia"),
    "combination": (style.BLUE, "^", "combinación"),
    "published": (style.ORANGE, "X", "red publicada"),
    "candidate": (style.GREEN, "v", "red para fotografías"),
    "pretrained": (style.INDIGO, "*", "red preentrenada"),
    "drawn": (style.VERMILION, "d", "desde cero"),
    "random": (style.PURPLE, "P", "búsqueda aleatoria"),
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
    "growth-1.5": "crecimiento 1,5",
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
    "up-transposed": "subir: transpuesta",
    "up-unpool": "subir: max unpooling",
    "skip-none": "sin conexiones de salto",
    "skip-add": "conexiones de salto sumadas",
    "wide": "A: 16-32-64",
    "wide-slow": "B: 20-30-45",
    "wide-bottom": "C: 18-27-40, fondo 4",
    "wide-deep": "D: 16-24-36, 3 conv.",
    "filters-mean": "J: 16-32-64, media",
    "convolutions-mean-bottom": "K: 12-24-48, fondo 4",
    "monai-basicunet": "BasicUNet pequeña",
    "monai-unet": "UNet residual pequeña",
    "wider-slow": "G: 28-42-63",
    "wider-deep": "H: 26-39-58-88",
    "wider-kernel-5": "I: 18-27-40, 5 × 5",
    "random-02": "azar 1: 24-24-24-24",
    "random-10": "azar 2: 20-30-45",
    "random-14": "azar 3: 20-20",
    "random-16": "azar 4: 16-32",
    "long-small": "1 conv., dilatación 3",
    "short-large": "1 conv., 18 filtros",
    "long-large": "1 conv., 18, dilatación 3",
    "depth-1-dilation-2": "1 reducción, dilatación 2",
    "depth-1-convolutions-3": "1 reducción, 3 conv.",
    "depth-1-dilation-2-convolutions-3": "1 reducción, dilatación 2, 3 conv.",
    "dilation-2-convolutions-3": "dilatación 2, 3 conv.",
    "segresnet-8": "SegResNet, 8 filtros",
    "segresnet-16": "SegResNet, 16 filtros",
    "attention-unet": "AttentionUnet",
    "basicunet-default": "BasicUNet entera",
    "nnunet-plain": "PlainConvUNet",
    "deep-concat": "E: 16-22-31-44-61",
    "deep-add": "F: 16-23-34-49-71, sumas",
    "deep-concat-long": "E, receta larga",
    "deep-concat-epochs-60": "E, 60 épocas",
    "efficientnet-lite0": "EfficientNet-Lite0, de ImageNet",
    "pretrained": "de ImageNet",
    "pretrained-slower": "de ImageNet, encoder lento",
    "frozen": "de ImageNet, congelado",
    "drawn": "la misma, desde cero",
    "attention-unet-long": "AttentionUnet, receta larga",
}

# CamVid's classes on the page.
STREET_CLASSES = {
    "sky": "cielo", "building": "edificio", "pole": "poste", "road": "calzada",
    "pavement": "acera", "tree": "árbol", "sign": "señal", "fence": "valla", "car": "coche",
    "pedestrian": "peatón", "bicyclist": "ciclista",
}  # fmt: skip

GROUPS = {  # field of the spec -> group of factors
    "depth": "capas", "convolutions": "capas", "bottom": "capas", "width": "filtros",
    "growth": "filtros", "kernel": "núcleo", "dilation": "núcleo", "block": "bloque",
    "norm": "bloque", "down": "muestreo", "up": "muestreo", "skip": "conexiones de salto",
}  # fmt: skip


def labelled(table: pd.DataFrame) -> pd.DataFrame:
    """Runs of a segmentation study with the columns ``label`` and ``kind`` that figures want."""
    kinds = {"baseline": "baseline", "reference": "reference"}
    varied = (*segmentation.FACTORS, *context.FIELDS, *context.REDUCTIONS)
    kinds |= dict.fromkeys(varied, "factor")
    combined = (*segmentation.COMBINATIONS, *segmentation.CHOSEN_ANEW, *published_models.WIDER)
    kinds |= dict.fromkeys(combined, "combination")
    kinds |= dict.fromkeys(
        (*segmentation.SMALL_PUBLISHED, *published_models.FULL_SIZE), "published"
    )
    kinds |= {camvid.longer(camvid.CHOSEN_PUBLISHED): "published", camvid.EPOCHS_ALONE: "candidate"}
    kinds |= dict.fromkeys((d.name for d in camvid.CANDIDATE_DEFINITIONS), "candidate")
    kinds |= dict.fromkeys(search.NETWORKS, "random")
    kinds |= dict.fromkeys((*pretrained.FROM_IMAGENET, "efficientnet-lite0"), "pretrained")
    kinds["drawn"] = "drawn"
    return table.assign(
        label=[LABELS.get(name, name) for name in table["name"]],
        kind=[kinds[name] for name in table["name"]],
    )


def changes(table: pd.DataFrame) -> pd.DataFrame:
    """What each factor changes in the reference's validation score, with intervals.

    ``table``: :func:`labelled` runs of the segmentation study. Columns besides those of
    :func:`tarea2.studies.comparisons.against`: ``group``, ``label`` and ``seeds``, what each
    seed of the network lies from the reference's mean. Factors that have no run are left out.
    """
    field = "validation_miou"
    trained = set(table["name"])
    present = [name for name in segmentation.FACTORS if name in trained]
    found = against(table, "reference", present, field)
    middle = table.loc[table["name"] == "reference", field].mean()
    groups = [GROUPS[next(iter(segmentation.FACTORS[name]))] for name in found["name"]]
    return found.assign(
        group=groups,
        label=[LABELS[name] for name in found["name"]],
        seeds=[
            (table.loc[table["name"] == name, field] - middle).tolist() for name in found["name"]
        ],
    )
