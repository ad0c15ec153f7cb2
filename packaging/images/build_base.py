"""Make the images that SLATE's runtimes and tests stand on, with or without a registry.

``debian:bookworm-slim`` is pulled, or made with debootstrap and imported; ``slate/godot-runtime``
is built from ``godot/Dockerfile`` on it. What exists is left alone.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO

import docker
import docker.errors

HERE = Path(__file__).resolve().parent
BASE = "debian:bookworm-slim"
GODOT = "slate/godot-runtime:latest"
GODOT_BASE = "slate/godot-base:latest"
# What the images hold; one with another number is made again.
CONTENTS_LABEL, CONTENTS = "slate.image.contents", "2"
PULL_TIMEOUT_S = 120
# What Debian's slim images leave out.
SLIM = ("usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "usr/share/groff")
CACHES = ("var/cache/apt/archives", "var/lib/apt/lists")


def main() -> int:
    """Make what is asked for and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default=os.environ.get("DOCKER_HOST"), help="the engine")
    parser.add_argument("--base", action="store_true", help=f"make only {BASE}")
    parser.add_argument("--rebuild", action="store_true", help=f"make {GODOT} again")
    parser.add_argument("--no-pull", action="store_true", help="do not ask a registry")
    parser.add_argument("--mirror", default=os.environ.get("SLATE_DEBIAN_MIRROR"))
    options = parser.parse_args()
    client = docker.APIClient(base_url=options.host, version="auto", timeout=900)
    ensure_base(client, mirror=options.mirror, may_pull=not options.no_pull)
    if not options.base:
        ensure_godot(client, mirror=options.mirror, rebuild=options.rebuild)
    return 0


def ensure_base(
    client: docker.APIClient, *, mirror: str | None = None, may_pull: bool = True
) -> None:
    """Make ``debian:bookworm-slim`` unless it is there."""
    if has_image(client, BASE):
        return
    if may_pull and pull(client, BASE):
        return
    say(f"{BASE} cannot be pulled: making it with debootstrap")
    debootstrap(client, BASE, mirror, packages=["ca-certificates"])


def ensure_godot(
    client: docker.APIClient, *, mirror: str | None = None, rebuild: bool = False
) -> None:
    """Make ``slate/godot-runtime`` unless it is there."""
    if has_image(client, GODOT, CONTENTS) and not rebuild:
        return
    ensure_base(client, mirror=mirror)
    try:
        build(client, BASE)
    except docker.errors.DockerException as exc:
        say(f"the build could not install packages ({exc}): putting Godot into the base")
        if not has_image(client, GODOT_BASE, CONTENTS):
            debootstrap(
                client,
                GODOT_BASE,
                mirror,
                packages=["ca-certificates", "godot3-server", "godot3-runner"],
            )
        build(client, GODOT_BASE)


def build(client: docker.APIClient, base: str) -> None:
    """Build the Dockerfile on ``base``; raises DockerException when a step fails."""
    say(f"building {GODOT} on {base}")
    last = ""
    for event in client.build(
        path=str(HERE / "godot"), tag=GODOT, rm=True, forcerm=True, decode=True,
        buildargs={"BASE": base}, labels={"slate.image": "godot-runtime", CONTENTS_LABEL: CONTENTS},
    ):  # fmt: skip
        if "error" in event:
            raise docker.errors.DockerException(f"{event['error'].strip()}; {last[-300:]}")
        last = str(event.get("stream", "")).strip() or last


def debootstrap(
    client: docker.APIClient, tag: str, mirror: str | None, *, packages: list[str]
) -> None:
    """Make a Debian 12 root and import it as ``tag``."""
    program = shutil.which("debootstrap", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if program is None or os.geteuid() != 0:
        raise SystemExit("debootstrap is needed, and root: apt install debootstrap, then sudo")
    with tempfile.TemporaryDirectory(prefix="slate-base-") as name:
        root = Path(name) / "root"
        command = [program, "--variant=minbase", f"--include={','.join(packages)}"]
        done = subprocess.run(
            [*command, "bookworm", str(root), *([mirror] if mirror else [])],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise SystemExit(f"debootstrap failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        slim_down(root)
        import_root(client, root, tag)


def slim_down(root: Path) -> None:
    """Remove what a container never reads; copyright files stay, as licences ask."""
    for name in (*SLIM, *CACHES):
        for path in sorted((root / name).rglob("*"), reverse=True):
            if path.name == "copyright":
                continue
            if path.is_dir() and not path.is_symlink():
                if not any(path.iterdir()):
                    path.rmdir()
            else:
                path.unlink()
    (root / "etc" / "resolv.conf").write_text("")


def import_root(client: docker.APIClient, root: Path, tag: str) -> None:
    """Send the root to the engine as a tar archive, while it is made."""
    repository, _, label = tag.partition(":")
    command = ["tar", "--numeric-owner", "--one-file-system", "-C", str(root), "-c", "."]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as archive:
        assert archive.stdout is not None
        answer = client.import_image_from_stream(
            archive.stdout,
            repository=repository,
            tag=label,
            changes=['CMD ["bash"]', f"LABEL {CONTENTS_LABEL}={CONTENTS}"],
        )
        if '"error"' in answer:
            raise SystemExit(f"the engine refused the image: {answer.strip()}")
    say(f"imported {tag}")


def pull(client: docker.APIClient, tag: str) -> bool:
    """Pull an image; False when that fails or takes too long."""
    repository, _, label = tag.partition(":")
    outcome: list[bool] = []

    def work() -> None:
        try:
            client.pull(repository, tag=label)
        except (docker.errors.DockerException, OSError):
            outcome.append(False)
        else:
            outcome.append(True)

    thread = threading.Thread(target=work, name="pull", daemon=True)
    thread.start()
    thread.join(PULL_TIMEOUT_S)
    return bool(outcome and outcome[0])


def has_image(client: docker.APIClient, tag: str, contents: str | None = None) -> bool:
    """Tell whether the engine has an image, with these contents where they are named."""
    try:
        found = client.inspect_image(tag)
    except docker.errors.NotFound:
        return False
    labels = (found.get("Config") or {}).get("Labels") or {}
    return contents is None or labels.get(CONTENTS_LABEL) == contents


def say(text: str, stream: IO[str] = sys.stderr) -> None:
    """Tell what goes on."""
    print(text, file=stream, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
