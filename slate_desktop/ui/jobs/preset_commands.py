"""Presets in the window: offered to the Jobs pane, kept for a project, and removed."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QLineEdit, QVBoxLayout

from slate_desktop.domain.assets.presets import (
    AssetPreset,
    merge_presets,
    parse_rule,
    rule_text,
    shipped_presets,
)
from slate_desktop.errors import SlateError
from slate_desktop.ui import dialogs
from slate_desktop.ui.button_box import ButtonBox
from slate_desktop.ui.text import set_primary, wrapped_label
from slate_desktop.ui.tokens import DIALOG_MARGINS

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate
    from slate_desktop.ui.jobs.submit_form import SubmitForm
    from slate_desktop.ui.window import MainWindow


class PresetCommands:
    """One per window; follows the project that the Jobs pane follows."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._slate: Slate | None = None
        self._project_id = ""
        self._root = Path()

    @property
    def _form(self) -> SubmitForm:
        return self._window.jobs.options

    def connect(self) -> None:
        """Hear what the pane's form wants."""
        self._form.save_wanted.connect(self._on_save)
        self._form.remove_wanted.connect(self._on_remove)
        # Somebody may have changed them meanwhile.
        self._window.jobs.side.currentChanged.connect(lambda _tab: self._on_side())

    async def follow(self, slate: Slate, project_id: str, root: Path) -> None:
        """Offer the presets of a project from now on."""
        self._slate, self._project_id, self._root = slate, project_id, root
        await self.show()

    async def show(self) -> None:
        """Read the presets again and offer them."""
        from slate_desktop.control.preset_files import PresetFiles

        if self._slate is None:
            return
        tr = self._window.tr
        try:
            shared = await self._slate.project_presets(self._project_id)
            files = await asyncio.to_thread(PresetFiles(self._root).read)
            presets = merge_presets(shipped_presets(), shared.values(), files)
        except SlateError as error:
            self._window.show_error(error, tr("A preset cannot be read."))
            return
        # A file of the project is edited there, in a tab of its own.
        own = shared.keys() - {preset.id for preset in files}
        self._form.set_presets(presets, own=own)

    def _on_side(self) -> None:
        if self._form.isVisible():
            self._window.tasks.spawn(self.show(), "read presets", self._window)

    def _on_save(self) -> None:
        self._window.tasks.spawn(self.save(), "save preset", self._window)

    def _on_remove(self, preset: AssetPreset) -> None:
        self._window.tasks.spawn(self.remove(preset), "remove preset", self._window)

    async def save(self) -> None:
        """Ask for a name, and keep what the form holds for all members of the project."""
        window, tr = self._window, self._window.tr
        slate, project_id = self._slate, self._project_id
        if slate is None:
            window.show_error(SlateError(tr("Choose a project first.")))
            return
        dialog = SaveDialog(window, self._form.preset_now)
        if not await dialogs.wait_for(dialog):
            return
        try:
            preset = dialog.preset(self._form.values_by_kind())
            await slate.save_project_preset(project_id, preset)
        except SlateError as error:
            window.show_error(error, tr("The preset could not be kept."))
            return
        await self.show()
        self._form.choose(preset.id)
        window.say(tr("{title} is kept for this project").format(title=preset.title))

    async def remove(self, preset: AssetPreset) -> None:
        """Remove a preset of the project, after asking."""
        window, tr, slate = self._window, self._window.tr, self._slate
        if slate is None:
            return
        is_wanted = await dialogs.ask(
            window,
            window.theme,
            title=tr("Remove preset"),
            text=tr("Remove {title} for all members of the project?").format(title=preset.title),
            action=tr("Remove"),
            is_danger=True,
        )
        if not is_wanted:
            return
        try:
            await slate.delete_project_preset(self._project_id, preset.id)
        except SlateError as error:
            window.show_error(error, tr("The preset could not be removed."))
            return
        await self.show()


class SaveDialog(QDialog):
    """Asks under which name a preset is kept, and which files it is for."""

    def __init__(self, window: MainWindow, now: AssetPreset | None) -> None:
        super().__init__(window)
        self._now = now
        self.setWindowTitle(self.tr("Save as preset"))
        self.setMinimumWidth(460)
        self.title = QLineEdit("" if now is None else now.title)
        self.title.setPlaceholderText(self.tr("Such as Hero textures"))
        self.title.setAccessibleName(self.tr("Name of the preset"))
        self.rules = QLineEdit(", ".join(map(rule_text, now.rules)) if now is not None else "")
        self.rules.setPlaceholderText("texture:**/ui/**, **/voice/**")
        self.rules.setAccessibleName(self.tr("Files that the preset is for"))
        note = wrapped_label(
            self.tr(
                "All members of the project can choose it. Files that fit a path get it by"
                " themselves; * stands for any name, ** for any folders."
            ),
            role="muted",
        )
        form = QFormLayout()
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(8)
        form.addRow(self.tr("Name"), self.title)
        form.addRow(self.tr("For files"), self.rules)
        buttons = ButtonBox()
        save = buttons.addButton(self.tr("Save"), QDialogButtonBox.ButtonRole.AcceptRole)
        set_primary(save)
        save.setDefault(True)
        save.setEnabled(bool(self.title.text().strip()))
        buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self.title.textChanged.connect(lambda text: save.setEnabled(bool(text.strip())))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*DIALOG_MARGINS)
        layout.setSpacing(14)
        layout.addLayout(form)
        layout.addWidget(note)
        layout.addWidget(buttons)

    def preset(self, values: dict[str, dict[str, object]]) -> AssetPreset:
        """Return the preset with options by kind.

        Raises:
            CommandError: ``bad_request``: a rule has no path.
        """
        title = self.title.text().strip()
        same = self._now if self._now is not None and self._now.title == title else None
        return AssetPreset(
            id=same.id if same is not None else _id_of(title),
            title=title,
            description=same.description if same is not None else "",
            rules=tuple(parse_rule(text) for text in self.rules.text().split(",") if text.strip()),
            **values,
        )


def _id_of(title: str) -> str:
    """Return a title as an id."""
    return re.sub(r"[^A-Za-z0-9]+", "-", title).strip("-").lower()[:60] or "preset"
