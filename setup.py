"""Everything else stands in pyproject.toml; this puts what lies outside the packages in the wheel.

The stored results and models are in ``data/``, where pages and people find them. A wheel has no
such place: there they become ``tarea2/stored/``, and :mod:`tarea2.paths` looks for them there. Of
``theme/``, what a page that stands alone needs becomes ``publish/theme/``, for
:mod:`publish.standalone`.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
FOLDERS = ("results", "models")
SUFFIXES = {".json", ".safetensors"}
THEME = ("filters", "quarto", "site", "typst")


class WithStored(build_py):
    """Copy results, models and theme beside the modules, except in an editable install."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / "tarea2" / "stored"
        shutil.rmtree(target, ignore_errors=True)  # what an earlier build has left
        for source in sorted(p for name in FOLDERS for p in (ROOT / "data" / name).rglob("*")):
            if source.suffix in SUFFIXES and "failed" not in source.parts:
                copy = target / source.relative_to(ROOT / "data")
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, copy)
        theme = Path(self.build_lib) / "publish" / "theme"
        shutil.rmtree(theme, ignore_errors=True)
        for name in THEME:
            shutil.copytree(ROOT / "theme" / name, theme / name)


setup(cmdclass={"build_py": WithStored})
