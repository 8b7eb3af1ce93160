"""Write the data scripts into a folder: the builder of the site calls this as a program."""

from __future__ import annotations

import sys
from pathlib import Path

from tarea2 import records
from tarea2.widgets.data_scripts import write

if __name__ == "__main__":
    try:
        write(*map(Path, sys.argv[1:]))
    except records.ResultError as error:
        raise SystemExit(str(error)) from None
