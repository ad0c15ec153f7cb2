"""The dialog of a project's members: its owners let people in, change roles, take people out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
)

from slate_desktop.domain.project import Member
from slate_desktop.domain.roles import Role
from slate_desktop.errors import SlateError
from slate_desktop.ui import dialogs
from slate_desktop.ui.problems import describe
from slate_desktop.ui.text import clean, wrapped_label

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate
    from slate_desktop.domain.project import Project
    from slate_desktop.ui.window import MainWindow

_ID = Qt.ItemDataRole.UserRole
_NAME, _ROLE = 0, 1


class MembersDialog(QDialog):
    """Shows members; what is wanted is done by whoever listens.

    Signals:
        set_wanted: a person (id or name) is to have a role.
        remove_wanted: the person with this id is to be taken out.
    """

    set_wanted = Signal(str, str)
    remove_wanted = Signal(str, str)

    def __init__(self, window: MainWindow, project: Project, user_id: str) -> None:
        super().__init__(window)
        self._owner_id, self._user_id = project.owner_id, user_id
        self._is_owner = False
        self._members: Sequence[Member] = ()
        self.setWindowTitle(self.tr("Members of {name}").format(name=clean(project.name)))
        self.setMinimumSize(520, 380)
        self.words = wrapped_label(role="muted")
        self.tree = QTreeWidget()
        self.tree.setRootIsDecorated(False)
        self.tree.setAccessibleName(self.tr("Members"))
        self.tree.setHeaderLabels([self.tr("Person"), self.tr("May")])
        self.tree.header().setSectionResizeMode(_NAME, QHeaderView.ResizeMode.Stretch)
        self.tree.header().setSectionResizeMode(_ROLE, QHeaderView.ResizeMode.ResizeToContents)
        self.tree.header().setStretchLastSection(False)
        self.tree.itemSelectionChanged.connect(self._show_state)
        self.message = wrapped_label(role="error")
        self.message.hide()
        self.field = QLineEdit()
        self.field.setPlaceholderText(self.tr("Name of somebody on this server"))
        self.field.setAccessibleName(self.tr("Name of the person to add"))
        self.field.textChanged.connect(lambda _: self._show_state())
        self.field.returnPressed.connect(self._add)
        self.roles = self._role_box(Role.DEVELOPER)
        self.roles.setAccessibleName(self.tr("Role of the person to add"))
        self.add_button = self._button(self.tr("Add"), self._add)
        self.remove_button = self._button(self.tr("Take out…"), self._remove)
        self._lay_out()
        self._show_state()

    def show_members(self, members: Sequence[Member]) -> None:
        """Show these; only an owner may change them."""
        self._members = members
        self._is_owner = any(m.user_id == self._user_id and m.role is Role.OWNER for m in members)
        chosen = self._chosen()
        self.tree.clear()
        for member in members:
            item = QTreeWidgetItem([clean(member.name or member.user_id), ""])
            item.setData(_NAME, _ID, member.user_id)
            self.tree.addTopLevelItem(item)
            box = self._role_box(member.role)
            box.setEnabled(self._is_owner and member.user_id != self._owner_id)
            box.setAccessibleName(self.tr("Role of {name}").format(name=clean(member.name)))
            if member.user_id == self._owner_id:
                box.setToolTip(self.tr("Who added the project stays its owner"))
            box.activated.connect(
                lambda _, member=member, box=box: self._change(member, box.currentData())
            )
            self.tree.setItemWidget(item, _ROLE, box)
            if member.user_id == chosen:
                item.setSelected(True)
        self.words.setText(
            self.tr(
                "Owners run everything and decide who is in. Developers build and process assets,"
                " artists process assets, viewers look."
            )
            if self._is_owner
            else self.tr("Only an owner of the project decides who is in it.")
        )
        self._show_state()

    def show_message(self, text: str) -> None:
        """Say why something was not done; empty for nothing."""
        self.message.setText(text)
        self.message.setVisible(bool(text))

    def clear_field(self) -> None:
        """Take the name away that was added."""
        self.field.clear()

    def _change(self, member: Member, role: str) -> None:
        if role != member.role.value:
            self.set_wanted.emit(member.user_id, role)

    def _add(self) -> None:
        name = self.field.text().strip()
        if name and self._is_owner:
            self.set_wanted.emit(name, str(self.roles.currentData()))

    def _remove(self) -> None:
        chosen = self._chosen()
        for member in self._members:
            if member.user_id == chosen:
                self.remove_wanted.emit(member.user_id, member.name)

    def _chosen(self) -> str:
        items = self.tree.selectedItems()
        return str(items[0].data(_NAME, _ID)) if items else ""

    def _show_state(self) -> None:
        for widget in (self.field, self.roles):
            widget.setEnabled(self._is_owner)
        self.add_button.setEnabled(self._is_owner and bool(self.field.text().strip()))
        chosen = self._chosen()
        self.remove_button.setEnabled(self._is_owner and bool(chosen) and chosen != self._owner_id)

    def _role_box(self, role: Role) -> QComboBox:
        box = QComboBox()
        for one, name in (
            (Role.OWNER, self.tr("owner")),
            (Role.DEVELOPER, self.tr("developer")),
            (Role.ARTIST, self.tr("artist")),
            (Role.VIEWER, self.tr("viewer")),
        ):
            box.addItem(name, one.value)
        box.setCurrentIndex(box.findData(role.value))
        return box

    def _button(self, text: str, then: Callable[[], object]) -> QPushButton:
        button = QPushButton(text)
        button.setAutoDefault(False)
        button.clicked.connect(lambda: then())
        return button

    def _lay_out(self) -> None:
        adding = QHBoxLayout()
        adding.setSpacing(8)
        adding.addWidget(self.field, 1)
        adding.addWidget(self.roles)
        adding.addWidget(self.add_button)
        foot = QHBoxLayout()
        foot.addWidget(self.remove_button)
        foot.addStretch(1)
        foot.addWidget(self._button(self.tr("Close"), self.reject))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 18, 18, 14)
        layout.setSpacing(12)
        layout.addWidget(self.words)
        layout.addWidget(self.tree, 1)
        layout.addLayout(adding)
        layout.addWidget(self.message)
        layout.addLayout(foot)


async def edit_members(window: MainWindow) -> None:
    """Show who is in the chosen project, and do what is wanted until the dialog is closed."""
    slate, project = window.workspace.slate, window.workspace.project
    if slate is None or project is None:
        return
    what = window.tr("The members cannot be shown.")
    try:
        members = await slate.list_members(project.id)
    except SlateError as error:
        window.show_error(error, what)
        return
    dialog = MembersDialog(window, project, slate.user.id)
    dialog.show_members(members)
    changes = _Changes(window, slate, project, dialog)

    def spawn(work: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., object]:
        return lambda *values: window.tasks.spawn(work(*values), "change members", dialog)

    dialog.set_wanted.connect(spawn(changes.set))
    dialog.remove_wanted.connect(spawn(changes.remove))
    await dialogs.wait_for(dialog)


class _Changes:
    def __init__(
        self, window: MainWindow, slate: Slate, project: Project, dialog: MembersDialog
    ) -> None:
        self._window, self._slate = window, slate
        self._project, self._dialog = project, dialog

    async def set(self, person: str, role: str) -> None:
        await self._do(self._slate.set_member(self._project.id, person, role))

    async def remove(self, user_id: str, name: str) -> None:
        window = self._window
        if await dialogs.ask(
            self._dialog,
            window.theme,
            title=window.tr("Take {name} out").format(name=clean(name)),
            text=window.tr("{name} will not see {project} any more. What they made stays.").format(
                name=clean(name), project=clean(self._project.name)
            ),
            action=window.tr("Take out"),
            is_danger=True,
        ):
            await self._do(self._slate.remove_member(self._project.id, user_id))

    async def _do(self, change: Awaitable[Any]) -> None:
        dialog = self._dialog
        dialog.show_message("")
        try:
            await change
            dialog.clear_field()
        except SlateError as error:
            problem = describe(error, "")
            dialog.show_message(" ".join(p for p in (problem.why, problem.next_step) if p))
        try:
            dialog.show_members(await self._slate.list_members(self._project.id))
        except SlateError as error:
            dialog.show_message(str(error))
