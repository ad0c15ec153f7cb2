"""Colours for code: Pygments' tokens, worked out in a thread and put on line by line.

A line that was just edited is coloured from its own text at once; the whole text follows a moment
later, since a comment may begin many lines above.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtGui import (
    QColor,
    QFont,
    QSyntaxHighlighter,
    QTextBlock,
    QTextBlockUserData,
    QTextCharFormat,
)
from PySide6.QtWidgets import QPlainTextEdit

from slate_desktop.ui.theme import Theme

if TYPE_CHECKING:
    from slate_desktop.ui.tokens import Tokens

_LEXERS = {
    **dict.fromkeys(("gd",), "gdscript"),
    **dict.fromkeys(("cs",), "csharp"),
    **dict.fromkeys(("c", "cc", "cpp", "cxx", "h", "hh", "hpp", "hxx", "inl", "metal"), "cpp"),
    **dict.fromkeys(
        ["glsl", "vert", "frag", "geom", "comp", "tesc", "tese", "gdshader", "gdshaderinc"], "glsl"
    ),
    **dict.fromkeys(
        ["hlsl", "hlsli", "fx", "cg", "cginc", "compute", "usf", "ush", "shader"], "hlsl"
    ),
    **dict.fromkeys(["json", "json5", "jsonc", "uproject", "asmdef", "asmref", "gltf"], "json"),
    "toml": "toml",
    **dict.fromkeys(
        [
            "yaml",
            "yml",
            "unity",
            "prefab",
            "asset",
            "meta",
            "mat",
            "controller",
            "anim",
            "mixer",
            "physicmaterial",
        ],
        "yaml",
    ),
    **dict.fromkeys(
        [
            "ini",
            "cfg",
            "conf",
            "properties",
            "tscn",
            "tres",
            "escn",
            "godot",
            "import",
            "editorconfig",
        ],
        "ini",
    ),
    **dict.fromkeys(("py", "pyi"), "python"),
    "wgsl": "wgsl",
    "lua": "lua",
    **dict.fromkeys(("js", "jsx"), "javascript"),
    **dict.fromkeys(("ts", "tsx"), "typescript"),
    **dict.fromkeys(("xml", "xaml", "csproj", "vcxproj", "props", "targets", "svg"), "xml"),
    **dict.fromkeys(("html",), "html"),
    **dict.fromkeys(("css", "scss"), "css"),
    "rs": "rust",
    "go": "go",
    **dict.fromkeys(("java", "kt", "swift"), "java"),
    **dict.fromkeys(("sh", "bash", "env"), "bash"),
    "ps1": "powershell",
    "bat": "batch",
    "cmake": "cmake",
    "md": "markdown",
    "rst": "rst",
    "sql": "sql",
}
_BY_NAME = {"Makefile": "make", "Dockerfile": "docker", "CMakeLists.txt": "cmake"}
# Longer texts are shown without colours: a thread that reads them would hold the interpreter.
_MAX_CHARS = 400_000
_MAX_LINE = 4_000
_DELAY_S = 0.15
_TURN_S = 0.004

# A run of one look: first column, length, look.
Run = tuple[int, int, str]


def lexer_name(path: Path) -> str | None:
    """Return Pygments' name of the language of a file, None for plain text."""
    return _BY_NAME.get(path.name) or _LEXERS.get(path.suffix[1:].lower())


def looks(tokens: Tokens) -> dict[str, QTextCharFormat]:
    """Return the looks of code in a theme's colours."""
    ansi = tokens.ansi
    colors = {
        "keyword": ansi[5],
        "string": ansi[2],
        "number": ansi[3],
        "comment": tokens.hex("text.faint"),
        "name": ansi[4],
        "type": ansi[6],
        "special": ansi[1],
        "operator": tokens.hex("text.muted"),
    }
    made = {}
    for look, color in colors.items():
        text_format = QTextCharFormat()
        text_format.setForeground(QColor(color))
        if look == "comment":
            text_format.setFontItalic(True)
        if look == "keyword":
            text_format.setFontWeight(QFont.Weight.DemiBold)
        made[look] = text_format
    return made


def runs_of(text: str, lexer: Any) -> list[list[Run]]:
    """Return the runs of each line."""
    lines: list[list[Run]] = [[]]
    column = 0
    for kind, value in lexer.get_tokens(text):
        look = _look_of(kind)
        for number, part in enumerate(value.split("\n")):
            if number:
                lines.append([])
                column = 0
            if part and look:
                lines[-1].append((column, _units(part), look))
            column += _units(part)
    return lines


class CodeHighlighter(QSyntaxHighlighter):
    """Colours one editor's text."""

    def __init__(self, editor: QPlainTextEdit, theme: Theme, language: str) -> None:
        super().__init__(editor.document())
        self._editor, self._theme, self._language = editor, theme, language
        self._formats = looks(theme.tokens)
        self._lexer: Any = None
        self._is_waiting = asyncio.Event()
        self._is_colouring = False
        # While a file is put in, its lines are coloured all at once, afterwards.
        self.is_paused = False
        theme.changed.connect(self._on_theme_changed)
        editor.document().contentsChanged.connect(self._on_changed)

    def resume(self) -> None:
        """Colour what was put in meanwhile."""
        self.is_paused = False
        self._is_waiting.set()

    async def run(self) -> None:
        """Colour the text, and again some time after each change, until cancelled."""
        self._lexer = await asyncio.to_thread(make_lexer, self._language)
        self._is_waiting.set()
        while True:
            await self._is_waiting.wait()
            await asyncio.sleep(_DELAY_S)
            self._is_waiting.clear()
            document = self._editor.document()
            if document.characterCount() > _MAX_CHARS:
                continue
            text, revision = self._editor.toPlainText(), document.revision()
            lines = await asyncio.to_thread(runs_of, text, self._lexer)
            await self._put_on(lines, revision)

    async def _put_on(self, lines: list[list[Run]], revision: int) -> None:
        document = self._editor.document()
        block, begin = document.begin(), time.perf_counter()
        for runs in lines:
            if not block.isValid() or document.revision() != revision:
                return
            known = block.userData()
            if not isinstance(known, _LineRuns) or known.runs != runs or known.is_guess:
                block.setUserData(_LineRuns(block.text(), runs))
                self._colour(block)
                # Colours count as a revision too.
                revision = document.revision()
            block = block.next()
            if time.perf_counter() - begin > _TURN_S:
                await asyncio.sleep(0)
                begin = time.perf_counter()

    def highlightBlock(self, text: str) -> None:
        """Put the known runs on a line, or guess from the line alone."""
        known = self.currentBlockUserData()
        if not isinstance(known, _LineRuns) or known.text != text:
            if self.is_paused or self._lexer is None or len(text) > _MAX_LINE:
                return
            known = _LineRuns(text, runs_of(text, self._lexer)[0], is_guess=True)
            self.setCurrentBlockUserData(known)
        for start, length, look in known.runs:
            self.setFormat(start, length, self._formats[look])

    def _colour(self, block: QTextBlock) -> None:
        self._is_colouring = True
        try:
            self.rehighlightBlock(block)
        finally:
            self._is_colouring = False

    def _on_changed(self) -> None:
        if not self._is_colouring:
            self._is_waiting.set()

    def _on_theme_changed(self) -> None:
        self._formats = looks(self._theme.tokens)
        self.rehighlight()


class _LineRuns(QTextBlockUserData):
    def __init__(self, text: str, runs: list[Run], *, is_guess: bool = False) -> None:
        super().__init__()
        self.text, self.runs, self.is_guess = text, runs, is_guess


def make_lexer(language: str) -> Any:
    """Import and make a lexer; slow, plain code for a thread."""
    from pygments.lexers import get_lexer_by_name

    return get_lexer_by_name(language, stripnl=False, ensurenl=False, stripall=False)


def _units(text: str) -> int:
    """Count as Qt does, in UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _look_of(kind: Any) -> str:
    from pygments.token import Comment, Keyword, Name, Number, Operator, String

    for token, look in (
        (Comment.Preproc, "special"),
        (Comment, "comment"),
        (Keyword.Type, "type"),
        (Keyword, "keyword"),
        (Number, "number"),
        (String, "string"),
        (Name.Function, "name"),
        (Name.Class, "type"),
        (Name.Builtin, "type"),
        (Name.Decorator, "special"),
        (Name.Tag, "name"),
        (Name.Attribute, "type"),
        (Operator.Word, "keyword"),
        (Operator, "operator"),
    ):
        if kind in token:
            return look
    return ""
