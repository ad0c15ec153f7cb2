"""Which document opens a path: a table from suffix to kind, and from kind to its class.

Classes are imported when the first file of their kind is opened.
"""

from __future__ import annotations

import asyncio
import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from slate_desktop.domain.assets.kinds import kind_of

if TYPE_CHECKING:
    from slate_desktop.ui.documents.document import Document, DocumentContext

_CODE = [
    "gd",
    "cs",
    "c",
    "cc",
    "cpp",
    "cxx",
    "h",
    "hh",
    "hpp",
    "hxx",
    "inl",
    "py",
    "pyi",
    "js",
    "ts",
    "jsx",
    "tsx",
    "lua",
    "rs",
    "go",
    "java",
    "kt",
    "swift",
    "sh",
    "bash",
    "ps1",
    "bat",
    "cmake",
    "shader",
    "gdshader",
    "gdshaderinc",
    "glsl",
    "vert",
    "frag",
    "geom",
    "comp",
    "tesc",
    "tese",
    "hlsl",
    "hlsli",
    "fx",
    "cg",
    "cginc",
    "compute",
    "usf",
    "ush",
    "metal",
    "wgsl",
    "sql",
    "html",
    "css",
    "scss",
    "xml",
    "xaml",
]
_TEXT = [
    "txt",
    "md",
    "rst",
    "json",
    "json5",
    "jsonc",
    "toml",
    "yaml",
    "yml",
    "ini",
    "cfg",
    "conf",
    "properties",
    "tscn",
    "tres",
    "godot",
    "import",
    "escn",
    "scn.txt",
    "mat",
    "unity",
    "prefab",
    "asset",
    "meta",
    "controller",
    "anim",
    "mixer",
    "physicmaterial",
    "asmdef",
    "asmref",
    "uproject",
    "uplugin",
    "uasset.txt",
    "mtl",
    "csv",
    "tsv",
    "log",
    "gitignore",
    "gitattributes",
    "editorconfig",
    "env",
    "lock",
    "csproj",
    "sln",
    "vcxproj",
    "props",
    "targets",
    "po",
    "pot",
    "srt",
]
_FONT = ["ttf", "otf", "ttc", "woff", "woff2"]
_VIDEO = ["mp4", "m4v", "mov", "mkv", "webm", "avi", "ogv", "mpg", "mpeg", "wmv", "flv"]
_NAMES = {"Makefile", "Dockerfile", "LICENSE", "README", "CMakeLists.txt", "Jenkinsfile"}

_CLASSES: dict[str, tuple[str, str]] = {
    "texture": ("texture_document", "TextureDocument"),
    "model": ("model_document", "ModelDocument"),
    "audio": ("audio_document", "AudioDocument"),
    "font": ("font_document", "FontDocument"),
    "video": ("video_document", "VideoDocument"),
    "text": ("text_document", "TextDocument"),
    "hex": ("hex_document", "HexDocument"),
}
# Plain code, which a thread reads while the window answers; then widgets, small ones first.
_PLAIN = (
    "numpy",
    "slate_desktop.pipeline.preview.shading",
    "slate_desktop.pipeline.preview.model_worker",
    "slate_desktop.pipeline.sandbox.parent",
)
_PARTS = (
    *("facts", "texture.levels", "texture.view", "texture.controls", "texture.compare"),
    *("texture_document", "audio.player", "audio.wave_view", "audio.compare", "audio_document"),
    *("model.camera", "model.worker", "model.view", "model.controls", "model.uv_view"),
    *("model.variants", "model_document", "hex_document", "font_document", "video_document"),
    *("find_bar", "highlight", "editor", "text_document"),
)
_SAMPLES = ("sample.png", "sample.wav", "sample.glb", "sample.bin", "sample.ttf", "sample.txt")
_PAUSE_S = 0.03
_ICONS = {
    "texture": "file-image",
    "model": "box",
    "audio": "file-audio",
    "font": "type",
    "video": "film",
    "hex": "file",
}


def document_kind(path: Path) -> str:
    """Return ``texture``, ``model``, ``audio``, ``text``, ``font``, ``video`` or ``hex``."""
    suffix = path.suffix[1:].lower()
    asset = kind_of(path)
    if asset is not None and asset.value in _CLASSES:
        return asset.value
    if suffix in _CODE or suffix in _TEXT or path.name in _NAMES:
        return "text"
    if not suffix and path.name.startswith("."):
        return "text"
    kind = "font" if suffix in _FONT else "video" if suffix in _VIDEO else "hex"
    return kind if kind in _CLASSES else "hex"


def icon_for(path: Path) -> str:
    """Return the icon of a file's tab."""
    kind = document_kind(path)
    if kind == "text":
        return "file-code" if path.suffix[1:].lower() in _CODE else "file-text"
    return _ICONS[kind]


def make_document(path: Path, context: DocumentContext) -> Document:
    """Make the document that opens ``path``."""
    module, name = _CLASSES[document_kind(path)]
    package = importlib.import_module(f"slate_desktop.ui.documents.{module}")
    return getattr(package, name)(path, context)


async def preload(context: DocumentContext) -> None:
    """Import what documents need, a little in each turn, before somebody waits for it.

    Then one of each kind is made for no file: classes of Qt, icons and fonts are slow the first
    time that they are used.
    """
    await asyncio.to_thread(lambda: [importlib.import_module(name) for name in _PLAIN])
    for name in _PARTS:
        await asyncio.sleep(_PAUSE_S)
        importlib.import_module(f"slate_desktop.ui.documents.{name}")
    for name in _SAMPLES:
        await asyncio.sleep(_PAUSE_S)
        document = make_document(Path(name), context)
        try:
            await document.make_all()
            await document.aclose()
        finally:
            document.deleteLater()
