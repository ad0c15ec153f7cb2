"""Which version a package is of: the tag's at a release, and between two releases the commit's.

``slate_desktop.__version__`` names the version that is being worked on. A release is a tag ``v``
and that version; packages made elsewhere say so, and sort before the release.

    python packaging/version.py [--tag]      print it; with --tag fail where no tag is
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
_DESCRIBED = re.compile(r"(?P<tag>.+)-(?P<since>\d+)-g(?P<commit>[0-9a-f]+)(?P<dirty>-dirty)?")


@dataclass(frozen=True)
class Version:
    """A version that a package is of.

    Attributes:
        base: of the program, as ``slate --version`` has it.
        since: commits since the last tag; 0 at a tag.
        commit: abbreviated; empty outside of a checkout, and at a tag.
    """

    base: str
    since: int = 0
    commit: str = ""
    is_dirty: bool = False

    @property
    def is_release(self) -> bool:
        """Whether it is that of a tag, unchanged."""
        return not self.commit and not self.is_dirty

    def __str__(self) -> str:
        """Write it in a form that sorts before the release, for Debian and in file names."""
        if self.is_release:
            return self.base
        return f"{self.base}~dev{self.since}" + (f"+g{self.commit}" if self.commit else "")


def read(root: Path = ROOT) -> Version:
    """Return the version of a checkout.

    Raises:
        SystemExit: it is tagged as another version than the program says.
    """
    from slate_desktop import __version__

    described = _git(root, "describe", "--tags", "--long", "--dirty", "--match", "v[0-9]*")
    found = _DESCRIBED.fullmatch(described)
    if found is None:
        commit = _git(root, "rev-parse", "--short", "HEAD")
        count = _git(root, "rev-list", "--count", "HEAD")
        return Version(__version__, int(count or 0), commit)
    since, is_dirty = int(found["since"]), bool(found["dirty"])
    if since == 0 and not is_dirty:
        if found["tag"] != f"v{__version__}":
            raise SystemExit(
                f"version: the tag says {found['tag']}, slate_desktop/__init__.py {__version__}"
            )
        return Version(__version__)
    return Version(__version__, since, found["commit"], is_dirty)


def source_date(root: Path = ROOT) -> int:
    """Return the time of the last commit, in seconds, or of now outside of a checkout."""
    return int(_git(root, "log", "-1", "--format=%ct") or time.time())


def _git(root: Path, *words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *words], capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def main() -> int:
    """Print the version of this checkout."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tag", action="store_true", help="fail unless this is a release")
    wants_tag = parser.parse_args().tag
    version = read()
    print(version)
    if wants_tag and not version.is_release:
        print("version: no tag is here, or files were changed", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
