"""The dialog of a project: its owners say who is in, as what, and how much it may take."""

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
    QTabWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.domain.project import Member
from slate_desktop.domain.quotas import Limit, QuotaLine, Scope, read_amount
from slate_desktop.domain.roles import Role
from slate_desktop.errors import SlateError
from slate_desktop.translation import sentence
from slate_desktop.ui import dialogs
from slate_desktop.ui.problems import describe
from slate_desktop.ui.quotas import QuotaTable
from slate_desktop.ui.text import clean, wrapped_label
from slate_desktop.ui.tokens import BUTTON_GAP, DIALOG_MARGINS

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
        quota_wanted: of this scope and id a limit (its name) is to be what was written.
        subject_wanted: the quotas of another one are to be shown, as ``subject`` says.
    """

    set_wanted = Signal(str, str)
    remove_wanted = Signal(str, str)
    quota_wanted = Signal(str, str, str, str)
    subject_wanted = Signal()

    def __init__(self, window: MainWindow, project: Project, user_id: str) -> None:
        super().__init__(window)
        self._owner_id, self._user_id = project.owner_id, user_id
        self._is_owner = False
        self._members: Sequence[Member] = ()
        self.setWindowTitle(self.tr("Members of {name}").format(name=clean(project.name)))
        self.setMinimumSize(620, 400)
        self.words = wrapped_label(role="muted")
        self.tree = QTreeWidget()
        self.tree.setRootIsDecorated(False)
        self.tree.setAccessibleName(self.tr("Members"))
        self.tree.setHeaderLabels([self.tr("Person"), self.tr("Role")])
        self.tree.header().setSectionResizeMode(_NAME, QHeaderView.ResizeMode.Stretch)
        self.tree.header().setSectionResizeMode(_ROLE, QHeaderView.ResizeMode.Fixed)
        self.tree.header().resizeSection(_ROLE, self.fontMetrics().averageCharWidth() * 20)
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
        self.quotas = QuotaTable()
        self.quotas.wanted.connect(
            # Whose is settled now: another one may be chosen before it is done.
            lambda limit, text: self.quota_wanted.emit(*self.subject, limit, text)
        )
        self.subjects = QComboBox()
        self.subjects.setAccessibleName(self.tr("Whose quotas"))
        self.subjects.addItem(clean(project.name), (Scope.PROJECT.value, project.id))
        self.subjects.activated.connect(lambda _: self.subject_wanted.emit())
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
            box.setObjectName("inRow")
            item.setSizeHint(_ROLE, box.sizeHint())
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

    def show_people(self, people: Sequence[Member]) -> None:
        """Let the quotas of these be chosen beside the project's; what is chosen stays."""
        chosen = self.subject
        while self.subjects.count() > 1:
            self.subjects.removeItem(1)
        for member in people:
            name = clean(member.name or member.user_id)
            text = self.tr("{name}, in all projects").format(name=name)
            self.subjects.addItem(text, (Scope.PERSON.value, member.user_id))
            if (Scope.PERSON, member.user_id) == chosen:
                self.subjects.setCurrentIndex(self.subjects.count() - 1)

    @property
    def subject(self) -> tuple[Scope, str]:
        """Whose quotas are shown."""
        scope, subject_id = self.subjects.currentData()
        return Scope(scope), subject_id

    def show_quotas(self, lines: Sequence[QuotaLine], *, may_change: bool) -> None:
        """Show what the project or person that is chosen may take, and takes."""
        self.quotas.show_lines(lines, may_change=may_change)

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
        adding.addWidget(self.remove_button)
        people, limits = QWidget(), QWidget()
        layout = QVBoxLayout(people)
        layout.setContentsMargins(0, 12, 0, 0)
        layout.setSpacing(12)
        layout.addWidget(self.words)
        layout.addWidget(self.tree, 1)
        layout.addLayout(adding)
        layout = QVBoxLayout(limits)
        layout.setContentsMargins(0, 12, 0, 0)
        layout.setSpacing(12)
        about = wrapped_label(role="muted")
        about.setText(
            self.tr(
                "What is over a quota is refused, builds wait. Owners limit their project,"
                " administrators projects and people; the least holds."
            )
        )
        layout.addWidget(about)
        layout.addWidget(self.subjects)
        layout.addWidget(self.quotas, 1)
        self.tabs = QTabWidget()
        self.tabs.setAccessibleName(self.tr("People and quotas of the project"))
        self.tabs.addTab(people, self.tr("People"))
        self.tabs.addTab(limits, self.tr("Quotas"))
        foot = QHBoxLayout()
        foot.setSpacing(BUTTON_GAP)
        foot.addStretch(1)
        foot.addWidget(self._button(self.tr("Close"), self.reject))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*DIALOG_MARGINS)
        layout.setSpacing(12)
        layout.addWidget(self.tabs, 1)
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
        lines = await slate.get_quotas(Scope.PROJECT, project.id)
        may_limit = await slate.may_limit(Scope.PROJECT, project.id)
        may_limit_people = await slate.may_limit(Scope.PERSON, slate.user.id)
    except SlateError as error:
        window.show_error(error, what)
        return
    dialog = MembersDialog(window, project, slate.user.id)
    dialog.show_members(members)
    dialog.show_quotas(lines, may_change=may_limit)
    changes = _Changes(window, slate, project, dialog, may_limit_people=may_limit_people)
    changes.show_people(members)

    def spawn(work: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., object]:
        return lambda *values: window.tasks.spawn(work(*values), "change members", dialog)

    dialog.set_wanted.connect(spawn(changes.set))
    dialog.remove_wanted.connect(spawn(changes.remove))
    dialog.quota_wanted.connect(spawn(changes.limit))
    dialog.subject_wanted.connect(spawn(changes.show_quotas))
    await dialogs.wait_for(dialog)


class _Changes:
    def __init__(
        self,
        window: MainWindow,
        slate: Slate,
        project: Project,
        dialog: MembersDialog,
        *,
        may_limit_people: bool,
    ) -> None:
        self._window, self._slate = window, slate
        self._project, self._dialog = project, dialog
        self._may_limit_people = may_limit_people

    def show_people(self, members: Sequence[Member]) -> None:
        """Offer the quotas of those whose are this person's to know."""
        mine = self._slate.user.id
        self._dialog.show_people(
            [one for one in members if self._may_limit_people or one.user_id == mine]
        )

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

    async def limit(self, scope: str, subject_id: str, name: str, text: str) -> None:
        limit = Limit(name)
        self._dialog.show_message("")
        try:
            amount = read_amount(limit, text)
            await self._slate.set_quotas(Scope(scope), subject_id, {limit: amount})
        except SlateError as error:
            self._refuse(error)
        await self.show_quotas()

    async def show_quotas(self) -> None:
        subject = self._dialog.subject
        try:
            lines = await self._slate.get_quotas(*subject)
            may_change = await self._slate.may_limit(*subject)
        except SlateError as error:
            self._dialog.show_message(sentence(str(error)))
            return
        # Another one may have been chosen meanwhile.
        if self._dialog.subject == subject:
            self._dialog.show_quotas(lines, may_change=may_change)

    def _refuse(self, error: SlateError) -> None:
        problem = describe(error, "")
        self._dialog.show_message(" ".join(p for p in (problem.why, problem.next_step) if p))

    async def _do(self, change: Awaitable[Any]) -> None:
        dialog = self._dialog
        dialog.show_message("")
        try:
            await change
            dialog.clear_field()
        except SlateError as error:
            self._refuse(error)
        try:
            members = await self._slate.list_members(self._project.id)
            dialog.show_members(members)
            self.show_people(members)
        except SlateError as error:
            dialog.show_message(sentence(str(error)))
