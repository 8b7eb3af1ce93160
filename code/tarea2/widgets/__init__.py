"""Data of the interactive pieces in ``theme/widgets``, from the package, its results and models.

A page calls one function per piece, as inline code in the Div that encloses the piece's figure:
what it returns is Markdown that ``theme/filters/widgets.lua`` puts into the element as JSON.
Weights are too large for that and travel as scripts (:mod:`.data_scripts`). A piece stands in the
module of its topic, and is named here.
"""

from __future__ import annotations

from tarea2.widgets.classification import digit, signal
from tarea2.widgets.data_scripts import NETWORKS, network, scripts
from tarea2.widgets.encoder_decoder import latent, writer
from tarea2.widgets.operations import aliasing, checkerboard, workshop
from tarea2.widgets.payload import Data, data
from tarea2.widgets.segmentation import (
    explore,
    photograph,
    receptive_field,
    replay,
    scene,
    study,
    two_answers,
    unet,
    wipe,
)

__all__ = [
    "NETWORKS",
    "Data",
    "aliasing",
    "checkerboard",
    "data",
    "digit",
    "explore",
    "latent",
    "network",
    "photograph",
    "receptive_field",
    "replay",
    "scene",
    "scripts",
    "signal",
    "study",
    "two_answers",
    "unet",
    "wipe",
    "workshop",
    "writer",
]
