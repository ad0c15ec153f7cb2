"""Every row of bad assets through one worker's sandbox: its error, the worker alive, its memory.

The tables are those of the tests of each kind, which look at each row more closely.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import psutil
import pytest

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.options import parse_options
from slate_desktop.errors import AssetError, ErrorCode
from slate_desktop.pipeline.sandbox.folders import work_folder
from slate_desktop.pipeline.sandbox.limits import limits_of
from slate_desktop.pipeline.sandbox.parent import Sandbox
from tests.integration import test_bad_audio, test_bad_models, test_texture_bad_input
from tests.services.pictures import landscape, save
from tests.services.small_models import rich_model

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the fork server: Linux only"),
    pytest.mark.timeout(600),
]

Make = Callable[[Path], object]


def put(data: bytes) -> Make:
    """Return what writes a file of these bytes."""
    return lambda path: path.write_bytes(data)


def rows() -> Iterator[tuple[str, AssetKind, str, Make, ErrorCode]]:
    """Yield each row: what it is called, kind, file name, how it is made, the error."""
    for title, name, make, code in test_texture_bad_input.BAD:
        yield title, AssetKind.TEXTURE, name, (lambda path, m=make: path.write_bytes(m())), code
    for title, name, data, code in test_bad_models.ROWS:
        if code is not None:
            yield title, AssetKind.MODEL, name, put(data), code
    for title, (name, content, code) in test_bad_audio.CASES.items():
        make = put(content) if isinstance(content, bytes) else content
        yield title, AssetKind.AUDIO, name, make, code


class Watch:
    """Looks at the fork server's children all the time: peak of memory, and the limit it has."""

    def __init__(self, server: int) -> None:
        self._server = psutil.Process(server)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self.peak_bytes = 0
        self.limits: set[int] = set()

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(0.005):
            for child in self._server.children():
                try:
                    self.peak_bytes = max(self.peak_bytes, child.memory_info().rss)
                    self.limits.add(child.rlimit(psutil.RLIMIT_AS)[0])
                except psutil.Error:
                    continue  # it ended in between


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as made:
        yield made


async def process(sandbox: Sandbox, kind: AssetKind, source: Path) -> list[str]:
    """Process a file with the default options; return the products' names."""
    with work_folder() as folder:
        try:
            result = await sandbox.process(kind, source, folder, parse_options(kind, {}))
        except AssetError:
            assert list(folder.iterdir()) == []
            raise
        return [product.path for product in result.products]


@pytest.mark.parametrize("kind", list(AssetKind))
async def test_worker_outlives_every_bad_file_within_its_memory(
    sandbox: Sandbox, kind: AssetKind, tmp_path: Path
) -> None:
    sound = {
        AssetKind.TEXTURE: tmp_path / "sound.png",
        AssetKind.MODEL: tmp_path / "sound.glb",
        AssetKind.AUDIO: tmp_path / "sound.wav",
    }[kind]
    sound.write_bytes(
        save(landscape(16, 16), "PNG") if kind is AssetKind.TEXTURE else test_bad_audio.GOOD
    )
    if kind is AssetKind.MODEL:
        rich_model(sound)
    expected = await process(sandbox, kind, sound)
    server = sandbox.server_pid
    assert server is not None
    ours = [row for row in rows() if row[1] is kind]
    assert len(ours) > 15
    found: dict[str, object] = {}
    with Watch(server) as watch:
        for number, (title, _, name, make, _) in enumerate(ours):
            folder = tmp_path / str(number)
            folder.mkdir()
            make(folder / name)
            try:
                found[title] = await process(sandbox, kind, folder / name)
            except AssetError as error:
                found[title] = error.code
            (folder / name).unlink()
    assert found == {title: code for title, _, _, _, code in ours}
    assert sandbox.server_pid == server
    assert await process(sandbox, kind, sound) == expected
    limit = limits_of(kind).memory_bytes
    assert limit in watch.limits
    # A child that was looked at before it took its limits has none yet.
    assert watch.limits <= {limit, psutil.RLIM_INFINITY}
    assert 0 < watch.peak_bytes <= limit
