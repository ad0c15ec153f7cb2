"""Drives an installed SLATE as its user does on the first day; prints what it saw as JSON.

    slate-python drive_installed.py WORK

Run by ``check-in-root.sh`` with the interpreter that the package carries, so that nothing but the
package is used. WORK is a folder of the user's own: assets and a picture of the window go there.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import resource
import struct
import sys
import time
import wave
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from slate_desktop.ui import app

_BEGAN = time.monotonic()


async def until(condition: Callable[[], Any], what: str, timeout_s: float = 120.0) -> Any:
    """Wait for the real program; say what did not happen."""
    try:
        async with asyncio.timeout(timeout_s):
            while not (value := condition()):  # noqa: ASYNC110 - the condition is the world's
                await asyncio.sleep(0.05)
            return value
    except TimeoutError:
        raise RuntimeError(f"{what} did not happen within {timeout_s:.0f} s") from None


def make_assets(work: Path) -> None:
    """Write a texture, a model and a sound with nothing but what the package carries."""
    from PIL import Image

    Image.radial_gradient("L").convert("RGB").save(work / "stone.png")
    lines = [
        f"v {x} {math.sin(x * 0.4) * math.cos(z * 0.3):.4f} {z}"
        for z in range(20)
        for x in range(20)
    ]
    for z in range(19):
        for x in range(19):
            a = z * 20 + x + 1
            lines.append(f"f {a} {a + 20} {a + 21} {a + 1}")
    (work / "sheet.obj").write_text("\n".join(lines), encoding="ascii")
    with wave.open(str(work / "bell.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(44_100)
        for n in range(44_100):
            file.writeframesraw(
                struct.pack("<h", round(20_000 * math.sin(n * 0.06) / (1 + n / 9e3)))
            )


async def first_day(window: Any, work: Path) -> dict[str, Any]:
    """Session, previews and build through the window."""
    seen: dict[str, Any] = {}
    await until(lambda: window.is_built, "the window")
    seen["built_s"] = round(time.monotonic() - _BEGAN, 2)
    window.resize(1280, 800)
    await until(lambda: window.workspace.answered.is_set(), "the connection")
    await until(lambda: "online" in window.status_row.lamps.buttons["agent"].text(), "an agent")
    seen["connected_s"] = round(time.monotonic() - _BEGAN, 2)
    seen |= {"session": await _session(window), "previews": await _previews(window, work)}
    seen["build"] = await _build(window)
    seen["memory_mib"] = await asyncio.to_thread(memory_by_program)
    await asyncio.sleep(0.5)
    window.grab().save(str(work / "window.png"))
    seen["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return seen


def memory_by_program() -> dict[str, int]:
    """Return what each program of this user holds, in MiB; what they share is counted in parts."""
    import psutil

    held: Counter[str] = Counter()
    for process in psutil.process_iter(["cmdline"]):
        with contextlib.suppress(psutil.Error):
            words = process.info["cmdline"] or [""]
            name = words[0].rpartition("/")[2].partition(":")[0]
            module = words[words.index("-m") + 1] if "-m" in words else ""
            held[f"{name} {module}".strip()] += process.memory_full_info().pss
    return {name: size // 2**20 for name, size in held.most_common(8)}


async def _session(window: Any) -> str:
    work = window.workspace
    project = await until(
        lambda: next((p for p in work.projects if p.name == "hello-runtime"), None), "the sample"
    )
    work.choose_project(project.id)
    await until(lambda: window.binding.config.key == project.id, "its configuration")
    start = window.registry["session.start"]
    await until(start.isEnabled, "Start")
    start.trigger()
    session = await until(lambda: work.session, "a session")
    await until(lambda: work.find_session(session.id).status.value == "running", "its start")
    await until(
        lambda: window.console.current_buffer is not None and len(window.console.current_buffer),
        "its log",
    )
    window.registry["session.stop"].trigger()
    await until(lambda: work.find_session(session.id).is_final, "its stop")
    return str(work.find_session(session.id).status.value)


async def _previews(window: Any, work: Path) -> list[str]:
    shown = []
    for name in ("stone.png", "sheet.obj", "bell.wav"):
        document = window.documents.open_path(work / name)
        await until(lambda document=document: document.is_loaded, f"the preview of {name}")
        if name == "sheet.obj":
            await until(lambda document=document: document.view.frame is not None, "its picture")
        shown.append(type(document).__name__)
    return shown


async def _build(window: Any) -> str:
    work, model = window.workspace, window.builds.model
    project = next(p for p in work.projects if p.name == "hello-build")
    work.choose_project(project.id)
    start = window.registry["build.start"]
    form = window.build_panel.form
    form.driver.setCurrentIndex(form.driver.findData("process"))
    await until(lambda: window.build_panel.command.toPlainText(), "the commands of the build")
    await until(start.isEnabled, "Build")
    start.trigger()
    await until(lambda: model.builds and model.builds[0].is_final, "the end of the build")
    return f"{model.builds[0].verdict}: {model.builds[0].verdict_reason}"


def main() -> int:
    """Open the window, use it, close it."""
    work = Path(sys.argv[1])
    make_assets(work)
    seen: dict[str, Any] = {}
    failures: list[BaseException] = []
    run = app.run

    async def run_driven(window: Any) -> int:
        async def drive() -> None:
            try:
                seen.update(await first_day(window, work))
            except BaseException as error:
                failures.append(error)
                raise
            finally:
                window.close()

        task = asyncio.create_task(drive(), name="driver")
        code = await run(window)
        with contextlib.suppress(BaseException):
            await task
        return code

    app.run = run_driven
    code = app.main([])
    for error in failures:
        sys.stderr.write(f"{error!r}\n")
    sys.stdout.write(json.dumps(seen) + "\n")
    return 1 if failures else code


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # as the program's own entry point does
