"""Run inside a page's kernel: ask what a cell shows for a second drawing, for narrow screens.

An object that has a method ``_repr_narrow_svg_`` gives with it a drawing that phones show in place
of its other forms, or None. Only pages ask: in a reader's own Jupyter nothing is drawn twice.
"""

from __future__ import annotations

from IPython.core.formatters import BaseFormatter
from IPython.core.interactiveshell import InteractiveShell
from traitlets import ObjectName


class NarrowFormatter(BaseFormatter):
    """What a shell asks an object for its narrow drawing with."""

    print_method = ObjectName("_repr_narrow_svg_")
    _return_type = str


def start(mime: str) -> None:
    """Let the shell that runs here put narrow drawings under a MIME type into what cells show."""
    display = InteractiveShell.instance().display_formatter
    display.formatters[mime] = NarrowFormatter(parent=display, format_type=mime)
