"""Run by ``quarto render`` before the pages: execute them and hand Quarto the outputs.

Each page is executed once for all its forms, several side by side, and only if something that it
uses has changed. ``make report`` has done so already when it calls Quarto.
"""

import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OWN = ROOT / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def main() -> None:
    try:
        from publish import execute, quarto_freeze, widgets
        from publish.execution import executions
        from publish.files import inventory, write_atomically
        from publish.page import read
        from publish.project import Project, PublishError, require_own
    except ImportError:  # Quarto took another Python than the one that `make report` set up
        if not OWN.exists() or Path(sys.executable).absolute() == OWN:
            sys.exit("Run `make report` once: it sets up .venv, which the pages need")
        os.execv(OWN, [str(OWN), *sys.argv])
    project = Project(Path.cwd())
    asked = os.environ.get("QUARTO_PROJECT_INPUT_FILES", "").splitlines()
    try:
        require_own(ROOT)
        pages = [
            read(path, project.root)
            for path in project.pages
            if not asked or path in [Path(name).as_posix() for name in asked]
        ]
        wanted = executions(pages, project)
        widgets.forget_stale(project.output, wanted)
        found = inventory(project.output)
        write_atomically(project.cache / "before-quarto.json", json.dumps(found))
        execute.run_all(wanted, jobs=os.cpu_count() or 2)
        quarto_freeze.write(wanted, project.root)
    except PublishError as error:
        sys.exit(str(error))


if __name__ == "__main__" and not os.environ.get("PUBLISH_FROZEN"):
    main()
