"""Street scenes: does the ranking of the synthetic study hold on photographs, and what is best?

Data and recipe are the same for every network, the recipe fixed on the training and validation
parts. :data:`NAMED` are networks of the other studies as they are, but for three channels;
:data:`CANDIDATES` are meant for photographs, with at most :data:`LIMIT` weights. The one of them
that is best on validation trains for longer too, with a recipe for that (:data:`LONG`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tarea2 import datasets
from tarea2.models import EfficientUnetSpec, EncoderDecoderSpec, PeerSpec
from tarea2.studies import published_models, segmentation
from tarea2.studies.definition import Definition
from tarea2.studies.segmentation import REFERENCE, THREE
from tarea2.training import Recipe

RECIPE = Recipe(
    epochs=16, batch_size=4, lr=1e-2, optimiser="adamw", weight_decay=0.01, schedule="one-cycle",
    class_weights="inverse-log", augment=("colour", "flip"), overlap="dice",
)  # fmt: skip
LONG = replace(RECIPE, epochs=60, class_weights="none", augment=("colour", "flip", "scale"))
LIMIT = 300_000  # weights of a candidate, at most
# What is aimed at on the test part: mean IoU of three seeds, and gain over each published network.
AIMS = (0.45, 0.03)

# What others publish for images of 360×480: parameters and mean IoU (Paszke et al. 2016).
PUBLISHED_SCORES = {"ENet": (370_000, 0.513)}

# Of each family of the main study (more depth, more convolutions, more filters, combinations) the
# network that is best on validation there, and the published ones.
NAMED: dict[str, EncoderDecoderSpec | PeerSpec] = {
    "baseline": segmentation.BASELINE,
    "reference": REFERENCE,
    "depth-3": replace(REFERENCE, **segmentation.FACTORS["depth-3"]),
    "width-16": replace(REFERENCE, **segmentation.FACTORS["width-16"]),
    "wide-slow": segmentation.COMBINATIONS["wide-slow"],
    "monai-basicunet": segmentation.SMALL_PUBLISHED["monai-basicunet"],
    "segresnet-8": published_models.FULL_SIZE["segresnet-8"],
    "attention-unet": published_models.FULL_SIZE["attention-unet"],
    "basicunet-default": published_models.FULL_SIZE["basicunet-default"],
}
PUBLISHED_NAMES = tuple(name for name, spec in NAMED.items() if isinstance(spec, PeerSpec))
# Four levels down, so that a frame's whole height is seen, and filters that grow slowly.
_DEEP = EncoderDecoderSpec(depth=4, width=16, growth=1.45, block="residual")
CANDIDATES: dict[str, EncoderDecoderSpec] = {
    "deep-concat": replace(_DEEP, growth=1.4),
    "deep-add": replace(_DEEP, down="strided", skip="add"),
}


def definitions(
    networks: Mapping[str, EncoderDecoderSpec | PeerSpec | EfficientUnetSpec],
    recipe: Recipe = RECIPE,
    seeds: tuple[int, ...] = THREE,
) -> tuple[Definition, ...]:
    """Networks on CamVid; scored at the end only: to score large masks each epoch takes long."""
    classes = len(datasets.CAMVID_CLASSES)
    return tuple(
        Definition(
            name, replace(spec, inputs=3, classes=classes), recipe, datasets.camvid, seeds,
            eval_splits=(), extra=segmentation.by_class_and_image,
        )
        for name, spec in networks.items()
    )  # fmt: skip


def longer(name: str) -> str:
    """What a network is called that trains with :data:`LONG`."""
    return f"{name}-long"


# They train longer, which tests check: of the candidates the best on validation, and of the
# published networks the best there with the first seed, as there was time for one run.
CHOSEN, CHOSEN_PUBLISHED = "deep-concat", "attention-unet"
EPOCHS_ALONE = f"{CHOSEN}-epochs-{LONG.epochs}"
NAMED_DEFINITIONS = (
    *definitions(NAMED),
    *definitions({longer(CHOSEN_PUBLISHED): NAMED[CHOSEN_PUBLISHED]}, LONG, THREE[:1]),
    # What more epochs do alone, without the rest of LONG.
    *definitions(
        {EPOCHS_ALONE: CANDIDATES[CHOSEN]}, replace(RECIPE, epochs=LONG.epochs), THREE[:1]
    ),
)
CANDIDATE_DEFINITIONS = definitions(CANDIDATES) + definitions(
    {longer(CHOSEN): CANDIDATES[CHOSEN]}, LONG
)
STORED_MODELS = {"camvid": tuple(d.name for d in CANDIDATE_DEFINITIONS)}
