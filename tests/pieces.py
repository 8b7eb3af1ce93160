"""The stored networks as the pieces have them."""

from torch import nn

from tarea2 import models
from tarea2.widgets import data_scripts


def sent_model(name: str) -> nn.Module:
    """A stored model with the weights that travel to the page, some of them rounded to 16 bits."""
    model, _ = models.load_model(name)
    if name in data_scripts.HALF:
        model.load_state_dict({
            key: value.half().float() if value.is_floating_point() else value
            for key, value in model.state_dict().items()
        })  # fmt: skip
    return model
