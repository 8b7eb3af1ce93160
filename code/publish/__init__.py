"""The built-in renderer: the same pages as ``quarto render``, with PyPI packages only.

``page`` reads and checks a ``.qmd`` file, ``execute`` runs its cells, ``render`` turns the
executed page into HTML, PDF and a notebook, ``build`` does so for the whole site.
"""
