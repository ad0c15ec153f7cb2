"""Every agent's host: how busy it is, what is free, and what runs there."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.domain.hosts import Host
from slate_desktop.domain.sizes import format_bytes
from slate_desktop.ui import icons
from slate_desktop.ui.text import clean, plain_label
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.tokens import BUTTON_GAP


class HostsView(QWidget):
    """A table with a row for each agent, and what an administrator does with it.

    Signals:
        duty_wanted: the host with this id is to be cordoned, drained or uncordoned.
    """

    duty_wanted = Signal(str, str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._hosts: Sequence[Host] = ()
        self.tree = QTreeWidget()
        self.tree.setRootIsDecorated(False)
        self.tree.setUniformRowHeights(True)
        self.tree.setAccessibleName(self.tr("Hosts"))
        self.tree.setHeaderLabels(
            [
                self.tr("Host"),
                self.tr("CPU"),
                self.tr("Memory in use"),
                self.tr("Held"),
                self.tr("Disk free"),
                self.tr("Sessions"),
                self.tr("Runs"),
            ]
        )
        header = self.tree.header()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        self.words = plain_label(self.tr("No agent has been seen yet."), role="muted")
        self.words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.words)
        layout.addWidget(self.tree, 1)
        self.buttons = {
            "uncordon": self._button(self.tr("Put back"), "uncordon"),
            "cordon": self._button(self.tr("Take out…"), "cordon"),
            "drain": self._button(self.tr("Drain…"), "drain"),
        }
        self.buttons["uncordon"].setToolTip(self.tr("Into service again"))
        self.buttons["cordon"].setToolTip(
            self.tr("Out of service: nothing new begins there; what runs goes on")
        )
        self.buttons["drain"].setToolTip(self.tr("Out of service, and its sessions are stopped"))
        foot = QHBoxLayout()
        foot.setContentsMargins(8, 0, 8, 8)
        foot.setSpacing(BUTTON_GAP)
        foot.addStretch(1)
        for button in self.buttons.values():
            foot.addWidget(button)
        layout.addLayout(foot)
        self.tree.itemSelectionChanged.connect(self._show_buttons)
        theme.changed.connect(self._show)
        self._show()

    def set_hosts(self, hosts: Sequence[Host]) -> None:
        """Show these hosts."""
        if hosts != self._hosts:
            self._hosts = list(hosts)
            self._show()

    @property
    def chosen(self) -> Host | None:
        """The selected host."""
        rows = [self.tree.indexOfTopLevelItem(item) for item in self.tree.selectedItems()]
        return self._hosts[rows[0]] if rows and rows[0] < len(self._hosts) else None

    def _button(self, text: str, duty: str) -> QPushButton:
        button = QPushButton(text)
        button.clicked.connect(lambda: self._want(duty))
        return button

    def _want(self, duty: str) -> None:
        host = self.chosen
        if host is not None:
            self.duty_wanted.emit(host.id, duty)

    def _show_buttons(self) -> None:
        host = self.chosen
        is_cordoned = host is not None and host.is_cordoned
        self.buttons["uncordon"].setEnabled(is_cordoned)
        self.buttons["cordon"].setEnabled(host is not None and not is_cordoned)
        self.buttons["drain"].setEnabled(host is not None and not host.is_draining)
        for button in self.buttons.values():
            button.setVisible(bool(self._hosts))

    def _show(self) -> None:
        self.words.setVisible(not self._hosts)
        self.tree.setVisible(bool(self._hosts))
        while self.tree.topLevelItemCount() > len(self._hosts):
            self.tree.takeTopLevelItem(self.tree.topLevelItemCount() - 1)
        for row, host in enumerate(self._hosts):
            item = self.tree.topLevelItem(row)
            if item is None:
                item = QTreeWidgetItem()
                self.tree.addTopLevelItem(item)
            self._fill(item, host)
        self._show_buttons()

    def _fill(self, item: QTreeWidgetItem, host: Host) -> None:
        load = host.load
        state = self.tr("online") if host.is_online else self.tr("offline")
        if host.is_draining:
            state += self.tr(", draining")
        elif host.is_cordoned:
            state += self.tr(", out of service")
        memory = "–"
        if load is not None:
            memory = f"{format_bytes(load.memory_used)} / {format_bytes(load.memory_total)}"
        cells = [
            clean(f"{host.name} · {state}"),
            f"{load.cpu_percent:.0f} % / {load.cpus}" if load else "–",
            memory,
            format_bytes(host.memory_held) if host.memory_held else "–",
            format_bytes(load.disk_free) if load and load.disk_total else "–",
            "–" if host.sessions is None else str(host.sessions),
            ", ".join(host.drivers) + (self.tr(", GPU") if host.has_gpu else "") or "–",
        ]
        for column, text in enumerate(cells):
            if item.text(column) != text:
                item.setText(column, text)
        by = self.tr("by {name}").format(name=host.cordoned_by) if host.cordoned_by else ""
        item.setToolTip(0, clean(" · ".join(part for part in (host.cordon_reason, by) if part)))
        role = "state.ok" if host.is_online else "state.idle"
        if host.is_online and host.is_cordoned:
            role = "state.warn"
        icon = "dot-filled" if host.is_online else "dot-hollow"
        item.setIcon(0, icons.icon(icon, self._theme.tokens, role))
        if load is not None:
            item.setToolTip(
                1, self.tr("{n} processors, all of them busy is 100 %").format(n=load.cpus)
            )
        item.setToolTip(3, self.tr("What running sessions and builds hold of its memory"))
