"""What is said of assets whose files were touched, changed, replaced, or are gone."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from slate_desktop.control import asset_states
from slate_desktop.control.asset_states import AssetStates
from slate_desktop.domain.assets.job import AssetInput, AssetJob, AssetRow
from slate_desktop.domain.assets.key import job_key
from slate_desktop.domain.assets.kinds import AssetJobStatus, AssetKind
from slate_desktop.domain.assets.options import parse_options

NOW = datetime.now(UTC)


@pytest.fixture
def row(tmp_path: Path) -> AssetRow:
    (tmp_path / "a.gltf").write_bytes(b"0123456789")
    return AssetRow(
        project_id="p",
        path="a.gltf",
        kind=AssetKind.MODEL,
        content_sha256=hashlib.sha256(b"0123456789").hexdigest(),
        size=10,
        key="k",
        job_id="j",
        status=AssetJobStatus.COMPLETED,
        created_at=NOW,
        updated_at=NOW,
    )


def test_touching_changes_nothing_and_content_does(tmp_path: Path, row: AssetRow) -> None:
    states, file = AssetStates(tmp_path), tmp_path / "a.gltf"
    assert states.look([row]) == {"a.gltf": "processed"}
    os.utime(file, (NOW.timestamp() + 3600,) * 2)
    assert states.look([row]) == {"a.gltf": "processed"}
    file.write_bytes(b"abcdefghij")
    assert states.look([row]) == {"a.gltf": "stale"}
    # As a copy that keeps its times leaves it.
    os.utime(file, (NOW.timestamp() - 3600,) * 2)
    assert states.look([row]) == {"a.gltf": "stale"}
    file.write_bytes(b"0123456789")
    assert states.look([row]) == {"a.gltf": "processed"}
    file.write_bytes(b"longer than it was")
    assert states.look([row]) == {"a.gltf": "stale"}
    file.unlink()
    assert states.look([row]) == {}


def test_failed_asset_is_stale_once_it_was_mended(tmp_path: Path, row: AssetRow) -> None:
    failed = msgspec.structs.replace(row, status=AssetJobStatus.FAILED)
    assert AssetStates(tmp_path).look([failed]) == {"a.gltf": "failed"}
    (tmp_path / "a.gltf").write_bytes(b"mended now")
    assert AssetStates(tmp_path).look([failed]) == {"a.gltf": "stale"}


def test_file_that_an_asset_refers_to_counts(tmp_path: Path, row: AssetRow) -> None:
    (tmp_path / "a.bin").write_bytes(b"xyz")
    own = AssetInput(name="a.gltf", path="a.gltf", sha256=row.content_sha256, size=10)
    other = AssetInput(
        name="a.bin", path="a.bin", sha256=hashlib.sha256(b"xyz").hexdigest(), size=3
    )
    job = AssetJob(
        id="j",
        project_id="p",
        user_id="u",
        kind=AssetKind.MODEL,
        path="a.gltf",
        inputs=[own, other],
        key="k",
        status=AssetJobStatus.COMPLETED,
        created_at=NOW,
        updated_at=NOW,
    )
    states = AssetStates(tmp_path)
    assert states.look([row], [job]) == {"a.gltf": "processed"}
    (tmp_path / "a.bin").write_bytes(b"xyy")
    assert states.look([row], [job]) == {"a.gltf": "stale"}
    (tmp_path / "a.bin").unlink()
    assert states.look([row], [job]) == {"a.gltf": "stale"}


def job_of(row: AssetRow, **more: Any) -> AssetJob:
    fields = {
        "id": "j",
        "project_id": "p",
        "user_id": "u",
        "kind": row.kind,
        "path": row.path,
        "inputs": [AssetInput(name="a", path=row.path, sha256=row.content_sha256, size=10)],
        "key": "k",
        "status": row.status,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return AssetJob(**(fields | more))


def test_options_that_were_chosen_since_make_it_stale(tmp_path: Path, row: AssetRow) -> None:
    states, job = AssetStates(tmp_path), job_of(row, options={"scale": 2.0})
    assert states.look([row], [job], lambda _path: {}) == {"a.gltf": "processed"}
    assert states.look([row], [job], lambda _path: {"scale": 2}) == {"a.gltf": "processed"}
    assert states.look([row], [job], lambda _path: {"scale": 3}) == {"a.gltf": "stale"}
    assert states.look([row], [job], lambda path: {"optimize": path == "a.gltf"}) == {
        "a.gltf": "stale"
    }
    unfit = job_of(row, options={"nonsense": 1})
    assert states.look([row], [unfit]) == {"a.gltf": "stale"}


def test_exchanged_tool_makes_it_stale_where_the_workers_are_here(
    tmp_path: Path, row: AssetRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = {"slate-model": "1", "numpy": "2.0"}
    monkeypatch.setattr(asset_states, "tool_versions", lambda *_: tools)
    options = parse_options(AssetKind.MODEL, {})
    job = job_of(row, key=job_key(AssetKind.MODEL, row.content_sha256, options, tools))
    reported = {"report": {"tools": {**tools, "meshoptimizer": "0.22"}}}
    row = msgspec.structs.replace(row, metadata=reported)
    here, elsewhere = AssetStates(tmp_path, has_tools=True), AssetStates(tmp_path)
    for jobs in ([job], []):
        assert here.look([row], jobs) == {"a.gltf": "processed"}
    monkeypatch.setitem(tools, "numpy", "2.1")
    for jobs in ([job], []):
        assert here.look([row], jobs) == {"a.gltf": "stale"}
        assert elsewhere.look([row], jobs) == {"a.gltf": "processed"}


def test_file_untouched_for_long_is_not_read(
    tmp_path: Path, row: AssetRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = msgspec.structs.replace(row, updated_at=NOW + timedelta(days=3))
    states = AssetStates(tmp_path)
    monkeypatch.setattr(Path, "open", lambda *_a, **_k: pytest.fail("it was read"))
    assert states.look([late]) == {"a.gltf": "processed"}
