"""The studies: definitions (networks, data, recipe), training them, their runs and costs."""

from __future__ import annotations

from tarea2.studies.catalogue import STUDIES, find, load, own_images
from tarea2.studies.definition import Definition, Study

__all__ = ["STUDIES", "Definition", "Study", "find", "load", "own_images"]
