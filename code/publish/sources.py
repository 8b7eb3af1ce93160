"""The package's source as pages of the site, so that a figure can link to the code behind it."""

from __future__ import annotations

import shutil
from html import escape
from pathlib import Path
from string import Template

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from publish.files import digest, file_digest, inventory, write_atomically
from publish.project import Project

FOLDER = "code"  # of the site


def write(project: Project, site: Path) -> None:
    """Write ``site/code/….html`` for each module of the package; line 7 has the anchor ``linea-7``.

    A project without a package has no such pages; pages that are up to date stay.
    """
    if not project.settings.package:
        shutil.rmtree(site / FOLDER, ignore_errors=True)
        return
    package = project.root / project.settings.package
    template = project.root / "theme" / "site" / "source.html"
    title = project.config["website"]["title"]
    modules = {name: value for name, value in inventory(package).items() if name.endswith(".py")}
    mark = site / FOLDER / ".made-from"
    key = digest(modules, file_digest(template), title)
    if mark.exists() and mark.read_text() == key:
        return
    shutil.rmtree(site / FOLDER, ignore_errors=True)
    page = Template(template.read_text(encoding="utf-8"))
    formatter = HtmlFormatter(linenos="inline", lineanchors="linea", style="default")
    dark = HtmlFormatter(style="github-dark")
    for path in sorted(package.rglob("*.py")):
        name = Path(FOLDER) / path.relative_to(package.parent)
        code = highlight(path.read_text(encoding="utf-8"), PythonLexer(), formatter)
        text = page.substitute(
            name=escape(name.as_posix()),
            site=escape(title),
            light=formatter.get_style_defs(".highlight"),
            dark=dark.get_style_defs(".highlight"),
            root="../" * (len(name.parts) - 1),
            code=code.replace("<pre>", '<pre tabindex="0">'),  # scrolls from the keyboard
        )
        write_atomically(site / name.with_suffix(".html"), text)
    write_atomically(mark, key)
