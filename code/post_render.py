"""Run by ``quarto render`` when the site is done: put our notebooks where Quarto's were.

Quarto's ``ipynb`` format loses the output of labelled tables and turns references into HTML
anchors, so both engines hand out the notebooks that ``publish.render.ipynb`` writes. The pages with
the package's source, its wheel and what interactive pieces need come from here too.
"""

import os
from pathlib import Path

REDIRECT = b'http-equiv="refresh"'


def main() -> None:
    from publish import execute, publication, render, resources, search, sources, wheel, widgets
    from publish.execution import executions
    from publish.files import read_json
    from publish.page import read
    from publish.project import Project

    site = Project(Path.cwd())
    output = Path(os.environ["QUARTO_PROJECT_OUTPUT_DIR"])
    rendered = os.environ.get("QUARTO_PROJECT_OUTPUT_FILES", "").splitlines()
    made = {(site.root / name).relative_to(output).as_posix() for name in rendered}
    pages = [read(path, site.root) for path in site.pages]
    # Only what Quarto rendered now: no page waits for another, or fails with it.
    for execution in executions([page for page in pages if f"{page.stem}.ipynb" in made], site):
        notebook = execute.run(execution)
        own = resources.find(execution.page, site, render.prose(notebook))
        render.ipynb(execution.page, notebook, site, output, own)
    for name in made:
        if name.endswith(".pdf"):
            render.tidy_pdf(output / name)
    if any(name.endswith(".html") for name in made):
        search.add_to_quarto(site, output)
        sources.write(site, output)
        widgets.write(site, pages, output)
    wheel.write(site, pages, output)
    # After a render of other pages or forms Quarto leaves a page that leads to index.html's place.
    index = output / "index.html"
    if "index.html" not in made and index.exists() and REDIRECT in index.read_bytes():
        index.unlink()
    # A later build of our own may replace what Quarto has made, and only that.
    before = read_json(site.cache / "before-quarto.json")
    if before is not None:
        publication.adopt(site, before)


if __name__ == "__main__" and not os.environ.get("PUBLISH_FROZEN"):
    main()
