"""The built-in renderer: the same pages as ``quarto render``, with PyPI packages only.

``page`` reads and checks a ``.qmd`` file, ``execute`` runs its cells, ``render`` turns the
executed page into HTML, PDF and a notebook, ``build`` does so for the whole site.
"""

import sys

# jsonschema, which nbformat needs, would compile the grammar of internationalised addresses each
# time it is imported: over a second, for something that no notebook here has.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
