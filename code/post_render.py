"""Run by ``quarto render`` when the site is done: put our notebooks where Quarto's were.

Quarto's ``ipynb`` format loses the output of labelled tables and turns references into HTML
anchors, so both engines hand out the notebooks that ``publish.render.ipynb`` writes. The pages with
the package's source and what interactive pieces need come from here too.
"""

import os
from pathlib import Path


def main() -> None:
    from publish import execute, page, project, render, resources, sources, widgets

    site = project.Project(Path.cwd())
    output = Path(os.environ["QUARTO_PROJECT_OUTPUT_DIR"])
    rendered = os.environ.get("QUARTO_PROJECT_OUTPUT_FILES", "").splitlines()
    stems = {(site.root / name).relative_to(output).with_suffix("") for name in rendered}
    pages = [page.read(path, site.root) for path in site.pages]
    for source in pages:
        # Only what Quarto rendered now: no page waits for another, or fails with it.
        if Path(source.stem) in stems:
            notebook = execute.run(source, site).notebook
            own = resources.find(source, site, render.prose(notebook))
            render.ipynb(source, notebook, site, output, own)
    sources.write(site, output)
    widgets.write(site, pages, output)


if __name__ == "__main__" and not os.environ.get("PUBLISH_HANDED_OVER"):
    main()
