"""Options that people chose for single assets: a file in the project, so that all share them.

``<project>/.slate/assets.toml`` has a table for each path::

    ["textures/rock.png"]
    kind = "texture"
    compression = "bc7"

Only what was chosen is written; the rest follows the presets. What cannot be read is named and
kept as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from slate_desktop.control.project_writing import write_atomically
from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.options import AssetOptions, parse_options
from slate_desktop.errors import CommandError, SettingsError

FILE = Path(".slate") / "assets.toml"
_MAX_BYTES = 16 * 1024 * 1024


class AssetChoices:
    """The chosen options of a project's assets.

    Attributes:
        problems: sentences about entries that cannot be used.
    """

    def __init__(self, root: Path) -> None:
        self._path = root / FILE
        self._document = tomlkit.document()
        # A look into the document takes too long for each cell of a list that is scrolled.
        self._paths: frozenset[str] = frozenset()
        self.problems: list[str] = []

    def load(self) -> None:
        """Read the file. Blocks.

        Raises:
            SettingsError: it is there and cannot be read.
        """
        self.problems = []
        try:
            if self._path.stat().st_size > _MAX_BYTES:
                raise SettingsError(f"{self._path} is larger than 16 MiB.")
            self._document = tomlkit.parse(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            self._document = tomlkit.document()
            self._note_paths()
            return
        except (OSError, UnicodeDecodeError, TOMLKitError) as exc:
            raise SettingsError(
                f"{self._path} cannot be read: {exc}.", hint="Correct it in an editor."
            ) from exc
        self._note_paths()
        for path, table in self._document.items():
            try:
                kind = AssetKind(str(table.get("kind", "")))  # type: ignore[union-attr]
                parse_options(kind, _values(table))
            except (AttributeError, TypeError, ValueError) as exc:
                self.problems.append(f"{path}: {exc}")
            except CommandError as exc:
                self.problems.append(f"{path}: {exc.message}")

    def has_choice(self, path: str) -> bool:
        """Tell whether anything was chosen for an asset; quick."""
        return path in self._paths

    def chosen(self, path: str) -> dict[str, Any]:
        """Return what was chosen for an asset, by option."""
        table = self._document.get(path)
        return _values(table) if isinstance(table, Mapping) else {}

    def options_of(self, path: str, kind: AssetKind) -> AssetOptions:
        """Return an asset's options with all defaults.

        Raises:
            CommandError: a chosen value cannot be used.
        """
        return parse_options(kind, self.chosen(path))

    def choose(self, paths: Iterable[str], kind: AssetKind, values: Mapping[str, Any]) -> None:
        """Choose options for some assets, beside what was chosen before. Blocks.

        Raises:
            CommandError: ``bad_request`` naming the field; then nothing is changed.
            SettingsError: the file cannot be written.
        """
        paths = list(paths)
        for path in paths:
            parse_options(kind, {**self.chosen(path), **values})
        before = self._document.as_string()
        for path in paths:
            table = tomlkit.table()
            table["kind"] = kind.value
            for name, value in sorted({**self.chosen(path), **values}.items()):
                table[name] = value
            self._document[path] = table
        self._save(before)

    def forget(self, paths: Iterable[str]) -> None:
        """Let assets follow the presets again. Blocks.

        Raises:
            SettingsError: the file cannot be written.
        """
        before = self._document.as_string()
        for path in paths:
            self._document.pop(path, None)
        self._save(before)

    def _save(self, before: str) -> None:
        text = self._document.as_string()
        try:
            self._path.parent.mkdir(exist_ok=True)
            write_atomically(self._path, text)
        except OSError as exc:
            self._document = tomlkit.parse(before)
            reason = exc.strerror or exc
            raise SettingsError(f"{self._path} cannot be written: {reason}.") from exc
        finally:
            self._note_paths()

    def _note_paths(self) -> None:
        self._paths = frozenset(
            str(path)
            for path, table in self._document.items()
            if isinstance(table, Mapping) and set(table) - {"kind"}
        )


def _values(table: Any) -> dict[str, Any]:
    plain = table.unwrap() if hasattr(table, "unwrap") else dict(table)
    return {name: value for name, value in plain.items() if name != "kind"}
