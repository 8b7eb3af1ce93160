"""The package's source as pages of the site, so that a figure can link to the code behind it."""

from __future__ import annotations

import shutil
from html import escape
from pathlib import Path

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from publish.execute import write_atomically

FOLDER = "code"  # of the site
PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{name}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 1.5rem; font: 1rem/1.5 system-ui, sans-serif; }}
pre {{ font-size: 0.85rem; line-height: 1.45; overflow-x: auto; }}
h1 {{ overflow-wrap: anywhere; }}
span.linenos {{ user-select: none; margin-right: 1.2em; color: inherit !important; }}
{light}
@media (prefers-color-scheme: dark) {{
body {{ background: #16191d; color: #e4e6e9; }}
{dark}
.highlight {{ background: none; }}
}}
</style>
</head>
<body>
<main>
<h1>{name}</h1>
<nav><a href="{root}index.html">CNN y U-Nets</a></nav>
{code}
</main>
</body>
</html>
"""


def write(package: Path, site: Path) -> None:
    """Write ``site/code/tarea2/….html`` for each module; line 7 has the anchor ``linea-7``."""
    formatter = HtmlFormatter(linenos="inline", lineanchors="linea", style="default")
    dark = HtmlFormatter(style="github-dark")
    shutil.rmtree(site / FOLDER, ignore_errors=True)
    for path in sorted(package.rglob("*.py")):
        name = Path(FOLDER) / path.relative_to(package.parent)
        code = highlight(path.read_text(encoding="utf-8"), PythonLexer(), formatter)
        text = PAGE.format(
            name=escape(name.as_posix()),
            light=formatter.get_style_defs(".highlight"),
            dark=dark.get_style_defs(".highlight"),
            root="../" * (len(name.parts) - 1),
            code=code.replace("<pre>", '<pre tabindex="0">'),  # scrolls from the keyboard
        )
        write_atomically(site / name.with_suffix(".html"), text)
