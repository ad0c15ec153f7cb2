"""The table of jobs is sorted by clicks on its header and by keys, and filtered above it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from slate_desktop.domain.assets.job import AssetJob
from slate_desktop.domain.assets.kinds import AssetJobStatus, AssetKind
from slate_desktop.ui.jobs.rows import ASSET, DETAIL, KIND, MADE, PROGRESS, STATE, WORKER
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until
from tests.gui.fakes import FakeSlate
from tests.gui.test_asset_jobs import followed

S = AssetJobStatus
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
NEWEST_FIRST = ["e.wav", "d.png", "c.glb", "b.png", "a.png"]


@pytest.fixture
async def jobs(window: MainWindow, slate: FakeSlate) -> dict[str, AssetJob]:
    """Five jobs, the last one newest."""
    window.resize(1700, 900)
    project = await followed(window)
    window.docks.docks["jobs"].show()
    window.docks.docks["jobs"].raise_()
    more = (
        ("a.png", AssetKind.TEXTURE, S.COMPLETED, {"lease_owner": "sbx02.1"}),
        ("b.png", AssetKind.TEXTURE, S.PROCESSING, {"lease_owner": "sbx01.1", "progress": 70}),
        ("c.glb", AssetKind.MODEL, S.FAILED, {"lease_owner": "sbx03.1", "error_message": "No."}),
        ("d.png", AssetKind.TEXTURE, S.PROCESSING, {"lease_owner": "sbx01.2", "progress": 20}),
        ("e.wav", AssetKind.AUDIO, S.QUEUED, {}),
    )
    made = {
        name: slate.put_asset_job(project, name, kind, status, **fields)
        for name, kind, status, fields in more
    }
    for hour, job in enumerate(made.values()):
        slate.change_asset_job(job.id, created_at=NOON + timedelta(hours=hour))
    await until(lambda: names(window) == NEWEST_FIRST)
    return made


def names(window: MainWindow) -> list[str]:
    return [job.path for job in window.jobs.rows.jobs]


def click(window: MainWindow, column: int) -> None:
    header = window.jobs.view.header()
    place = QPoint(header.sectionViewportPosition(column) + 12, header.height() // 2)
    QTest.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)


def choose(window: MainWindow, job: AssetJob) -> None:
    rows = window.jobs.rows
    window.jobs.view.setCurrentIndex(rows.index(rows.row_of(job.id), 0))


@pytest.mark.parametrize(
    ("column", "rising", "falling"),
    [
        (ASSET, "abcde", "edcba"),
        (KIND, "ecdba", "dbace"),
        # What runs, waits, failed, is done; the newer of two first in either direction.
        (STATE, "dbeca", "acedb"),
        # Jobs with nothing in the column come last in either direction.
        (PROGRESS, "dbeca", "bdeca"),
        (WORKER, "bdace", "cadbe"),
        (MADE, "abcde", "edcba"),
    ],
)
async def test_a_click_on_the_header_sorts_and_a_second_one_reverses(
    window: MainWindow, jobs: dict[str, AssetJob], column: int, rising: str, falling: str
) -> None:
    click(window, column)
    assert "".join(name[0] for name in names(window)) == rising
    assert window.jobs.view.header().sortIndicatorSection() == column
    click(window, column)
    assert "".join(name[0] for name in names(window)) == falling
    click(window, column)
    assert names(window) == NEWEST_FIRST


async def test_what_is_chosen_stays_where_jobs_change_their_places(
    window: MainWindow, slate: FakeSlate, jobs: dict[str, AssetJob]
) -> None:
    click(window, PROGRESS)
    pane, told = window.jobs, []
    choose(window, jobs["d.png"])
    pane.job_selected.connect(told.append)
    slate.change_asset_job(jobs["d.png"].id, progress=90)
    await until(lambda: names(window)[:2] == ["b.png", "d.png"])
    assert [job.path for job in pane.selected] == ["d.png"]
    assert pane.job is not None
    assert (pane.job.path, pane.job.progress) == ("d.png", 90)
    slate.put_asset_job(jobs["d.png"].project_id, "f.png", AssetKind.TEXTURE, S.PROCESSING)
    await until(lambda: names(window)[:3] == ["f.png", "b.png", "d.png"])
    assert [job.path for job in pane.selected] == ["d.png"]
    # Nothing else was chosen for a moment.
    assert {job and job.path for job in told} <= {"d.png"}
    assert pane.view.header().sortIndicatorSection() == PROGRESS


async def test_the_table_stays_where_it_was_scrolled_to(
    window: MainWindow, slate: FakeSlate, jobs: dict[str, AssetJob]
) -> None:
    project = jobs["a.png"].project_id
    for number in range(80):
        slate.put_asset_job(project, f"g{number:02}.png", AssetKind.TEXTURE, S.QUEUED)
    await until(lambda: len(names(window)) == 85)
    click(window, ASSET)
    bar = window.jobs.view.verticalScrollBar()
    await until(lambda: bar.maximum() > 10)
    choose(window, jobs["b.png"])
    bar.setValue(10)
    slate.change_asset_job(jobs["b.png"].id, progress=80)
    click(window, STATE)
    click(window, STATE)
    QApplication.sendPostedEvents()
    assert bar.value() == 10


async def test_the_field_and_the_list_filter(
    window: MainWindow, slate: FakeSlate, jobs: dict[str, AssetJob]
) -> None:
    pane, told = window.jobs, []
    click(window, ASSET)
    choose(window, jobs["b.png"])
    pane.job_selected.connect(told.append)
    QTest.keyClicks(pane.filter.field, "PNG")
    assert names(window) == ["a.png", "b.png", "d.png"]
    pane.filter.states.setFocus()
    QTest.keyClick(pane.filter.states, Qt.Key.Key_Down)
    assert names(window) == ["b.png", "d.png"]
    assert [job.path for job in pane.selected] == ["b.png"]
    # Counts are those of all jobs.
    assert "1 failed" in pane.summary.text()
    # A job that is done leaves the list of those that run; nothing else is chosen instead of it.
    slate.change_asset_job(jobs["b.png"].id, status=S.COMPLETED)
    await until(lambda: names(window) == ["d.png"])
    assert (pane.job, pane.selected, told[-1]) == (None, [], None)
    assert {job and job.path for job in told} == {"b.png", None}
    QTest.keyClicks(pane.filter.field, "x")
    assert names(window) == []
    assert pane.view.isHidden()
    pane.filter.field.clear()
    pane.filter.states.setCurrentIndex(0)
    assert names(window) == ["a.png", "b.png", "c.glb", "d.png", "e.wav"]
    assert not pane.view.isHidden()


async def test_commands_do_nothing_to_jobs_that_the_filter_hides(
    window: MainWindow, slate: FakeSlate, jobs: dict[str, AssetJob]
) -> None:
    pane = window.jobs
    pane.view.selectAll()
    assert window.registry["jobs.cancel"].isEnabled()
    assert window.registry["jobs.retry"].isEnabled()
    pane.filter.field.setText("glb")
    assert [job.path for job in pane.selected] == ["c.glb"]
    assert not window.registry["jobs.cancel"].isEnabled()
    assert window.registry["jobs.retry"].isEnabled()
    pane.filter.field.setText("nothing")
    assert not window.registry["jobs.retry"].isEnabled()


async def test_a_new_job_that_the_filter_hides_is_not_chosen_later(
    window: MainWindow, slate: FakeSlate, jobs: dict[str, AssetJob]
) -> None:
    pane = window.jobs
    pane.filter.field.setText("glb")
    new = slate.put_asset_job(jobs["a.png"].project_id, "f.png", AssetKind.TEXTURE, S.QUEUED)
    pane.choose(new.id)
    await until(lambda: any(job.id == new.id for job in pane.rows.known))
    choose(window, jobs["c.glb"])
    pane.filter.field.clear()
    slate.change_asset_job(new.id, progress_message="soon")
    await until(lambda: pane.rows.known[0].progress_message == "soon")
    assert pane.job is not None
    assert pane.job.path == "c.glb"


async def test_the_order_is_chosen_by_keys(window: MainWindow, jobs: dict[str, AssetJob]) -> None:
    pane = window.jobs
    button, menu = pane.filter.order, pane.filter.order.menu()
    assert button.focusPolicy() & Qt.FocusPolicy.TabFocus
    titles = [action.text() for action in menu.actions() if not action.isSeparator()]
    assert titles[0] == "Newest first"
    assert titles[-1] == "Reversed"
    menu.popup(QPoint(0, 0))
    for _ in range(2):
        QTest.keyClick(menu, Qt.Key.Key_Down)
    QTest.keyClick(menu, Qt.Key.Key_Return)
    assert names(window) == sorted(NEWEST_FIRST)
    assert pane.view.header().sortIndicatorSection() == ASSET
    menu.actions()[-1].trigger()
    assert names(window) == sorted(NEWEST_FIRST, reverse=True)
    # The header and the menu say the same.
    click(window, KIND)
    assert [action.text() for action in menu.actions() if action.isChecked()] == ["Kind"]


async def test_narrow_tables_leave_out_what_can_be_spared(
    window: MainWindow, jobs: dict[str, AssetJob]
) -> None:
    view = window.jobs.view
    await until(lambda: not view.isColumnHidden(KIND) and not view.isColumnHidden(MADE))
    window.resize(1000, 700)
    await until(lambda: view.isColumnHidden(KIND))
    assert not any(view.isColumnHidden(each) for each in (ASSET, STATE, PROGRESS, DETAIL))
    window.resize(1700, 900)
    await until(lambda: not view.isColumnHidden(KIND) and not view.isColumnHidden(MADE))


async def test_without_jobs_there_is_nothing_to_filter(window: MainWindow) -> None:
    await followed(window)
    assert window.jobs.filter.field.isHidden()
    assert window.jobs.filter.order.isHidden()
