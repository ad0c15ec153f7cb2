"""Where a session is to start: a box with the hosts, which hides where there is no choice."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QComboBox, QSizePolicy

from slate_desktop.domain.hosts import Host
from slate_desktop.domain.sizes import format_bytes
from slate_desktop.ui.text import clean


class HostBox(QComboBox):
    """The hosts by name with what is free there; the first row leaves the choice to SLATE."""

    def __init__(self) -> None:
        super().__init__()
        self._hosts: Sequence[Host] = ()
        self.setAccessibleName(self.tr("Host"))
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(12)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.addItem(self.tr("Where the most is free"), None)

    @property
    def is_needed(self) -> bool:
        """Whether there is a choice."""
        return len(self._hosts) > 1

    @property
    def wanted(self) -> str | None:
        """The id of the chosen host, None for the one that SLATE finds best."""
        return self.currentData() if self.is_needed else None

    def set_hosts(self, hosts: Sequence[Host], chosen: str | None) -> None:
        """Show these hosts, with one of them chosen; no signal tells of it."""
        self._hosts = list(hosts)
        self.blockSignals(True)
        while self.count() > 1:
            self.removeItem(self.count() - 1)
        for host in hosts:
            self.addItem(self._words(host), host.id)
            can_start = host.is_online and not host.is_cordoned
            model = self.model()
            if not can_start and isinstance(model, QStandardItemModel):
                item = model.item(self.count() - 1)
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEnabled)
        self.setCurrentIndex(max(0, self.findData(chosen)))
        self.blockSignals(False)

    def _words(self, host: Host) -> str:
        name = clean(host.name)
        if not host.is_online:
            return self.tr("{host}: does not answer").format(host=name)
        if host.is_cordoned:
            return self.tr("{host}: out of service").format(host=name)
        free = max(0, host.memory_bytes - host.memory_held)
        return self.tr("{host}: {memory} free").format(host=name, memory=format_bytes(free))
