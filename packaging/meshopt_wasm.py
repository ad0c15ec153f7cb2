"""Write resources/meshopt from the npm package `meshoptimizer` (MIT).

    npm pack meshoptimizer@1.3.0
    python packaging/meshopt_wasm.py meshoptimizer-1.3.0.tgz

The package carries its WebAssembly modules as text inside JavaScript files; this writes them as
the binary modules that they are, with licence and digests. Nothing is compiled or changed.
"""

from __future__ import annotations

import hashlib
import re
import sys
import tarfile
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "resources" / "meshopt"
FREQUENT = 60
MODULES = {
    "encoder": ("package/meshopt_encoder.js", "wasm"),
    "decoder": ("package/meshopt_decoder.mjs", "wasm_base"),
    "simplifier": ("package/meshopt_simplifier.js", "wasm"),
}


def main() -> int:
    """Unpack the modules that SLATE uses."""
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    TARGET.mkdir(parents=True, exist_ok=True)
    lines = []
    with tarfile.open(sys.argv[1]) as package:
        for name, (path, variable) in MODULES.items():
            module = unpack(read(package, path).decode("utf-8"), variable)
            (TARGET / f"{name}.wasm").write_bytes(module)
            lines.append(f"{hashlib.sha256(module).hexdigest()}  {name}.wasm\n")
        (TARGET / "LICENSE").write_bytes(read(package, "package/LICENSE.md"))
        version = re.search(r'"version": "([^"]+)"', read(package, "package/package.json").decode())
    if version is None:
        raise SystemExit("the package has no version")
    (TARGET / "SHA256SUMS").write_text("".join(lines), encoding="ascii")
    (TARGET / "VERSION").write_text(f"{version.group(1)}\n", encoding="ascii")
    return 0


def read(package: tarfile.TarFile, path: str) -> bytes:
    """Return a file of the package."""
    member = package.extractfile(path)
    if member is None:
        raise SystemExit(f"the package has no {path}")
    return member.read()


def unpack(script: str, variable: str) -> bytes:
    """Return a module: a letter is one of 60 frequent bytes, or starts a pair."""
    text = re.search(rf"var {variable} =\s*'([^']+)'", script)
    table = re.search(r"wasmpack = new Uint8Array\(\[([0-9,\s]+)\]\)", script)
    if text is None or table is None:
        raise SystemExit("the package stores its modules in another way now")
    frequent = [int(number) for number in re.findall(r"\d+", table.group(1))]
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:;"
    values = {letter: value for value, letter in enumerate(letters)}
    digits = iter([values[letter] for letter in text.group(1)])
    module = bytes(
        frequent[digit] if digit < FREQUENT else (digit - FREQUENT) * 64 + next(digits)
        for digit in digits
    )
    if not module.startswith(b"\0asm"):
        raise SystemExit("that is no WebAssembly module")
    return module


if __name__ == "__main__":
    sys.exit(main())
