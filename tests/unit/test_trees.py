"""Trees that travel: names, manifests, what is left out, what differs, and what a look finds."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from slate_desktop.domain.engine import Engine
from slate_desktop.domain.trees import manifest
from slate_desktop.domain.trees.compare import compare, other_name
from slate_desktop.domain.trees.folders import NotAFolderError
from slate_desktop.domain.trees.ignore import IgnoreRules
from slate_desktop.domain.trees.manifest import Entry, Part, TreeRef, digest_of_link
from slate_desktop.domain.trees.paths import check_together, problem_of, problem_of_link
from slate_desktop.domain.trees.place import Placer
from slate_desktop.domain.trees.scan import Known, Scan, read_rules, scan
from slate_desktop.errors import CommandError

A, B, C = "a" * 64, "b" * 64, "c" * 64


def entry(path: str, sha256: str = A, **more: object) -> Entry:
    parts = (Part(sha256, 3, 0, 3),)
    fields: dict[str, object] = {"size": 3, "mtime_ns": 1, "sha256": sha256, "parts": parts}
    return Entry(path=path, **(fields | more))  # type: ignore[arg-type]


def tree(**entries: str) -> dict[str, Entry]:
    return {path: entry(path, sha256) for path, sha256 in entries.items()}


# -- names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "", "/etc/passwd", "../x", "a/../b", "a//b", "./a", "a/.", "a\\b", "a\0b", "a\nb", "C:/x",
        "a:b", "con", "d/NUL.txt", "com1", "LPT9.log", "end.", "end ", "d /x", ".git/hooks/x",
        "sub/.GIT/config", "git~1/x", ".slate/sync/origin", ".Slate/Sync/x", "slate~1/x", "x" * 256,
        "a/" * 65 + "b", "q?", "p|q",
        "\ud800",
    ],
)  # fmt: skip
def test_names_that_some_machine_cannot_hold_are_refused(path: str) -> None:
    assert problem_of(path) is not None


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "a/b.txt",
        ".gitignore",
        ".hidden/x",
        "ünï/çödé",
        "consul",
        "git~2",
        ".slate/assets.toml",
        "a b/c d",
    ],
)
def test_names_that_every_machine_holds_may_travel(path: str) -> None:
    assert problem_of(path) is None


@pytest.mark.parametrize(
    "paths", [["a", "A"], ["Dir/x", "dir/y"], ["a", "a/b"], ["é", "e\u0301"], ["ß", "ss"]]
)
def test_names_that_clash_on_some_machine_are_refused(paths: list[str]) -> None:
    with pytest.raises(CommandError):
        check_together(paths)


def test_links_may_not_leave_their_tree() -> None:
    for path, target in (
        ("a", "/etc"), ("a", "../x"), ("d/a", "../../x"), ("a", ""), ("a", "b/../../x"),
        ("a", ".git/config"), ("a", "c:\\x"),
    ):  # fmt: skip
        assert problem_of_link(path, target) is not None, target
    for path, target in (("a", "b"), ("d/a", "../b"), ("d/a", "./e/../f")):
        assert problem_of_link(path, target) is None, target


# -- manifests -------------------------------------------------------------------------------------


def test_a_manifest_comes_back_as_it_was() -> None:
    entries = [
        entry("big", B, size=9, parts=(Part(A, 4, 0, 4), Part(C, 8, 3, 5))),
        entry("run.sh", is_executable=True),
        Entry("empty", 0, 5, C),
        Entry("link", 0, 5, digest_of_link("run.sh"), link="run.sh"),
        entry("save (sbx01).dat", conflict_of="save.dat"),
    ]
    found = manifest.read(manifest.write_full(entries))
    assert found.of is None
    assert list(found.on({}).values()) == entries


def test_a_change_gives_the_whole_tree_on_its_full_manifest() -> None:
    full = tree(a=A, b=A, c=A)
    data = manifest.write_change(TreeRef(C, 9), [entry("b", B), entry("d", C)], ["c"])
    found = manifest.read(data)
    assert found.of == TreeRef(C, 9)
    assert {path: e.sha256 for path, e in found.on(full).items()} == {"a": A, "b": B, "d": C}


def test_hostile_manifests_are_refused_whole() -> None:
    good = manifest.write_full([entry("a"), entry("b")])
    rows = msgspec.msgpack.decode(good)
    digest = bytes.fromhex(A)

    def row(
        path: str = "a",
        size: int = 3,
        mtime: int = 1,
        sha: bytes = digest,
        link: str | None = None,
        parts: list[int] | None = None,
    ) -> list[object]:
        return [path, size, mtime, sha, False, link, [0, 0, 3] if parts is None else parts, None]

    bad_files: list[list[list[object]]] = [
        [row("../../etc/passwd")], [row("/etc/passwd")], [row(".git/hooks/post-checkout")],
        [row(".slate/sync/origin")], [row("a"), row("a")], [row("a"), row("A")],
        [row("a"), row("a/b")],
        [row(size=-1)], [row(size=4)], [row(parts=[1, 0, 3])], [row(parts=[0, 1, 3])],
        [row(parts=[0, -1, 3])], [row(parts=[0, 0])], [row(parts=[0, 0, 0, 0, 0, 3])],
        [row(sha=b"short")], [row(mtime=2**63 - 1)],
        [row(size=0, parts=[], link="/etc", sha=bytes.fromhex(digest_of_link("/etc")))],
        [row(size=0, parts=[], link="../x", sha=bytes.fromhex(digest_of_link("../x")))],
        [row(size=0, parts=[], link="b", sha=digest)],
        [row("d", 0, parts=[], link="e", sha=bytes.fromhex(digest_of_link("e"))), row("d/x")],
    ]  # fmt: skip
    for files in bad_files:
        data = msgspec.msgpack.encode([rows[0], None, [[digest, 3]], files, []])
        with pytest.raises(CommandError):
            manifest.read(data).on({})
    for data in (
        b"", b"x" * 100, good[:-3], good + b"x",
        msgspec.msgpack.encode([2, None, [], [], []]),
        msgspec.msgpack.encode([1, None, [], [], ["gone"]]),
        msgspec.msgpack.encode([1, [digest, 0], [], [], []]),
        msgspec.msgpack.encode([1, None, [[digest, 2**40]], [], []]),
        msgspec.msgpack.encode([1, [digest, 9], [], [], ["../x"]]),
    ):  # fmt: skip
        with pytest.raises(CommandError):
            manifest.read(data)


# -- what is left out ------------------------------------------------------------------------------


def kept(rules: IgnoreRules, *paths: str) -> list[str]:
    return [path for path in paths if not rules.covers(path)]


def test_patterns_decide_as_they_do_in_git() -> None:
    rules = IgnoreRules(lines=[
        "# a comment", "", "*.log", "!keep.log", "/only-here", "build/", "docs/*.tmp", "a/**/z",
        "**/deep/x", "logs/**", "\\#name", "\\!name", "sp\\ ", "pic[0-9].png", "no[!a].txt",
        "?.c", "*a*b*", "trailing  ",
    ])  # fmt: skip
    ignored = [
        "x.log", "d/x.log", "only-here", "build/x", "d/build/x", "docs/a.tmp", "a/z", "a/b/c/z",
        "deep/x", "q/deep/x", "logs/x", "#name", "!name", "sp ", "pic1.png", "nob.txt", "x.c",
        "xaxbx", "trailing", "keep.logs/x.log",
    ]  # fmt: skip
    assert kept(rules, *ignored) == []
    stays = [
        "keep.log", "d/keep.log", "d/only-here", "build", "docs/d/a.tmp", "pics.png", "noa.txt",
        "xy.c", "b", "logs.txt",
    ]  # fmt: skip
    assert kept(rules, *stays) == stays
    assert rules.problems == []


def test_a_folder_that_is_left_out_takes_its_files_along() -> None:
    rules = IgnoreRules(lines=["/data/", "!/data/keep"])
    assert kept(rules, "data/keep", "data/x", "other/keep") == ["other/keep"]


def test_caches_are_left_out_by_engine_and_can_be_let_in() -> None:
    unity = ["Library/x", "Temp/y", "Assets/Library/z", ".git/config", "node_modules/a/b.js"]
    assert kept(IgnoreRules(Engine.UNITY), *unity) == ["Assets/Library/z"]
    assert kept(IgnoreRules(Engine.UNITY, ["!/Library/"]), *unity)[0] == "Library/x"
    assert kept(IgnoreRules(Engine.GODOT), ".godot/x", "Saved/y", ".import/z") == ["Saved/y"]
    assert kept(IgnoreRules(Engine.UNREAL), "Saved/y", "Intermediate/x", "Content/a") == [
        "Content/a"
    ]


def test_bad_patterns_are_told_and_cost_no_time() -> None:
    rules = IgnoreRules(lines=["[", "ok", "a\\", "/", "*a" * 40 + "*c"])
    assert len(rules.problems) == 3
    assert kept(rules, "ok", "a" * 200) == ["a" * 200]


# -- what differs ----------------------------------------------------------------------------------


def test_three_states_make_push_pull_agreement_and_conflict() -> None:
    base = tree(same=A, mine=A, theirs=A, both=A, fight=A, gone=A, cut=A, left=A)
    mine = tree(same=A, mine=B, theirs=A, both=B, fight=B, cut=B, left=A, new=A)
    theirs = tree(same=A, mine=A, theirs=B, both=B, fight=C, gone=A, other=A)
    found = compare(base, mine, theirs)
    assert [one.path for one in found.push] == ["gone", "mine", "new"]
    assert [one.path for one in found.pull] == ["left", "other", "theirs"]
    assert [one.path for one in found.agreed] == ["both"]
    assert [one.path for one in found.conflicts] == ["cut", "fight"]
    assert not found.is_same
    assert compare(base, base, dict(base)).is_same


@pytest.mark.parametrize(
    ("mine", "theirs"), [("x/a", "x"), ("x", "x/a"), ("File", "file"), ("Dir/a", "dir/b")]
)
def test_new_names_that_cannot_stand_together_are_conflicts(mine: str, theirs: str) -> None:
    found = compare({}, {mine: entry(mine)}, {theirs: entry(theirs, B)})
    assert [one.path for one in found.conflicts] == [theirs]
    assert found.pull == ()


def test_another_version_gets_a_name_of_its_own() -> None:
    when = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    name = other_name("save/game.dat", "sbx02", when, {})
    assert name == "save/game (sbx02 2026-03-04 05.06.07).dat"
    assert other_name("save/game.dat", "sbx02", when, {name: 1}).endswith("05.06.07) 2.dat")
    assert problem_of(other_name("x" * 250, "sbx02", when, {})) is None


# -- looking ---------------------------------------------------------------------------------------


def look(root: Path, known: dict[str, Known] | None = None) -> Scan:
    return scan(root, read_rules(root, Engine.GODOT), known or {})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "game"
    (root / "art").mkdir(parents=True)
    (root / ".godot").mkdir()
    (root / ".godot" / "cache").write_text("x")
    (root / "project.godot").write_text("config")
    (root / "art" / "a.png").write_bytes(b"pixels")
    old_ns = 1_600_000_000_000_000_000
    for path in (root / "project.godot", root / "art" / "a.png"):
        os.utime(path, ns=(old_ns, old_ns))
    return root


def test_a_look_reads_only_what_changed(folder: Path) -> None:
    first = look(folder)
    assert sorted(first.files) == ["art/a.png", "project.godot"]
    assert sorted(first.read) == ["art/a.png", "project.godot"]
    again = look(folder, first.remember)
    assert (again.read, again.files) == ((), first.files)
    (folder / "art" / "a.png").write_bytes(b"others")
    third = look(folder, again.remember)
    assert third.read == ("art/a.png",)
    assert sorted(third.remember) == sorted(third.files)
    assert look(folder, third.remember).read == ("art/a.png",), "it may be written in its time"


def test_what_cannot_travel_is_told_with_its_reason(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    (folder / "out").symlink_to(tmp_path / "secret")
    (folder / "in").symlink_to("project.godot")
    (folder / "a.TXT").write_text("1")
    (folder / "a.txt").write_text("2")
    (folder / "x:y").write_text("3")
    os.mkfifo(folder / "pipe")
    found = look(folder)
    assert {one.path for one in found.skipped} == {"out", "a.txt", "x:y", "pipe"}
    assert found.files["in"].link == "project.godot"


def test_own_rules_are_read_and_travel_themselves(folder: Path) -> None:
    (folder / ".slateignore").write_text("*.png\n")
    assert sorted(look(folder).files) == [".slateignore", "project.godot"]


# -- placing ---------------------------------------------------------------------------------------


def staged(tmp_path: Path, content: bytes = b"new") -> Path:
    path = tmp_path / "staged"
    path.write_bytes(content)
    return path


def test_a_file_is_placed_with_time_and_rights(folder: Path, tmp_path: Path) -> None:
    placer = Placer(folder)
    known = placer.put(entry("deep/er/run", is_executable=True, mtime_ns=5_000), staged(tmp_path))
    path = folder / "deep" / "er" / "run"
    assert path.read_bytes() == b"new"
    assert (path.stat().st_mode & 0o777, path.stat().st_mtime_ns) == (0o755, 5_000)
    assert known.is_executable
    placer.remove("deep/er/run")
    placer.remove("deep/er/run")
    assert not (folder / "deep").exists()
    assert folder.exists()


def test_links_on_the_way_are_never_followed(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("theirs")
    (folder / "evil").symlink_to(outside)
    (folder / "leaf").symlink_to(outside / "file")
    placer = Placer(folder)
    with pytest.raises(NotAFolderError):
        placer.put(entry("evil/file"), staged(tmp_path))
    placer.remove("evil/file")
    placer.put(entry("leaf"), staged(tmp_path))
    assert (outside / "file").read_text() == "theirs"
    assert [path.name for path in outside.iterdir()] == ["file"]
    assert not (folder / "leaf").is_symlink()
    assert placer.known("evil/file") is None
    assert placer.clear_way("evil/file") is None
    placer.put(entry("evil/file"), staged(tmp_path))
    assert (folder / "evil" / "file").read_bytes() == b"new"


def test_a_folder_with_files_is_not_replaced(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="empty"):
        Placer(folder).put(entry("art"), staged(tmp_path))
    assert (folder / "art" / "a.png").exists()
