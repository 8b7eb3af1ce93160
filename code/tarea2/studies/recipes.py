"""Architecture or speed: six networks of the main study at other rates, and for longer.

The assignment leaves batch and epochs as they are, and the main study does; this one says whether
its ranking survives when each network trains with the rate that is best for it, and for longer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tarea2 import datasets
from tarea2.models import EncoderDecoderSpec, PeerSpec
from tarea2.studies.definition import Definition
from tarea2.studies.segmentation import RECIPE, THREE, networks

COMPARED = ("baseline", "width-8", "block-separable", "reference", "wide-slow", "monai-basicunet")
RATES = (1e-3, 3e-3, 1e-2)  # the main study's is the middle one
LONGER = 3  # times the epochs


def at_rate(name: str, rate: float) -> str:
    return f"{name}-lr-{rate:g}"


def longer(name: str, rate: float) -> str:
    return f"{at_rate(name, rate)}-epochs-{RECIPE.epochs * LONGER}"


def variants(
    specs: Mapping[str, EncoderDecoderSpec | PeerSpec], known: bool = True
) -> tuple[Definition, ...]:
    """Each network at each rate, for the study's epochs and for ``LONGER`` times as many.

    ``known``: the main study has trained them at its own rate and number of epochs already.
    """
    found = []
    for name, spec in specs.items():
        for rate in RATES:
            for times, full in ((1, at_rate(name, rate)), (LONGER, longer(name, rate))):
                if known and times == 1 and rate == RECIPE.lr:
                    continue
                recipe = replace(RECIPE, lr=rate, epochs=RECIPE.epochs * times)
                found.append(
                    Definition(
                        full, spec, recipe, datasets.digit_scenes, THREE, watch=("validation",)
                    )
                )
    return tuple(found)


DEFINITIONS = variants({name: networks()[name][0] for name in COMPARED})
