"""One setting in the dialog: its words, its field, what is wrong with it, and its way back."""

from __future__ import annotations

from functools import cached_property

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.settings.catalog import SettingKind, SettingState, to_text
from slate_desktop.translation import sentence
from slate_desktop.ui import icons
from slate_desktop.ui.text import clean, explain, plain_label, set_invalid, set_role, wrapped_label
from slate_desktop.ui.theme import Theme


class SettingRow(QWidget):
    """Shows a setting; what is typed is told, and stays in the field whatever it is.

    Signals:
        typed: the name and the text, at each change, to be checked.
        edited: the name and the text, when the user is done with it, to be saved.
        reset_wanted: the name.
        test_wanted: the name.
    """

    typed = Signal(str, str)
    edited = Signal(str, str)
    reset_wanted = Signal(str)
    test_wanted = Signal(str)

    # Below the title and the description.
    _FIELD_LINE = 2

    def __init__(
        self, theme: Theme, state: SettingState, parent: QWidget, *, can_test: bool
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._is_filling = False
        self._told = ""
        self.state = state
        setting = state.setting
        self.title = plain_label(translated(setting.title))
        self.title.setFont(theme.ui_font(is_bold=True))
        self.name = plain_label(setting.name, role="faint")
        self.name.setFont(theme.mono_font())
        self.changed = plain_label(role="ok")
        self.reset = QToolButton()
        self.reset.setIcon(icons.icon("undo-2", theme.tokens, "text.muted"))
        self.reset.setAccessibleName(
            self.tr("Reset {title}").format(title=translated(setting.title))
        )
        explain(self.reset, self.tr("Take it out of settings.toml, so that the default counts"))
        self.reset.clicked.connect(lambda: self.reset_wanted.emit(setting.name))
        self.description = wrapped_label(translated(setting.description), role="muted")
        self.field = self._make_field()
        explain(self.field, translated(setting.description))
        self.field.setAccessibleName(translated(setting.title))
        self.field.setAccessibleDescription(translated(setting.description))
        self.test_button = QPushButton(self.tr("Test"))
        self.test_button.setAutoDefault(False)
        explain(
            self.test_button,
            self.tr("Connects with what stands in the field, and says what happened."),
        )
        self.test_button.setAccessibleName(
            self.tr("Test {title}").format(title=translated(setting.title))
        )
        self.test_button.clicked.connect(lambda: self.test_wanted.emit(setting.name))
        self._lay_out()
        # What has no parent yet would be a window of its own for a moment.
        self.test_button.setVisible(can_test)
        self.show_state(state)

    @cached_property
    def message(self) -> QLabel:
        """What is wrong with the field; made when there is something to say."""
        return self._note(self._FIELD_LINE + 1, "error")

    @cached_property
    def place(self) -> QLabel:
        """What decides instead of the field."""
        return self._note(-1, "warn")

    @property
    def text(self) -> str:
        """What stands in the field."""
        if isinstance(self.field, QCheckBox):
            return to_text(self.field.isChecked())
        if isinstance(self.field, QComboBox):
            return str(self.field.currentData())
        return self.field.text()

    @property
    def is_edited(self) -> bool:
        """Whether the field differs from what counts."""
        return self.text.strip() != to_text(self.state.value)

    def show_state(self, state: SettingState) -> None:
        """Show a state; what is being typed, and not saved, stays."""
        is_typing = self.is_edited and self.field.hasFocus()
        self.state = state
        if not is_typing:
            self._fill(to_text(state.value))
        self.changed.setText(self.tr("changed") if state.stored is not None else "")
        self.reset.setEnabled(state.stored is not None)
        self.field.setEnabled(not state.is_overridden)
        words = ""
        if state.is_overridden:
            words = self.tr("{place} decides this; what is written here has no effect.").format(
                place=clean(sentence(state.place))
            )
        if state.problem:
            words = f"{words} {clean(sentence(state.problem))}".strip()
        if words or "place" in vars(self):
            self.place.setText(words)
            self.place.setVisible(bool(words))

    def show_message(self, text: str, role: str = "error") -> None:
        """Say what is wrong with the field, or what a test found; nothing clears both."""
        self._told = text
        if text or "message" in vars(self):
            set_role(self.message, role)
            self.message.setText(clean(text))
            self.message.setVisible(bool(text))
        set_invalid(self.field, text if role == "error" else "")
        # A screen reader says it with the field.
        about = translated(self.state.setting.description)
        self.field.setAccessibleDescription(f"{text} {about}" if text else about)

    def fill(self, text: str) -> None:
        """Put a text into the field, as if it had been saved there."""
        self._fill(text)

    def commit(self) -> None:
        """Tell what stands in the field, if it is another value than before."""
        if self.is_edited:
            self.edited.emit(self.state.setting.name, self.text)

    def matches(self, words: str) -> bool:
        """Whether all words are found in what the row says."""
        setting = self.state.setting
        said = (setting.name, translated(setting.title), translated(setting.description))
        hay = " ".join((*said, translated(setting.group))).lower()
        return all(word in hay for word in words.lower().split())

    def _make_field(self) -> QCheckBox | QComboBox | QLineEdit:
        setting = self.state.setting
        if setting.kind is SettingKind.SWITCH:
            box = QCheckBox(self.tr("On"))
            box.toggled.connect(lambda _on: self._tell(is_done=True))
            return box
        if setting.kind is SettingKind.CHOICE:
            combo = QComboBox()
            for choice in setting.choices:
                combo.addItem(_choice_title(choice), choice)
            combo.currentIndexChanged.connect(lambda _index: self._tell(is_done=True))
            return combo
        line = QLineEdit()
        line.setPlaceholderText(_begun(translated(setting.expects)) if setting.expects else "")
        line.textChanged.connect(lambda _text: self._tell(is_done=False))
        line.editingFinished.connect(self.commit)
        return line

    def _tell(self, *, is_done: bool) -> None:
        if self._is_filling:
            return
        name, text = self.state.setting.name, self.text
        self.typed.emit(name, text)
        if is_done:
            self.edited.emit(name, text)

    def _fill(self, text: str) -> None:
        self._is_filling = True
        if isinstance(self.field, QCheckBox):
            self.field.setChecked(text == "true")
        elif isinstance(self.field, QComboBox):
            self.field.setCurrentIndex(max(0, self.field.findData(text)))
        elif self.field.text() != text:
            self.field.setText(text)
        self._is_filling = False

    def _note(self, index: int, role: str) -> QLabel:
        label = wrapped_label(role=role, parent=self)
        label.hide()
        self._lines.insertWidget(index, label)
        return label

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.title)
        head.addWidget(self.name)
        head.addStretch(1)
        head.addWidget(self.changed)
        head.addWidget(self.reset)
        line = QHBoxLayout()
        line.setSpacing(8)
        stretch = 1 if isinstance(self.field, QLineEdit) else 0
        line.addWidget(self.field, stretch)
        line.addWidget(self.test_button)
        if not stretch:
            line.addStretch(1)
        layout = self._lines = QVBoxLayout(self)
        layout.setContentsMargins(0, 6, 0, 8)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addWidget(self.description)
        layout.addLayout(line)
        self.setTabOrder(self.field, self.test_button)
        self.setTabOrder(self.test_button, self.reset)
        self.title.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)


def _choice_title(choice: str) -> str:
    known = {
        "": _tr("Not set"),
        "system": _tr("As the system"),
        "dark": _tr("Dark", "theme"),
        "light": _tr("Light", "theme"),
        "contrast": _tr("High contrast"),
        "debug": _tr("debug"),
        "info": _tr("info"),
        "warning": _tr("warning"),
        "error": _tr("error"),
        # Whoever needs a language finds it by its own name.
        "en": "English",
        "de": "Deutsch",
    }
    return known.get(choice, choice)


def _tr(text: str, context: str = "") -> str:
    return QCoreApplication.translate("Settings", text, context)


def translated(text: str) -> str:
    """Return what is declared of a setting in the language of the window."""
    return QCoreApplication.translate("Settings", text)


def _begun(words: str) -> str:
    """Return words as a sentence begins; addresses and values stay as they are written."""
    return words[:1].upper() + words[1:] if words.partition(" ")[0].isalpha() else words
