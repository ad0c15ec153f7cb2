"""``make docs``: the user guide as a static site, built without a warning.

Copies ``docs/`` and the files beside the project, writes the reference from the program itself
(commands, settings, keys), and has MkDocs build it strictly: a broken link is an error.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "packaging" / "docs"))

import reference  # noqa: E402


def main() -> int:
    """Build the site; returns MkDocs' exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "site")
    output = parser.parse_args().output.resolve()
    source = ROOT / "build" / "docs"
    write_source(source)
    command = [
        *(sys.executable, "-m", "mkdocs", "build", "--strict", "--clean", "--quiet"),
        *("--config-file", str(source.parent / "mkdocs.yml"), "--site-dir", str(output)),
    ]
    shutil.copy(ROOT / "packaging" / "docs" / "mkdocs.yml", source.parent / "mkdocs.yml")
    code = subprocess.run(command, check=False, cwd=source.parent).returncode
    if code == 0:
        print(output / "index.html")
    return code


def write_source(source: Path) -> None:
    """Write all pages below ``source``."""
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(ROOT / "docs", source)
    for name, target in (("README.md", "index.md"), ("CHANGELOG.md", "changelog.md")):
        (source / target).write_text(_moved(ROOT / name), encoding="utf-8")
    (source / "contributing.md").write_text(_moved(ROOT / "CONTRIBUTING.md"), encoding="utf-8")
    (source / "howto" / "index.md").write_text(_index(source / "howto", "How to"), encoding="utf-8")
    (source / "decisions" / "index.md").write_text(
        _index(source / "decisions", "Decisions"), encoding="utf-8"
    )
    folder = source / "reference"
    folder.mkdir(exist_ok=True)
    for name, text in (
        ("commands.md", reference.commands()),
        ("settings.md", reference.settings()),
        ("keys.md", reference.keys()),
    ):
        (folder / name).write_text(text, encoding="utf-8")


def _moved(path: Path) -> str:
    """Return a page of the project's top with its links as they are in the site."""
    text = path.read_text(encoding="utf-8")
    for before, after in (
        ("(docs/howto/)", "(howto/index.md)"),
        ("(docs/decisions/)", "(decisions/index.md)"),
        ("(docs/", "("),
        ("(CONTRIBUTING.md)", "(contributing.md)"),
        ("(CHANGELOG.md)", "(changelog.md)"),
    ):
        text = text.replace(before, after)
    return text


def _index(folder: Path, title: str) -> str:
    lines = [f"# {title}", ""]
    for path in sorted(folder.glob("*.md")):
        if path.name != "index.md":
            head = path.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
            lines.append(f"- [{head}]({path.name})")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
