"""The project as ``_quarto.yml`` describes it: pages, navigation, metadata, formats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]


class PublishError(Exception):
    """Something that the author of a page can mend; the message is the whole report."""


def merge(base: Mapping, extra: Mapping) -> dict:
    """Merge two nested mappings; ``extra`` wins, lists are replaced."""
    merged = deepcopy(dict(base))
    for key, value in extra.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if both else deepcopy(value)
    return merged


@dataclass(frozen=True)
class Project:
    """A Quarto project in the folder ``root``.

    ``executed`` is where executed pages are kept; a copy of the sources may share them.
    """

    root: Path = ROOT
    executed: Path | None = None

    @cached_property
    def config(self) -> dict:
        """``_quarto.yml`` with its ``metadata-files`` merged in."""
        config = self._read(self.root / "_quarto.yml")
        for name in config.get("metadata-files", []):
            config = merge(config, self._read(self.root / name))
        return config

    @property
    def output(self) -> Path:
        return self.root / self.config["project"]["output-dir"]

    @property
    def cache(self) -> Path:
        return self.root / ".build"

    @cached_property
    def pages(self) -> list[str]:
        """Paths of all pages relative to the root, in the order of ``project.render``."""
        found: list[str] = []
        for pattern in self.config["project"]["render"]:
            matches = sorted(path.relative_to(self.root) for path in self.root.glob(pattern))
            if not matches:
                raise PublishError(f"_quarto.yml: project.render names {pattern}, which is missing")
            found += [path.as_posix() for path in matches if path.as_posix() not in found]
        return found

    @cached_property
    def navigation(self) -> list[tuple[str | None, list[str]]]:
        """The sidebar: (section title or None, pages) pairs."""
        sections: list[tuple[str | None, list[str]]] = []
        for item in self.config["website"]["sidebar"]["contents"]:
            if isinstance(item, str):
                sections.append((None, [item]))
            else:
                sections.append((item["section"], list(item["contents"])))
        for _, pages in sections:
            for page in pages:
                if page not in self.pages:
                    raise PublishError(f"_quarto.yml: the sidebar names {page}, which is no page")
        return sections

    def reading_order(self) -> Iterator[str]:
        for _, pages in self.navigation:
            yield from pages

    def metadata(self, page_metadata: Mapping, output_format: str) -> dict:
        """Project, page and format options of one page, merged as Quarto does."""
        merged = merge(self.config, page_metadata)
        options = merged.pop("format", {}).get(output_format)
        return merge(merged, options if isinstance(options, Mapping) else {})

    @staticmethod
    def _read(path: Path) -> dict:
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise PublishError(f"{path.name} is missing in {path.parent}") from None
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f":{mark.line + 1}" if mark else ""
            raise PublishError(f"{path.name}{line}: not valid YAML ({error.problem})") from None
        return content or {}
