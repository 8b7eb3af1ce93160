"""The project as ``_quarto.yml`` describes it: pages, navigation, metadata, formats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
# What all pages look like: in the repository, or beside this module in a wheel (see setup.py).
THEME = next(
    (path for path in (ROOT / "theme", Path(__file__).parent / "theme") if path.is_dir()), None
)


class PublishError(Exception):
    """Something that the author of a page can mend; the message is the whole report."""


def require_own(folder: Path, root: Path = ROOT) -> None:
    """Refuse to build where a folder belongs to another copy of the project in ``root``.

    A project that was copied with its environment runs the first one's code, which would build
    and pack the first one's pages.

    Raises :class:`PublishError`.
    """
    for place in (folder, *folder.parents):
        if (place / "code" / "publish" / "project.py").is_file():
            if not place.samefile(root):
                raise PublishError(
                    f"this is {place}, and the code that runs belongs to {root}: run "
                    "`python3 make.py setup` here, which makes .venv anew, and then "
                    "`make report`"
                )
            return


def read_text(path: Path, name: str) -> str:
    """Text of a source, with or without a byte order mark; ``name`` is how messages call it."""
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise PublishError(
            f"{name}:{line}: not UTF-8 (byte {content[error.start]:#04x}); save the file as UTF-8"
        ) from None


def merge(base: Mapping, extra: Mapping) -> dict:
    """Merge two nested mappings; ``extra`` wins, lists are replaced."""
    merged = deepcopy(dict(base))
    for key, value in extra.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if both else deepcopy(value)
    return merged


@dataclass(frozen=True)
class Settings:
    """``publish`` in ``_quarto.yml``: all that this package is told about the pages' subject."""

    package: str | None = None  # folder of the package whose source becomes pages of the site
    widgets: str | None = None  # module that writes the data of interactive pieces
    environment: tuple[str, ...] = ()  # variables that pages depend on
    preload: tuple[str, ...] = ()  # installed modules that most pages import
    first: tuple[
        str, ...
    ] = ()  # filters that see a page before its listings and figures are written
    wheel: Mapping | None = None  # what the package's wheel is built from
    submission: Mapping | None = None  # what `make entrega` packs besides the pages


def _page_of(item: str | Mapping) -> str:
    return item if isinstance(item, str) else item["href"]


@dataclass(frozen=True)
class Project:
    """A Quarto project in the folder ``root``."""

    root: Path = ROOT

    @cached_property
    def config(self) -> dict:
        """``_quarto.yml`` with its ``metadata-files`` merged in."""
        config = self._read(self.root / "_quarto.yml")
        for name in config.get("metadata-files", []):
            config = merge(config, self._read(self.root / name))
        return config

    @cached_property
    def settings(self) -> Settings:
        given = self.config.get("publish") or {}
        for name in given:
            if name not in {field.name for field in fields(Settings)}:
                raise PublishError(f"_quarto.yml: publish has {name!r}, which is no setting")
        lists = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
        return Settings(**lists)

    @property
    def filters(self) -> list[str]:
        """Lua filters of the project that both engines use."""
        filters = self.config.get("filters", [])  # Quarto may be told when: {path: …, at: …}
        return [name if isinstance(name, str) else name["path"] for name in filters]

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
            if "section" in item and not isinstance(item, str):
                sections.append((item["section"], list(map(_page_of, item["contents"]))))
            else:
                sections.append((None, [_page_of(item)]))
        for _, pages in sections:
            for page in pages:
                if page not in self.pages:
                    raise PublishError(f"_quarto.yml: the sidebar names {page}, which is no page")
        return sections

    @cached_property
    def menu_texts(self) -> dict[str, str]:
        """What the sidebar calls a page instead of its title: ``{text: …, href: page.qmd}``."""
        items = []
        for item in self.config["website"]["sidebar"]["contents"]:
            nested = isinstance(item, Mapping) and "section" in item
            items += item["contents"] if nested else [item]
        return {item["href"]: item["text"] for item in items if isinstance(item, Mapping)}

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
            content = yaml.safe_load(read_text(path, path.name))
        except FileNotFoundError:
            raise PublishError(f"{path.name} is missing in {path.parent}") from None
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f":{mark.line + 1}" if mark else ""
            raise PublishError(f"{path.name}{line}: not valid YAML ({error.problem})") from None
        return content or {}
