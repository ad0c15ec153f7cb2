"""A form for the options of one kind of asset, made from the options' own fields.

A choice becomes a list, a flag a box, a number or a list of numbers a field. What is typed is
checked by the same parser that jobs use, and the complaint stands under the form.
"""

from __future__ import annotations

import enum
import types
import typing
from typing import Any

import msgspec
from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QFormLayout, QLineEdit, QWidget

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.options import AssetOptions, options_to_json, parse_options
from slate_desktop.domain.assets.texture import Resize, read_size, size_text
from slate_desktop.errors import CommandError
from slate_desktop.translation import sentence
from slate_desktop.ui.text import plain_label, set_invalid, wrapped_label

MIXED = "\u2014"


def title_of(name: str) -> str:
    """Return a field's name as a label."""
    words = QCoreApplication.translate("AssetOptions", name.replace("_", " "))
    for short, right in (("lod", "LOD"), ("lufs", "LUFS"), ("astc", "ASTC")):
        words = words.replace(short, right)
    return words[:1].upper() + words[1:]


class OptionsForm(QWidget):
    """Edits options. ``changed`` comes after each edit, sound or not.

    Args:
        is_batch: start with nothing chosen: only what the user touches is changed.
    """

    changed = Signal()

    def __init__(self, kind: AssetKind, options: AssetOptions, *, is_batch: bool = False) -> None:
        super().__init__()
        self.kind, self._is_batch = kind, is_batch
        self.fields: dict[str, QWidget] = {}
        # Of labels and fields.
        self.rows = QFormLayout(self)
        self.rows.setContentsMargins(0, 0, 0, 0)
        self.rows.setHorizontalSpacing(12)
        self.rows.setVerticalSpacing(4)
        data = options_to_json(options)
        for name, hint in typing.get_type_hints(type(options)).items():
            field = self._make(name, hint, data.get(name))
            if field is not None:
                field.setAccessibleName(title_of(name))
                self.fields[name] = field
                self.rows.addRow(plain_label(title_of(name), role="muted"), field)
        self.error = wrapped_label(role="error")
        self.error.hide()
        self.rows.addRow(self.error)

    def values(self) -> dict[str, Any]:
        """Return what was chosen, by field; in a batch only what was touched."""
        found: dict[str, Any] = {}
        for name, field in self.fields.items():
            value = _value(field)
            if value != _UNTOUCHED:
                found[name] = value
        return found

    def options(self) -> AssetOptions | None:
        """Return the options, None when something is wrong, which is then said."""
        try:
            options = parse_options(self.kind, self.values())
        except CommandError as error:
            self._complain(error.field or "", sentence(error.message))
            return None
        self._complain("", "")
        return options

    def set_value(self, name: str, value: object) -> None:
        """Choose a value, as the user would."""
        field = self.fields[name]
        if isinstance(field, QComboBox):
            field.setCurrentIndex(field.findData(value))
        elif isinstance(field, QCheckBox):
            field.setChecked(bool(value))
        elif isinstance(field, QLineEdit):
            field.setText(str(value))

    def _make(self, name: str, hint: Any, value: Any) -> QWidget | None:
        optional = typing.get_origin(hint) in (typing.Union, types.UnionType)
        kinds = [t for t in typing.get_args(hint) if t is not type(None)] if optional else [hint]
        kind = kinds[0]
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            return self._choice([member.value for member in kind], value)
        if kind is bool:
            return self._flag(value)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            text = "" if value is None else size_text(msgspec.convert(value, Resize))
            return self._text("resize", text)
        if kind in (int, float):
            return self._text("int" if kind is int else "float", _number_text(value))
        if typing.get_origin(kind) is tuple:
            return self._text("list", ", ".join(_number_text(each) for each in value or ()))
        del name
        return None

    def _choice(self, choices: list[str], value: Any) -> QComboBox:
        box = QComboBox()
        if self._is_batch:
            box.addItem(MIXED, _UNTOUCHED)
        for each in choices:
            box.addItem(each, each)
        box.setCurrentIndex(0 if self._is_batch else box.findData(value))
        box.currentIndexChanged.connect(lambda _index: self._on_edit())
        return box

    def _flag(self, value: Any) -> QWidget:
        if self._is_batch:
            box = QComboBox()
            for text, data in ((MIXED, _UNTOUCHED), (self.tr("yes"), True), (self.tr("no"), False)):
                box.addItem(text, data)
            box.currentIndexChanged.connect(lambda _index: self._on_edit())
            return box
        check = QCheckBox()
        check.setChecked(bool(value))
        check.toggled.connect(lambda _on: self._on_edit())
        return check

    def _text(self, reading: str, text: str) -> QLineEdit:
        field = QLineEdit("" if self._is_batch else text)
        field.setProperty("reading", reading)
        field.setProperty("isBatch", self._is_batch)
        size = self.tr("Such as 512 × 256, or 512 × 256 cover")
        examples = {"resize": size, "list": "0.75, 0.5, 0.25"}
        field.setPlaceholderText(MIXED if self._is_batch else examples.get(reading, ""))
        field.textChanged.connect(lambda _text: self._on_edit())
        return field

    def _on_edit(self) -> None:
        self.options()
        self.changed.emit()

    def _complain(self, name: str, words: str) -> None:
        for field_name, field in self.fields.items():
            set_invalid(field, words if field_name == name else "")
        self.error.setText(words)
        self.error.setVisible(bool(words))


_UNTOUCHED = "\0untouched"


def _value(field: QWidget) -> Any:
    if isinstance(field, QComboBox):
        return field.currentData()
    if isinstance(field, QCheckBox):
        return field.isChecked()
    if isinstance(field, QLineEdit):
        text = field.text().strip()
        if not text:
            return _UNTOUCHED
        return _read_text(field.property("reading"), text)
    return _UNTOUCHED


def _read_text(reading: str, text: str) -> Any:
    """Return the value of a text; what cannot be read goes on as it is and is refused there."""
    if reading == "resize":
        return read_size(text) or text
    if reading == "list":
        return [_number(part.strip(), float) for part in text.split(",")]
    return _number(text, int if reading == "int" else float)


def _number(text: str, kind: type) -> Any:
    try:
        return kind(text)
    except ValueError:
        return text


def _number_text(value: Any) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
