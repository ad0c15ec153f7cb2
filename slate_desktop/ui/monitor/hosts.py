"""Every agent's host: how busy it is, what is free, and what runs there."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHeaderView, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from slate_desktop.domain.hosts import Host
from slate_desktop.domain.sizes import format_bytes
from slate_desktop.ui import icons
from slate_desktop.ui.text import clean, plain_label
from slate_desktop.ui.theme import Theme


class HostsView(QWidget):
    """A table with a row for each agent."""

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
        theme.changed.connect(self._show)
        self._show()

    def set_hosts(self, hosts: Sequence[Host]) -> None:
        """Show these hosts."""
        if hosts != self._hosts:
            self._hosts = list(hosts)
            self._show()

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

    def _fill(self, item: QTreeWidgetItem, host: Host) -> None:
        load = host.load
        state = self.tr("online") if host.is_online else self.tr("offline")
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
        role = "state.ok" if host.is_online else "state.idle"
        icon = "dot-filled" if host.is_online else "dot-hollow"
        item.setIcon(0, icons.icon(icon, self._theme.tokens, role))
        if load is not None:
            item.setToolTip(
                1, self.tr("{n} processors, all of them busy is 100 %").format(n=load.cpus)
            )
        item.setToolTip(3, self.tr("What running sessions and builds hold of its memory"))
