"""Assets processed by a real agent: shared paths, the object store, caches, refusals."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from slate_desktop.agent.jobs.assets import AssetWork
from slate_desktop.bus.nats_objects import NatsObjects
from slate_desktop.bus.queue import ASSETS
from slate_desktop.control.asset_submission import SubmitOptions
from slate_desktop.control.client import Slate
from slate_desktop.control.job_requests import publish_job
from slate_desktop.control.models_assets import AssetJobsModel
from slate_desktop.domain.assets.job import AssetInput, AssetJob
from slate_desktop.domain.assets.kinds import AssetJobStatus, AssetKind
from slate_desktop.domain.assets.presets import AssetPreset
from slate_desktop.domain.assets.product import Product
from slate_desktop.domain.assets.report import result_from_json
from slate_desktop.domain.ids import new_id
from slate_desktop.errors import CommandError
from slate_desktop.pipeline.sandbox.parent import Sandbox
from slate_desktop.store import Database
from slate_desktop.store.cache import MemoryCache
from slate_desktop.wire.asset_messages import AssetJobBody, write_asset_job
from tests.integration.agent_world import AgentWorld
from tests.services.nats import RealNats
from tests.services.postgres import PostgresDsn

pytestmark = [pytest.mark.nats, pytest.mark.postgres, pytest.mark.timeout(120)]
S = AssetJobStatus

CUBE = "\n".join(
    [f"v {x} {y} {z}" for x in (0, 1) for y in (0, 1) for z in (0, 1)]
    + ["f 1 2 4 3", "f 5 7 8 6", "f 1 5 6 2", "f 3 4 8 7", "f 1 3 7 5", "f 2 6 8 4"]
)


class AssetWorld(AgentWorld):
    """An agent that processes assets, and a client with a person's rights."""

    slate: Slate

    async def open(self) -> None:
        await super().open()
        self.person = await Database.connect(self.dsn.user, application_name="person")
        self.slate = self.client("local")

    def client(self, profile: str) -> Slate:
        return Slate(
            bus=self.bus,
            db=self.person,
            cache=MemoryCache(),
            user=self.user,
            key=self.nats.user,
            profile=profile,
        )

    async def close(self) -> None:
        await self.slate._close_asset_sandbox()
        await self.person.aclose()
        await super().close()

    @property
    def root(self) -> Path:
        return Path(self.project.root)

    def write(self, name: str, data: str | bytes = CUBE) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    async def process(self, name: str | Path, **more: Any) -> AssetJob:
        job = await self.slate.process_asset(name, self.project.id, **more)
        return await self.slate.wait_asset_job(job.id)

    async def submit_unchecked(self, path: str, kind: AssetKind, options: dict[str, object]) -> str:
        """Sign a job as a client that checks nothing would."""
        entry = AssetInput(name=path, path=path, sha256="0" * 64, size=1)
        body = AssetJobBody(
            job_id=new_id(),
            project_id=self.project.id,
            kind=kind,
            path=path,
            inputs=[entry],
            options=options,
            key=new_id().replace("-", "").ljust(64, "0"),
            out_dir=None,
            time_limit_s=30,
        )
        envelope = self.slate.requester.sign_job(
            ASSETS.subject(kind.value), write_asset_job(body), job_id=body.job_id
        )
        fields = msgspec.structs.asdict(body)
        await self.person.asset_jobs.create(user_id=self.user.id, envelope=envelope, **fields)
        await publish_job(self.bus, ASSETS, kind.value, body.job_id, envelope)
        return body.job_id

    async def until_delivered(self, job: AssetJob) -> AssetJob:
        async with asyncio.timeout(10):
            while True:
                job = await self.slate.get_asset_job(job.id)
                if job.delivered_at is not None:
                    return job
                await asyncio.sleep(0.02)


def products_of(job: AssetJob) -> tuple[Product, ...]:
    assert job.result is not None
    return result_from_json(job.result).products


def digests(job: AssetJob) -> list[str]:
    return [product.sha256 for product in products_of(job)]


async def until(condition: Callable[[], bool], timeout_s: float = 15) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest.fixture
async def world(
    nats: RealNats, postgres_dsn: PostgresDsn, tmp_path: Path
) -> AsyncIterator[AssetWorld]:
    made = AssetWorld(nats, postgres_dsn, tmp_path)
    await made.open()
    await made.start_agent(asset_slots=2)
    yield made
    await made.close()


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


async def test_worker_that_does_not_see_the_project_gets_the_bytes(
    world: AssetWorld, tmp_path: Path
) -> None:
    world.write("cube.obj")
    world.slate = world.client("remote")
    moved = world.root.with_name("moved")
    job = await world.slate.process_asset("cube.obj", world.project.id)
    shutil.move(world.root, moved)
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
