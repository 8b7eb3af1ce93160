"""Everything else stands in pyproject.toml; this puts what lies outside the packages in the wheel.

The stored results and models are in ``data/``, where pages and people find them. A wheel has no
such place: there they become ``tarea2/stored/``, and :mod:`tarea2.paths` looks for them there. Of
``theme/``, what a page that stands alone needs becomes ``publish/theme/``, for
:mod:`publish.single`.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
FOLDERS = ("results", "models")
SUFFIXES = {".json", ".safetensors"}
THEME = ("filters", "site", "typst")


class WithStored(build_py):
 the archive that is handed in has none  """Copy results, models and theme beside the modules, except in an editable install."""

 the archive that is handed in has none  def run(self) -> None:
 the archive that is handed in has none      super().run()
 the archive that is handed in has none      if self.editable_mode:
 the archive that is handed in has none          return
 the archive that is handed in has none      target = Path(self.build_lib) / "tarea2" / "stored"
 the archive that is handed in has none      shutil.rmtree(target, ignore_errors=True)  # what an earlier build has left
 the archive that is handed in has none      for source in sorted(p for name in FOLDERS for p in (ROOT / "data" / name).rglob("*")):
 the archive that is handed in has none          if source.suffix in SUFFIXES and "failed" not in source.parts:
 the archive that is handed in has none              copy = target / source.relative_to(ROOT / "data")
 the archive that is handed in has none              copy.parent.mkdir(parents=True, exist_ok=True)
 the archive that is handed in has none              shutil.copyfile(source, copy)
 the archive that is handed in has none      theme = Path(self.build_lib) / "publish" / "theme"
 the archive that is handed in has none      shutil.rmtree(theme, ignore_errors=True)
 the archive that is handed in has none      for source in (ROOT / "theme" / name for name in THEME):
 the archive that is handed in has none          if source.is_dir():  # the archive that is handed in has none
 the archive that is handed in has none              shutil.copytree(source, theme / source.name)


setup(cmdclass={"build_py": WithStored})
