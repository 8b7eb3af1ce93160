"""Context against capacity: two receptive fields, each at two numbers of weights.

In the main study a factor that shrinks the receptive field also takes weights away. Dilating the
deepest convolution widens the field, and adds neither weights nor multiplications.
"""

from __future__ import annotations

from dataclasses import replace

from tarea2 import datasets
from tarea2.models import EncoderDecoderSpec
from tarea2.studies.definition import Definition
from tarea2.studies.segmentation import RECIPE, REFERENCE, THREE

_ONE = replace(REFERENCE, convolutions=1)
# Name -> network. The small one with the short field is "convolutions-1" of the main study.
FIELDS: dict[str, EncoderDecoderSpec] = {
    "short-small": _ONE,
    "long-small": replace(_ONE, dilation=3),
    "short-large": replace(_ONE, width=18),
    "long-large": replace(_ONE, width=18, dilation=3),
}
# One reduction or two, dilation 1 or 2, two or three convolutions a level, as the random search
# combined them: those of the eight that are neither the reference nor one factor away from it.
# Their runs are among those of :mod:`tarea2.studies.recipes`, at their own rates.
REDUCTIONS: dict[str, EncoderDecoderSpec] = {
    "depth-1-dilation-2": replace(REFERENCE, depth=1, dilation=2),
    "depth-1-convolutions-3": replace(REFERENCE, depth=1, convolutions=3),
    "depth-1-dilation-2-convolutions-3": replace(REFERENCE, depth=1, dilation=2, convolutions=3),
    "dilation-2-convolutions-3": replace(REFERENCE, dilation=2, convolutions=3),
}
# Separable blocks widened to the reference's multiplications and, almost, its weights; one seed.
SEPARABLE: dict[str, EncoderDecoderSpec] = {
    "separable-wide": replace(REFERENCE, block="separable", width=32),
}
DEFINITIONS = tuple(
    Definition(
        name, spec, RECIPE, datasets.digit_scenes, THREE if name in FIELDS else THREE[:1],
        eval_splits=("validation",),
    )
    for name, spec in (FIELDS | SEPARABLE).items()
    if name != "short-small"
)  # fmt: skip
