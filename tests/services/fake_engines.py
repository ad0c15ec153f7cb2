"""Engines that lie, as programs on the PATH: they print logs in the real form and end as told.

What one does is read from ``fake.json`` in the project that it builds, so that nothing but the
project is handed to it, as with a real engine.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

PROGRAM = """#!{python}
import json, os, struct, sys, time
words = sys.argv[1:]
def after(name):
    return words[words.index(name) + 1] if name in words else None
project = after("-projectPath") or after("--path")
for word in words:
    if word.startswith("-project="):
        project = os.path.dirname(word.split("=", 1)[1])
if project is None:
    sys.exit(0)
with open(os.path.join(project, "fake.json")) as file:
    told = json.load(file)
with open(os.path.join(project, "argv.log"), "a") as file:
    file.write(json.dumps(words) + "\\n")
if "-returnlicense" in words or "--import" in words:
    sys.exit(told.get("import_exit", 0))
elf = b"\\x7fELF\\x02\\x01\\x01" + b"\\0" * 9 + struct.pack("<HH", 3, 62) + b"\\0" * 44
product = after("-customBuildPath") or (words[-1] if "--path" in words else None)
for word in words:
    if word.startswith("-archivedirectory="):
        product = os.path.join(word.split("=", 1)[1], "Linux", "Game")
encoding = told.get("encoding", "utf-8")
for line in told["log"]:
    if line.startswith("sleep "):
        time.sleep(float(line.split()[1]))
        continue
    sys.stdout.buffer.write((line + "\\n").encode(encoding))
    sys.stdout.buffer.flush()
if told.get("makes", True) and product:
    os.makedirs(os.path.dirname(product), exist_ok=True)
    with open(product, "wb") as file:
        file.write(elf if told.get("makes") != "text" else b"no program")
sys.exit(told["exit"])
"""
NAMES = ("unity-editor", "RunUAT.sh", "godot4")


def install(directory: Path) -> str:
    """Write the engines into ``directory`` and return a PATH with it in front."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        path = directory / name
        path.write_text(PROGRAM.replace("{python}", sys.executable), encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return f"{directory}{os.pathsep}{os.environ['PATH']}"
