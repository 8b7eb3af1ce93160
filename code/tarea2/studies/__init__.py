"""The studies: definitions (networks, data, recipe), training them, their runs and costs."""

from __future__ import annotations

from tarea2.studies.catalogue import STUDIES, find, load
from tarea2.studies.definition import Definition, Stale, Study

__all__ = ["STUDIES", "Definition", "Stale", "Study", "find", "load"]
