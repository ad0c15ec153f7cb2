"""The centre: what is chosen, how it is doing, and the configuration that it starts with."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.domain.container import ContainerConfig
from slate_desktop.domain.project import Project
from slate_desktop.domain.session import RuntimeSession, SessionStatus
from slate_desktop.translation import sentence, translate
from slate_desktop.ui import icons, status
from slate_desktop.ui.banner import Banner
from slate_desktop.ui.monitor.advice import AdviceRow
from slate_desktop.ui.problems import Problem, next_step_for
from slate_desktop.ui.sync.row import SyncRow
from slate_desktop.ui.text import ElidedLabel, beside, format_time, plain_label, set_role
from slate_desktop.ui.theme import Theme

if TYPE_CHECKING:
    from slate_desktop.ui.config_form import ConfigForm

_MAX_WIDTH = 760


class DetailsPane(QWidget):
    """Shows a project before its start, or a session; the form holds what the user changes.

    Signals:
        form_changed: the form was checked anew.
        host_chosen: another host was chosen in it.
    """

    defaults_wanted = Signal()
    keep_wanted = Signal()
    form_changed = Signal()
    host_chosen = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._theme = theme
        self._look = ("gamepad-2", "accent.text")
        self.banner = Banner(theme, self)
        self.advice = AdviceRow()
        self.sync = SyncRow(theme)
        self._is_read_only = False
        self._picture = plain_label()
        self.title = ElidedLabel()
        self.where = ElidedLabel(mode=Qt.TextElideMode.ElideMiddle, role="faint")
        self.state = plain_label(role="muted")
        self._state_dot = plain_label()
        self._facts: dict[str, tuple[QLabel, ElidedLabel]] = {}
        self.hint = plain_label(role="faint")
        self.hint.setWordWrap(True)
        self.reset = QPushButton(self.tr("Reset to defaults"))
        self.reset.setToolTip(self.tr("Take back every change to this configuration"))
        self.reset.clicked.connect(self.defaults_wanted)
        self.keep = QPushButton(self.tr("Keep for this project"))
        self.keep.setToolTip(self.tr("Start every new session of this project with these values"))
        self.keep.clicked.connect(self.keep_wanted)
        self._lay_out()
        theme.changed.connect(self.apply_theme)
        self.apply_theme()

    @cached_property
    def form(self) -> ConfigForm:
        """The form: a third of a window's widgets, made when there is something to fill it with."""
        from slate_desktop.ui.config_form import ConfigForm

        form = ConfigForm(self._theme)
        form.set_read_only(self._is_read_only)
        form.changed.connect(self._on_form_changed)
        form.host.currentIndexChanged.connect(lambda _index: self.host_chosen.emit())
        self._form_place.addWidget(form)
        return form

    @property
    def is_valid(self) -> bool:
        """Whether nothing in the form is wrong; one that is not made yet has nothing wrong."""
        return "form" not in self.__dict__ or self.form.is_valid

    # -- what is shown ---------------------------------------------------------------------

    def show_project(self, project: Project, engine: str) -> None:
        """Show a project whose next session has not been made."""
        self._look = ("gamepad-2", "accent.text")
        self.title.setText(project.name)
        self.where.setText(f"{engine}  ·  {project.root}")
        self._show_state("dot-hollow", "state.idle", self.tr("not started"))
        self._show_facts({})
        self.hint.setText(
            self.tr("The next session starts with this: the engine's defaults, and your changes.")
        )
        self._set_read_only(False)
        self.keep.show()
        self.reset.show()
        self.apply_theme()

    def show_session(self, session: RuntimeSession, project: Project | None, note: str) -> None:
        """Show a session and how it is doing."""
        icon, role = status.status_look(session.status)
        self._look = ("terminal", "accent.text")
        name = project.name if project is not None else session.runtime_type
        self.title.setText(beside(name, session.id[:8]))
        self.where.setText(project.root if project is not None else session.project_id)
        words = status.status_words(session.status)
        self._show_state(icon, role, f"{words} · {note}" if note else words)
        self._show_facts(self._session_facts(session))
        is_open = session.is_final or session.status is SessionStatus.CREATING
        self._set_read_only(not is_open)
        self.hint.setText(
            self.tr("Used from the next start on.")
            if is_open
            else self.tr("What this session runs with. It can be changed once it has stopped.")
        )
        self.keep.setVisible(False)
        self.reset.setVisible(is_open)
        self.apply_theme()

    def set_config(self, config: ContainerConfig, *, base: ContainerConfig | None = None) -> None:
        """Fill the form."""
        self.form.set_config(config, base=base)
        self._card.show()

    def apply_theme(self) -> None:
        """Take icons and fonts of the theme."""
        self._picture.setPixmap(icons.pixmap(self._look[0], self._theme.tokens, self._look[1], 28))
        self.title.setFont(self._theme.ui_font(scale=1.45, is_bold=True))
        self._heading.setFont(self._theme.ui_font(is_bold=True))

    # -- private ---------------------------------------------------------------------------

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(self._picture)
        names = QVBoxLayout()
        names.setSpacing(1)
        names.addWidget(self.title)
        names.addWidget(self.where)
        head.addLayout(names, 1)
        pill = QHBoxLayout()
        pill.setSpacing(5)
        pill.addWidget(self._state_dot)
        pill.addWidget(self.state)
        head.addLayout(pill)
        body = QWidget()
        body.setObjectName("page")
        body.setMaximumWidth(_MAX_WIDTH)
        column = QVBoxLayout(body)
        column.setContentsMargins(20, 16, 20, 16)
        column.setSpacing(14)
        column.addLayout(head)
        self._fact_grid = QGridLayout()
        self._fact_grid.setHorizontalSpacing(12)
        self._fact_grid.setVerticalSpacing(4)
        self._fact_grid.setColumnMinimumWidth(0, 112)
        self._fact_grid.setColumnMinimumWidth(2, 80)
        self._fact_grid.setColumnStretch(1, 1)
        self._fact_grid.setColumnStretch(3, 1)
        column.addLayout(self._fact_grid)
        column.addWidget(self.sync)
        column.addWidget(self.advice)
        self._card = self._config_card()
        self._card.hide()
        column.addWidget(self._card)
        column.addStretch(1)
        outer = QWidget()
        outer.setObjectName("page")
        row = QHBoxLayout(outer)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(body, 1)
        row.addStretch(0)
        self.scroller = QScrollArea()
        self.scroller.setWidgetResizable(True)
        # Between wide docks the form is wider than its place: what is cut off can be scrolled to.
        self.scroller.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.scroller.setWidget(outer)
        self.scroller.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.banner)
        layout.addWidget(self.scroller, 1)

    def _config_card(self) -> QFrame:
        card = QFrame()
        card.setObjectName("card")
        self._heading = plain_label(self.tr("Container configuration"))
        head = QHBoxLayout()
        head.addWidget(self._heading)
        head.addStretch(1)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(self.reset)
        foot.addWidget(self.keep)
        layout = QVBoxLayout(card)
        layout.setContentsMargins(16, 12, 16, 14)
        layout.setSpacing(8)
        layout.addLayout(head)
        layout.addWidget(self.hint)
        layout.addSpacing(2)
        self._form_place = QVBoxLayout()
        layout.addLayout(self._form_place)
        layout.addLayout(foot)
        return card

    def _set_read_only(self, is_on: bool) -> None:
        self._is_read_only = is_on
        if "form" in self.__dict__:
            self.form.set_read_only(is_on)

    def _show_state(self, icon: str, role: str, words: str) -> None:
        self.state.setText(words)
        self._state_dot.setPixmap(icons.pixmap(icon, self._theme.tokens, role))
        set_role(self.state, "muted")

    def _show_facts(self, facts: dict[str, str]) -> None:
        for name, text in facts.items():
            if name not in self._facts:
                place = len(self._facts)
                label, value = plain_label(name, role="muted"), ElidedLabel()
                self._fact_grid.addWidget(label, place // 2, place % 2 * 2)
                self._fact_grid.addWidget(value, place // 2, place % 2 * 2 + 1)
                self._facts[name] = (label, value)
            self._facts[name][1].setText(text)
        for label, value in self._facts.values():
            label.setVisible(bool(facts))
            value.setVisible(bool(facts))

    def _session_facts(self, session: RuntimeSession) -> dict[str, str]:
        dash = "–"
        return {
            self.tr("Started"): format_time(session.started_at) if session.started_at else dash,
            self.tr("Stopped"): format_time(session.stopped_at) if session.stopped_at else dash,
            self.tr("Driver"): session.driver or dash,
            self.tr("Runtime"): (session.container_name or session.container_id or dash)[:64],
            self.tr("Starts"): str(session.attempt),
            self.tr("Exit code"): dash if session.exit_code is None else str(session.exit_code),
        }

    def _on_form_changed(self) -> None:
        self.reset.setEnabled(self.form.is_changed or not self.form.is_valid)
        self.keep.setEnabled(self.form.is_valid and self.form.is_changed)
        self.form_changed.emit()


def failure_of(session: RuntimeSession) -> Problem | None:
    """Return why a session failed, as its row says it."""
    if session.status is not SessionStatus.FAILED:
        return None
    raw = "\n".join(
        f"{name}: {value}"
        for name, value in (
            ("session", session.id),
            ("error_code", session.error_code),
            ("error_message", session.error_message),
            ("exit_code", session.exit_code),
            ("oom_killed", session.oom_killed),
            ("container_id", session.container_id),
            ("attempt", session.attempt),
        )
    )
    return Problem(
        what=translate(
            "The session ended by a failure."
            if session.started_at
            else "The session did not start."
        ),
        why=sentence(session.error_message or ""),
        next_step=next_step_for(session.error_code),
        raw=raw,
    )
