"""What came of one build: verdict, errors that open their file, artifacts with their tools."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import (
    QHeaderView,
    QPushButton,
    QTabWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.domain.build import BuildArtifact, BuildJob
from slate_desktop.domain.builds.findings import Finding, digest
from slate_desktop.domain.builds.waiting import Waiting
from slate_desktop.domain.sizes import format_bytes
from slate_desktop.translation import sentence, translate
from slate_desktop.ui import icons
from slate_desktop.ui.builds import words
from slate_desktop.ui.flow import FlowLayout
from slate_desktop.ui.text import ElidedLabel, wrapped_label
from slate_desktop.ui.theme import Theme

_DATA = Qt.ItemDataRole.UserRole
_ROLE = Qt.ItemDataRole.UserRole + 1
_MAX_FILES = 2_000


class BuildResult(QWidget):
    """Shows one build."""

    place_wanted = Signal(str, int)  # file, line
    artifact_wanted = Signal(str, str)  # what to do, path below the output

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._project = self._eta = ""
        self._news: tuple[str, bool] | None = None
        self.head = ElidedLabel()
        self.reason = wrapped_label(role="muted")
        self.reason.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.facts = wrapped_label(role="faint")
        self.errors = _tree(self.tr("Errors and warnings"), self.tr("Problem"), self.tr("Place"))
        self.errors.itemActivated.connect(self._on_place)
        self.files = _tree(
            self.tr("Artifacts"), self.tr("File"), self.tr("Size"), self.tr("SHA-256")
        )
        self.files.itemSelectionChanged.connect(self._on_file)
        self.buttons: dict[str, QPushButton] = {}
        tools = QWidget()
        row = FlowLayout(tools, spacing=6)
        row.setContentsMargins(0, 0, 0, 0)
        for name, text in (
            ("download", self.tr("Download…")),
            ("reveal", self.tr("Reveal")),
            ("copy", self.tr("Copy hash")),
            ("run", self.tr("Run")),
        ):
            button = QPushButton(text)
            button.clicked.connect(lambda _on=False, name=name: self._ask(name))
            row.addWidget(button)
            self.buttons[name] = button
        files = QWidget()
        box = QVBoxLayout(files)
        box.setContentsMargins(0, 6, 0, 0)
        box.addWidget(self.files, 1)
        box.addWidget(tools)
        self.tabs = QTabWidget()
        self.tabs.setAccessibleName(self.tr("What the build gave"))
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self.errors, self.tr("Problems"))
        self.tabs.addTab(files, self.tr("Artifacts"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(5)
        layout.addWidget(self.head)
        layout.addWidget(self.reason)
        layout.addWidget(self.facts)
        layout.addWidget(self.tabs, 1)
        self.tabs.hide()
        self.head.hide()
        self.reason.setText(self.tr("Choose a build to see what came of it."))
        layout.setAlignment(Qt.AlignmentFlag.AlignTop)
        theme.changed.connect(self._on_theme_changed)
        self._on_theme_changed()
        self._on_file()

    def show_build(
        self,
        build: BuildJob,
        project: str,
        artifacts: Sequence[BuildArtifact],
        waiting: Waiting | None,
        eta: str,
    ) -> None:
        """Show a build with what is known of it."""
        self._project, self._eta = project, eta
        self.head.show()
        self.tabs.show()
        self._show_state(build, waiting)
        self.facts.setText(_facts(build))
        self._show_errors(build)
        self._show_files(artifacts)
        self._show_what_counts(build, has_files=bool(artifacts))

    def _show_what_counts(self, build: BuildJob, *, has_files: bool) -> None:
        """Turn to the artifacts of a build that passed, once: then the person chooses."""
        news = (build.id, has_files and not build.errors)
        if news != self._news:
            self._news = news
            self.tabs.setCurrentIndex(int(news[1]))

    def follow(self, build: BuildJob) -> None:
        """Show how far the build is that is shown already."""
        self._show_state(build, None)

    def _show_state(self, build: BuildJob, waiting: Waiting | None) -> None:
        self.head.setText(f"{words.title(build, self._project)} · {words.state_words(build)}")
        text = words.why_words(build)
        if waiting is not None:
            text = self.tr("{position} of {of} in the queue. {reason}").format(
                position=waiting.position, of=waiting.of, reason=sentence(waiting.reason)
            )
        elif self._eta:
            text = self.tr("{what} ({eta} left)").format(what=text or "…", eta=self._eta)
        self.reason.setText(text)
        self.reason.setVisible(bool(text))

    def _show_errors(self, build: BuildJob) -> None:
        self.errors.clear()
        found = msgspec.convert([*build.errors, *build.warnings], list[Finding])
        for group in digest(found):
            role = "state.warn" if group.severity.value == "warning" else "state.error"
            count = f" ×{group.count}" if group.count > 1 else ""
            item = QTreeWidgetItem([f"{sentence(group.title)}{count}", ""])
            item.setData(0, _ROLE, role)
            places = [f for f in group.findings if f.file]
            if len(places) == 1:
                _set_place(item, places[0])
            else:
                for place in places[:100]:
                    child = QTreeWidgetItem([place.message, ""])
                    _set_place(child, place)
                    item.addChild(child)
            self.errors.addTopLevelItem(item)
        # Room for the arrows of what stands in several places, where there is any.
        rows = [self.errors.topLevelItem(n) for n in range(self.errors.topLevelItemCount())]
        self.errors.setRootIsDecorated(any(row is not None and row.childCount() for row in rows))
        self._mark_errors()
        self.tabs.setTabText(0, self.tr("Problems ({n})").format(n=len(found)))

    def _show_files(self, artifacts: Sequence[BuildArtifact]) -> None:
        chosen = self.chosen_path
        self.files.clear()
        for artifact in artifacts[:_MAX_FILES]:
            item = QTreeWidgetItem(
                [artifact.path, format_bytes(artifact.size), artifact.sha256[:16] + "…"]
            )
            item.setData(0, _DATA, artifact.path)
            item.setToolTip(2, artifact.sha256)
            if artifact.is_main:
                font = item.font(0)
                font.setWeight(QFont.Weight.DemiBold)  # the font has no bolder one
                item.setFont(0, font)
            self.files.addTopLevelItem(item)
            if artifact.path == chosen or (chosen is None and artifact.is_main):
                self.files.setCurrentItem(item)
        self.tabs.setTabText(1, self.tr("Artifacts ({n})").format(n=len(artifacts)))
        self._on_file()

    @property
    def chosen_path(self) -> str | None:
        """The chosen artifact's path."""
        item = self.files.currentItem()
        return None if item is None else item.data(0, _DATA)

    def _ask(self, name: str) -> None:
        if self.chosen_path is not None:
            self.artifact_wanted.emit(name, self.chosen_path)

    def _on_file(self) -> None:
        for button in self.buttons.values():
            button.setEnabled(self.chosen_path is not None)

    def _on_place(self, item: QTreeWidgetItem, _column: int) -> None:
        place = item.data(0, _DATA)
        if place is not None:
            self.place_wanted.emit(place[0], place[1])

    def _on_theme_changed(self) -> None:
        self.head.setFont(self._theme.ui_font(scale=1.05, is_bold=True))
        self._mark_errors()

    def _mark_errors(self) -> None:
        for row in range(self.errors.topLevelItemCount()):
            item = self.errors.topLevelItem(row)
            if item is not None:
                role = item.data(0, _ROLE)
                item.setIcon(0, icons.icon("triangle-alert", self._theme.tokens, role))


def _facts(build: BuildJob) -> str:
    source = build.source
    parts = [build.build_type.value, build.driver or ""]
    if build.engine:
        parts.append(f"{build.engine} {build.engine_version or ''}".strip())
    if isinstance(source.get("sha256"), str):
        parts.append(translate("sources {digest}").format(digest=source["sha256"][:10]))
    if isinstance(source.get("commit"), str):
        form = translate("commit {name} (changed)" if source.get("dirty") else "commit {name}")
        parts.append(form.format(name=source["commit"][:10]))
    if build.duration_s is not None:
        parts.append(words.duration_words(build))
    return " · ".join(part for part in parts if part)


def _set_place(item: QTreeWidgetItem, found: Finding) -> None:
    item.setText(1, f"{found.file}:{found.line}" if found.line else str(found.file))
    item.setData(0, _DATA, (found.file, found.line or 1))
    item.setToolTip(0, f"\u200b{found.message}")


def _tree(name: str, *titles: str) -> QTreeWidget:
    tree = QTreeWidget()
    tree.setHeaderLabels(list(titles))
    tree.setAccessibleName(name)
    tree.setUniformRowHeights(True)
    tree.setRootIsDecorated(False)
    header = tree.header()
    header.setStretchLastSection(False)
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    return tree
