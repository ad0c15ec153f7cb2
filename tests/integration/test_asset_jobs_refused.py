"""Asset jobs of a real agent that travel, fail, wait, are refused or cancelled."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from slate_desktop.bus.nats_objects import NatsObjects
from slate_desktop.control.asset_submission import SubmitOptions
from slate_desktop.control.models_assets import AssetJobsModel
from slate_desktop.domain.assets.kinds import AssetJobStatus, AssetKind
from slate_desktop.domain.assets.presets import AssetPreset
from slate_desktop.errors import CommandError
from tests.integration.asset_world import (
    CUBE,
    AssetWorld,
    asset_world,
    until,
)

__all__ = ["asset_world"]  # the fixture ``world``
pytestmark = [pytest.mark.nats, pytest.mark.postgres, pytest.mark.timeout(120)]
S = AssetJobStatus


async def test_file_outside_of_the_project_travels_through_the_store(
    world: AssetWorld, tmp_path: Path
) -> None:
    outside = tmp_path / "downloads" / "cube.obj"
    outside.parent.mkdir()
    outside.write_text(CUBE)
    job = await world.process(outside)
    assert (job.status, job.path, job.inputs[0].path) == (S.COMPLETED, "cube.obj", None)
    assert await NatsObjects(world.bus).stat(job.inputs[0].sha256) is not None
    paths = await world.slate.fetch_asset_products(job, tmp_path / "out")
    assert [path.exists() for path in paths] == [True] * len(paths)
    await world.until_delivered(job)
    made = sorted(path.name for path in paths)
    assert sorted(path.name for path in (world.root / "processed").iterdir()) == made


async def test_file_outside_of_the_project_is_processed_again_without_it(
    world: AssetWorld, tmp_path: Path
) -> None:
    outside = tmp_path / "cube.obj"
    outside.write_text(CUBE)
    job = await world.until_delivered(await world.process(outside))
    outside.unlink()
    shutil.rmtree(world.root / "processed")
    again = await world.slate.retry_asset_job(job.id)
    assert (again.status, again.inputs) == (S.COMPLETED, job.inputs), "its result is known"
    assert list((world.root / "processed").iterdir()), "it is brought once more"
    forced = await world.slate.retry_asset_job(job.id, is_forced=True)
    assert (await world.slate.wait_asset_job(forced.id)).status is S.COMPLETED


async def test_forgotten_file_from_outside_has_to_be_dropped_again(
    world: AssetWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "cube.obj"
    outside.write_text(CUBE)
    job = await world.process(outside)

    async def forgotten(_store: NatsObjects, _sha256: str) -> None:
        return None

    monkeypatch.setattr(NatsObjects, "stat", forgotten)
    with pytest.raises(CommandError, match="no longer stored"):
        await world.slate.retry_asset_job(job.id)


async def test_worker_that_does_not_see_the_project_gets_the_bytes(
    world: AssetWorld, tmp_path: Path
) -> None:
    world.write("cube.obj")
    world.slate = world.client("remote")
    moved = world.root.with_name("moved")
    # While it waits: a worker that has just begun would have its file taken away.
    await world.slate.pause_assets(world.project.id, AssetKind.MODEL)
    job = await world.slate.process_asset("cube.obj", world.project.id)
    shutil.move(world.root, moved)
    await world.slate.resume_assets(world.project.id, AssetKind.MODEL)
    job = await world.slate.wait_asset_job(job.id)
    assert job.status is S.COMPLETED
    assert await world.slate.fetch_asset_products(job, tmp_path / "out")


async def test_file_that_changed_after_it_was_submitted_is_not_processed(
    world: AssetWorld,
) -> None:
    # Content that no other test has put into the store.
    world.write("cube.obj", CUBE + "\n# its own")
    await world.slate.pause_assets(world.project.id, AssetKind.MODEL)
    job = await world.slate.process_asset("cube.obj", world.project.id)
    world.write("cube.obj", CUBE.replace("v 1", "v 2"))
    await world.slate.resume_assets(world.project.id, AssetKind.MODEL)
    job = await world.slate.wait_asset_job(job.id)
    assert (job.status, job.error_code) == (S.FAILED, "not_found")
    assert (await world.slate.retry_asset_job(job.id)).key != job.key


async def test_broken_file_fails_once_and_the_worker_lives(world: AssetWorld) -> None:
    world.write("bad.stl", b"solid nothing")
    first = await world.process("bad.stl")
    assert (first.status, first.error_code) == (S.FAILED, "asset_invalid")
    assert first.error_message
    again = await world.slate.process_asset("bad.stl", world.project.id)
    assert (again.status, again.cached, again.error_code) == (S.FAILED, True, "asset_invalid")
    retried = await world.slate.retry_asset_job(again.id)
    assert (await world.slate.wait_asset_job(retried.id)).attempt == 1
    world.write("good.obj")
    assert (await world.process("good.obj")).status is S.COMPLETED
    assert not (world.root / "processed/bad.glb").exists()


GLTF: dict[str, Any] = {
    "asset": {"version": "2.0"},
    "images": [{"uri": "textures/wood.png"}],
    "textures": [{"source": 0}],
    "materials": [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}],
    "buffers": [{"uri": "cube.bin", "byteLength": 36}],
    "bufferViews": [{"buffer": 0, "byteLength": 36}],
    "accessors": [
        {
            "bufferView": 0,
            "componentType": 5126,
            "count": 3,
            "type": "VEC3",
            "min": [0, 0, 0],
            "max": [1, 1, 0],
        }
    ],
    "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "material": 0}]}],
    "nodes": [{"mesh": 0}],
    "scenes": [{"nodes": [0]}],
}


async def test_model_without_its_texture_is_blocked_by_name(world: AssetWorld) -> None:
    world.write("model.gltf", json.dumps(GLTF))
    world.write("cube.bin", bytes(36))
    job = await world.process("model.gltf")
    assert (job.status, job.error_code) == (S.FAILED, "asset_invalid")
    assert job.error_message == "model.gltf is blocked by textures/wood.png, which is missing."
    again = await world.slate.process_asset("model.gltf", world.project.id)
    assert again.cached
    # The texture's appearance is a change: it is tried again.
    world.write("textures/wood.png", b"not an image")
    assert not (await world.slate.process_asset("model.gltf", world.project.id)).cached


async def test_batch_goes_on_where_one_fails(world: AssetWorld) -> None:
    world.write("a.obj")
    world.write("b.obj", CUBE.replace("v 1", "v 3"))
    world.write("c.stl", b"garbage")
    jobs = await world.slate.batch_process_assets(
        [
            {"assetId": "a.obj", "type": "model", "options": {"generateLODs": False}},
            {"path": "b.obj"},
            {"path": "c.stl", "type": "model"},
        ],
        world.project.id,
    )
    states = [(await world.slate.wait_asset_job(job.id)).status for job in jobs]
    assert states == [S.COMPLETED, S.COMPLETED, S.FAILED]
    assert len({job.batch_id for job in jobs}) == 1
    counts = await world.db.asset_jobs.counts(world.project.id, batch_id=jobs[0].batch_id)
    assert counts == {S.COMPLETED: 2, S.FAILED: 1}


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ({"type": "model"}, "assets"),
        ({"path": "a.obj", "type": "film"}, "assets"),
        ({"path": "a.obj", "colour": 1}, "assets"),
        ({"path": "a.obj", "type": "model", "options": {"scale": 0}}, "scale"),
        ({"path": "a.obj", "type": "model", "options": {"scale": float("nan")}}, "scale"),
        ({"path": "a.obj", "type": "model", "options": {"nonsense": 1}}, "nonsense"),
        ({"path": "a.obj", "type": "model", "options": [1]}, "options"),
    ],
)
async def test_wrong_batch_submits_nothing(
    world: AssetWorld, entry: dict[str, object], field: str
) -> None:
    world.write("a.obj")
    with pytest.raises(CommandError) as caught:
        await world.slate.batch_process_assets([{"path": "a.obj"}, entry], world.project.id)
    assert (caught.value.code, caught.value.field) == ("bad_request", field)
    assert await world.slate.list_asset_jobs(world.project.id) == []


# Rows 41 and 43 of the project's table of bad inputs.
BAD_OPTIONS: list[tuple[str, dict[str, object], str]] = [
    ("texture", {"format": "exe"}, "format"),
    ("texture", {"quality": -1}, "quality"),
    ("texture", {"quality": 101}, "quality"),
    ("texture", {"quality": "high"}, "quality"),
    ("texture", {"resize": {"width": 0, "height": 4}}, "resize"),
    ("texture", {"resize": {"width": 10**6, "height": 10**6}}, "resize"),
    ("texture", {"resize": {"width": 1.5, "height": 4}}, "resize"),
    ("texture", {"compression": "bc9"}, "compression"),
    ("audio", {"bitrate": 0}, "bitrate"),
    ("audio", {"bitrate": 10**9}, "bitrate"),
    ("audio", {"sampleRate": 7}, "sample_rate"),
    ("audio", {"sampleRate": 999_999_999}, "sample_rate"),
    ("audio", {"channels": 0}, "channels"),
    ("audio", {"channels": 300}, "channels"),
    ("audio", {"format": "m3u8"}, "format"),
]


async def test_batch_with_bad_options_submits_nothing_and_the_agent_serves_on(
    world: AssetWorld,
) -> None:
    world.write("a.obj")
    world.write("file", b"never read")
    refused = []
    for kind, options, _ in BAD_OPTIONS:
        with pytest.raises(CommandError) as caught:
            await world.slate.batch_process_assets(
                [{"path": "a.obj"}, {"assetId": "file", "type": kind, "options": options}],
                world.project.id,
            )
        refused.append((caught.value.code, caught.value.field))
    assert refused == [("bad_request", field) for *_, field in BAD_OPTIONS]
    assert await world.slate.list_asset_jobs(world.project.id) == []
    assert (await world.process("a.obj")).status is S.COMPLETED


async def test_worker_refuses_bad_options_that_no_client_stopped(world: AssetWorld) -> None:
    """A row and its signature may come from any program."""
    for number, (kind, options, _) in enumerate(BAD_OPTIONS):
        job_id = await world.submit_unchecked(f"{number}.wav", AssetKind(kind), options)
        job = await world.slate.wait_asset_job(job_id)
        assert (job.status, job.error_code) == (S.FAILED, "bad_request"), options


@pytest.mark.parametrize(
    "submit",
    [
        SubmitOptions(out_dir="../out"),
        SubmitOptions(out_dir="/tmp/out"),
        SubmitOptions(priority=1000),
        SubmitOptions(time_limit_s=0),
        SubmitOptions(batch_id="a.b"),
    ],
)
async def test_wrong_submission_is_refused(world: AssetWorld, submit: SubmitOptions) -> None:
    world.write("a.obj")
    with pytest.raises(CommandError) as caught:
        await world.slate.process_model("a.obj", world.project.id, submit=submit)
    assert caught.value.code == "bad_request"


async def test_products_never_leave_the_project_through_a_link(
    world: AssetWorld, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (world.root / "processed").symlink_to(elsewhere)
    world.write("cube.obj")
    job = await world.process("cube.obj")
    assert job.status is S.COMPLETED
    assert list(elsewhere.iterdir()) == []


async def test_job_is_cancelled_through_the_agent(world: AssetWorld) -> None:
    world.write("cube.obj")
    await world.slate.pause_assets(world.project.id, AssetKind.MODEL)
    assert await world.slate.paused_assets(world.project.id) == {AssetKind.MODEL}
    job = await world.slate.process_asset("cube.obj", world.project.id)
    assert (await world.slate.cancel_asset_job(job.id)).status == "cancelled"
    assert (await world.slate.get_asset_job(job.id)).status is S.CANCELLED
    with pytest.raises(CommandError):
        await world.slate.cancel_asset_job("nobody")


async def test_project_keeps_presets_of_its_own(world: AssetWorld) -> None:
    preset = AssetPreset(id="small", title="Small", model={"scale": 0.01})
    await world.slate.save_project_preset(world.project.id, preset)
    assert await world.slate.project_presets(world.project.id) == {"small": preset}
    with pytest.raises(CommandError):
        await world.slate.save_project_preset(
            world.project.id, AssetPreset(id="bad", title="Bad", model={"scale": -1})
        )
    await world.slate.delete_project_preset(world.project.id, "small")
    assert await world.slate.project_presets(world.project.id) == {}


async def test_live_model_shows_jobs_as_they_go(world: AssetWorld) -> None:
    model = AssetJobsModel(world.slate, world.project.id)
    await model.open()
    try:
        await world.slate.pause_assets(world.project.id, AssetKind.MODEL)
        world.write("cube.obj")
        job = await world.slate.process_asset("cube.obj", world.project.id)
        await until(lambda: [row.id for row in model.active] == [job.id])
        assert model.waits_for(model.jobs[0]) == "model jobs are paused"
        await world.slate.resume_assets(world.project.id, AssetKind.MODEL)
        await until(lambda: bool(model.jobs) and model.jobs[0].is_final)
        assert model.assets["cube.obj"].status is S.COMPLETED
        assert model.waits_for(model.jobs[0]) is None
        assert (model.active, model.error) == ([], None)
    finally:
        await model.aclose()
