"""Run by ``quarto render`` when the site is done: put our notebooks where Quarto's were.

Quarto's ``ipynb`` format loses the output of labelled tables and turns references into HTML
anchors, so both engines hand out the notebooks that ``publish.render.ipynb`` writes. The pages with
the package's source and what interactive pieces need come from here too.
"""

import os
from pathlib import Path

from publish import execute, page, project, render, resources, sources, widgets


def main() -> None:
    # The pages may be a copy of the project's; the package is the same.
    site = project.Project(Path.cwd())
    output = Path(os.environ["QUARTO_PROJECT_OUTPUT_DIR"])
    pages = [page.read(path, site.root) for path in site.pages]
    for source in pages:
        # A single page may be rendered on its own: the others have no output yet.
        if (output / f"{source.stem}.html").exists():
            notebook = execute.run(source, site).notebook
            own = resources.find(source, site, render.prose(notebook))
            render.ipynb(source, notebook, site, output, own)
    sources.write(project.Project(), output)
    widgets.write(project.Project(), pages, output)


if __name__ == "__main__":
    main()
