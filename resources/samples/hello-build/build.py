"""Packs the game into one file that Python runs: hello.pyz.

SLATE gives the options as variables: SLATE_OUTPUT, SLATE_BUILD_TYPE, SLATE_PLATFORM, SLATE_JOBS,
SLATE_OPTIMIZATION, SLATE_COMPRESSION, SLATE_CLEAN. Lines like `[2/3] text` move SLATE's progress.
"""

import os
import sys
import zipapp
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUTPUT = Path(os.environ.get("SLATE_OUTPUT") or HERE / "dist")
IS_DEVELOPMENT = os.environ.get("SLATE_BUILD_TYPE", "development") == "development"


def step(number, text):
    print(f"[{number}/3] {text}", flush=True)


def main():
    step(1, "checking the sources")
    for path in sorted((HERE / "game").rglob("*.py")):
        try:
            compile(path.read_text(encoding="utf-8"), str(path), "exec")
        except SyntaxError as error:
            print(f"{path}:{error.lineno}: error: {error.msg}", file=sys.stderr)
            return 1
    step(2, "packing")
    OUTPUT.mkdir(parents=True, exist_ok=True)
    target = OUTPUT / "hello.pyz"
    zipapp.create_archive(
        HERE / "game",
        target,
        interpreter="/usr/bin/env python3",
        filter=lambda path: "__pycache__" not in path.parts,
        compressed=not IS_DEVELOPMENT,
    )
    step(3, f"wrote {target.name}, {target.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
