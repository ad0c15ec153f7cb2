"""Assets processed by a real agent: where they lie, and never twice."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from slate_desktop.agent.jobs.assets import AssetWork
from slate_desktop.bus.nats_objects import NatsObjects
from slate_desktop.control.asset_submission import SubmitOptions
from slate_desktop.domain.assets.job import AssetJob
from slate_desktop.domain.assets.kinds import AssetJobStatus, AssetKind
from slate_desktop.domain.assets.report import result_from_json
from slate_desktop.domain.ids import new_id
from slate_desktop.errors import CommandError
from slate_desktop.pipeline.sandbox.parent import Sandbox
from tests.integration.asset_world import (
    CUBE,
    AssetWorld,
    asset_world,
    digests,
    products_of,
)

__all__ = ["asset_world"]  # the fixture ``world``
pytestmark = [pytest.mark.nats, pytest.mark.postgres, pytest.mark.timeout(120)]
S = AssetJobStatus


async def test_model_of_the_project_is_processed_where_it_lies(world: AssetWorld) -> None:
    world.write("props/cube.obj")
    job = await world.process("props/cube.obj", options={"format": "glb", "optimize": True})
    assert (job.status, job.error_message, job.cached) == (S.COMPLETED, None, False)
    assert job.result is not None
    result = result_from_json(job.result)
    job = await world.until_delivered(job)
    for product in result.products:
        data = (world.root / "processed/props" / product.path).read_bytes()
        assert len(data) == product.size
    # Its row, by its path, with the report as metadata.
    rows = await world.slate.list_assets(world.project.id)
    assert [(row.path, row.status, row.job_id) for row in rows] == [
        ("props/cube.obj", S.COMPLETED, job.id)
    ]
    assert rows[0].metadata["report"]["kind"] == "model"


async def test_same_content_is_never_processed_twice(world: AssetWorld) -> None:
    world.write("cube.obj")
    first = await world.process("cube.obj")
    world.write("copies/other.obj")
    job = await world.slate.process_asset("copies/other.obj", world.project.id)
    # Ended before any worker saw it.
    assert (job.status, job.cached, job.attempt) == (S.COMPLETED, True, 0)
    assert digests(job) == digests(first)
    # At once, under the name of its own source.
    assert [path.name for path in (world.root / "processed/copies").iterdir()] == ["other.glb"]
    assert (await world.process("cube.obj", options={"scale": 2.0})).cached is False
    forced = await world.process("cube.obj", submit=SubmitOptions(is_forced=True))
    assert (forced.status, forced.cached, forced.attempt) == (S.COMPLETED, False, 1)


async def paused_twins(world: AssetWorld, options: dict[str, object]) -> list[AssetJob]:
    """Have the same content under two names processed, both queued before the first is made."""
    for name in ("one.obj", "two.obj"):
        world.write(name)
    await world.slate.pause_assets(world.project.id, AssetKind.MODEL)
    jobs = [
        await world.slate.process_asset(name, world.project.id, options)
        for name in ("one.obj", "two.obj")
    ]
    await world.slate.resume_assets(world.project.id, AssetKind.MODEL)
    return [await world.slate.wait_asset_job(job.id) for job in jobs]


async def test_worker_gives_known_products_the_names_of_their_own_source(
    world: AssetWorld,
) -> None:
    options: dict[str, object] = {"generate_lods": True, "lod_levels": [0.5]}
    jobs = await paused_twins(world, options)
    assert sorted(job.cached for job in jobs) == [False, True]
    for job, stem in zip(jobs, ("one", "two"), strict=True):
        assert [product.path for product in products_of(job)] == [f"{stem}.glb", f"{stem}_lod1.glb"]
        await world.until_delivered(job)
    assert digests(jobs[0]) == digests(jobs[1])
    assert sorted(path.name for path in (world.root / "processed").iterdir()) == [
        *("one.glb", "one_lod1.glb", "two.glb", "two_lod1.glb"),
    ]


async def test_product_that_names_its_neighbours_is_made_for_each_name(world: AssetWorld) -> None:
    jobs = await paused_twins(world, {"format": "gltf"})
    assert [job.cached for job in jobs] == [False, False]
    for job, stem in zip(jobs, ("one", "two"), strict=True):
        await world.until_delivered(job)
        text = json.loads((world.root / f"processed/{stem}.gltf").read_text())
        assert text["buffers"][0]["uri"] == f"{stem}.bin"
    # The client knows it before any worker is asked.
    third = await world.slate.process_asset(
        world.write("three.obj"), world.project.id, {"format": "gltf"}
    )
    assert third.forced
    assert (await world.slate.wait_asset_job(third.id)).status is S.COMPLETED


async def test_asset_never_replaces_the_products_of_another_of_its_name(world: AssetWorld) -> None:
    first = world.write("art/cube.obj")
    await world.process("art/cube.obj")
    world.write("art/Cube.stl", "solid nothing")
    with pytest.raises(CommandError, match=r"art/cube\.obj"):
        await world.slate.process_asset("art/Cube.stl", world.project.id)
    # Elsewhere is room, who came first goes on, and what is gone keeps no names.
    elsewhere = SubmitOptions(out_dir="made")
    await world.slate.process_asset("art/Cube.stl", world.project.id, submit=elsewhere)
    await world.process("art/cube.obj")
    first.unlink()
    await world.slate.process_asset("art/Cube.stl", world.project.id)


async def test_result_that_cannot_be_read_is_made_again(world: AssetWorld) -> None:
    """As one of another release may be."""
    world.write("cube.obj")
    await world.process("cube.obj")
    async with world.db.connection() as connection:
        await connection.execute("""update slate_asset_results set result = '{"form": 9}'""")
    again = await world.process("cube.obj")
    assert (again.status, again.cached) == (S.COMPLETED, False)
    assert products_of(await world.process("cube.obj"))


async def test_product_that_would_replace_its_source_is_refused(world: AssetWorld) -> None:
    world.write("cube.obj")
    submit = SubmitOptions(out_dir=".")
    job = await world.process("cube.obj", options={"format": "obj"}, submit=submit)
    assert (job.status, job.error_code) == (S.FAILED, "bad_request")
    assert (world.root / "cube.obj").read_text() == CUBE


async def test_known_products_of_a_row_that_nobody_signed_are_not_delivered(
    world: AssetWorld, tmp_path: Path
) -> None:
    """A key ends a job at once; only an agent asks whose it is, before it writes files."""
    world.write("cube.obj")
    first = await world.until_delivered(await world.process("cube.obj"))
    fields = {name: getattr(first, name) for name in ("project_id", "kind", "inputs", "options")}
    assert first.envelope is not None
    forged = await world.person.asset_jobs.create(
        job_id=new_id(),
        user_id=world.user.id,
        path="cube.obj",
        key=first.key,
        out_dir="elsewhere",
        envelope=first.envelope,
        **fields,
    )
    assert (forged.status, forged.out_dir) == (S.COMPLETED, "elsewhere")
    signed = await world.slate.process_asset("cube.obj", world.project.id)
    shutil.rmtree(world.root / "processed")
    kind = AssetWork(world.db, NatsObjects(world.bus), Sandbox(), tmp_path / "between")
    await kind.deliveries.deliver_left_over(older_than_s=0)
    assert (await world.slate.get_asset_job(signed.id)).delivered_at is not None
    assert (world.root / "processed/cube.glb").exists()
    assert (await world.slate.get_asset_job(forged.id)).delivered_at is None
    assert not (world.root / "elsewhere").exists()


async def test_worker_finds_a_result_that_the_client_could_not(world: AssetWorld) -> None:
    world.write("cube.obj")
    await world.process("cube.obj")
    async with world.db.connection() as connection:
        # As if the client had other versions of the tools: its key is not the worker's.
        await connection.execute("update slate_asset_results set key = reverse(key)")
        key = await connection.fetchval("select key from slate_asset_results")
    world.write("two.obj")
    job = await world.slate.process_asset("two.obj", world.project.id)
    assert key != job.key
    assert (await world.slate.wait_asset_job(job.id)).status is S.COMPLETED
