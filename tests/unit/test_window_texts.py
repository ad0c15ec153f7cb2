"""Every text that the window shows goes through the translation; read from the code, without Qt."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
UI = ROOT / "slate_desktop" / "ui"
ADVICE = (
    "wrap the text: self.tr(“…”) in a widget, _tr(“…”) beside others, message(“…”) for a constant; "
    "fields as {name} with .format(name=…); then `make translations` (CONTRIBUTING.md)"
)
TRANSLATORS = {"tr", "_tr", "translate", "translated", "message", "plural", "sentence"}
# Calls whose texts nobody reads in the window: names of tasks and objects, faults of the program.
UNREAD = {"spawn", "ValueError", "AssertionError", "setObjectName", "mark", "add_argument"}
UNREAD |= {"ArgumentParser", "setProperty", "getattr", "fromPattern"}
# Widgets and methods that show their texts; in them, one word is a text, too.
SHOWN = {
    "setText", "setToolTip", "setWindowTitle", "setPlaceholderText", "setAccessibleName",
    "setAccessibleDescription", "setStatusTip", "setWhatsThis", "setTitle", "setPlainText",
    "addTab", "addRow", "addItem", "setHeaderLabels", "setSuffix", "setPrefix", "notify", "say",
    "setSpecialValueText", "QLabel", "QPushButton", "QCheckBox", "QGroupBox", "QRadioButton",
    "QAction", "plain_label", "wrapped_label", "ElidedLabel", "EmptyState", "Problem",
}  # fmt: skip
# Names of products and formats, examples of what is typed, and files: equal in every language.
SAME = {
    "English", "Deutsch", "Fusion", "Inter", "JetBrains Mono", "Makefile", "Dockerfile",
    "Jenkinsfile", "python3 server.py", "texture:**/ui/**, **/voice/**",
    "The quick brown fox jumps over the lazy dog", "SLATE", "slate",
}  # fmt: skip
# Not shown: notes of types, and keys between two modules.
INSIDE = {"never stored", "Question", "own options", "warm model process"}
_WORDS = re.compile(
    r"[A-Za-z]{2,} [A-Za-z]{2,}|^[A-Z][a-z]+…?$|^[a-z]{3,} ?[{]|[}] (?!min|fps|kbit)[a-z]{3,}"
)
# One word is a text where it begins like one; names of icons and keys are small.
_WORD = re.compile(r"\b[A-Z][a-z]{2,}")


def test_no_text_bypasses_the_translation() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text!r}"
        for path in sorted(UI.rglob("*.py"))
        for line, text in plain_texts(path.read_text(encoding="utf-8"))
    ]
    assert found == [], ADVICE


def test_texts_are_translated_when_they_are_shown() -> None:
    """At the top of a module, the language is not known yet."""
    found = []
    for path in sorted(UI.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        inside = {
            id(node)
            for function in ast.walk(tree)
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            for node in ast.walk(function)
        }
        found += [
            f"{path.relative_to(ROOT)}:{node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and id(node) not in inside
            and name_of(node) in TRANSLATORS - {"message"}
        ]
    assert found == [], "use message(“…”) here, and translate it where it is shown"


def test_no_value_is_put_into_a_text_before_it_is_translated() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted(UI.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and name_of(node) in {"tr", "_tr", "plural"}
        and any(isinstance(argument, ast.JoinedStr) for argument in node.args)
    ]
    assert found == [], "give the text fields, {name}, and fill them with .format(name=…)"


def test_errors_are_shown_in_the_window_s_language() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted(UI.rglob("*.py"))
        for line in bare_errors(path.read_text(encoding="utf-8"))
    ]
    assert found == [], "show sentence(str(error)), or told(error) with its hint (ui.problems)"
    code = (
        "try:\n    go()\nexcept SlateError as error:\n    say(str(error))\n    say(f'{error}!')\n"
    )
    assert bare_errors(code) == [4, 5]
    assert bare_errors(code.replace("str(error)", "sentence(str(error))")) == [5]


def bare_errors(code: str) -> list[int]:
    """Lines where an error's English words are taken for something else than its translation."""
    tree, passed = ast.parse(code), set[int]()
    for node in ast.walk(tree):
        is_call = isinstance(node, ast.Call)
        name = name_of(node) if is_call else ""
        is_log = is_call and ast.unparse(node.func).startswith("log.")
        is_told = name in {"sentence", "told"} or name.endswith("Error")
        is_own = isinstance(node, ast.FunctionDef) and node.name == "told"
        if is_log or is_told or is_own or isinstance(node, ast.Raise):
            passed |= {id(part) for part in ast.walk(node)}
    found = []
    for node in ast.walk(tree):
        value = None
        if isinstance(node, ast.FormattedValue):
            value = node.value
        elif isinstance(node, ast.Call) and name_of(node) == "str" and node.args:
            value = node.args[0]
        is_error = isinstance(value, ast.Name) and value.id in {"error", "exc"}
        if is_error and id(node) not in passed:
            found.append(node.lineno)
    return sorted(found)


def test_the_rule_finds_what_it_is_for() -> None:
    code = '''
def show(self, path):
    """A docstring is no text of the window."""
    self.setToolTip("Save")
    self.setToolTip(self.tr("Save"))
    words = f"{path} was saved"
    log.info("was saved somewhere")
    raise SettingsError(f"{path} cannot be written: {path}")
'''
    assert sorted(plain_texts(code)) == [(4, "Save"), (6, "{} was saved")]


def plain_texts(code: str) -> Iterator[tuple[int, str]]:
    tree = ast.parse(code)
    passed: set[int] = set()
    shown: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr | ast.Raise | ast.AnnAssign):
            # Docstrings; what is raised is translated where it is told; annotations.
            part = node.annotation if isinstance(node, ast.AnnAssign) else node
            is_call = isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)
            passed |= set() if is_call else {id(item) for item in ast.walk(part)}
        elif isinstance(node, ast.Call):
            name = name_of(node)
            is_log = isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "log"
            is_error = name.endswith("Error") or name in {"invalid", "limit", "crash"}
            if name in TRANSLATORS | UNREAD or is_log or is_error:
                passed |= {id(item) for item in ast.walk(node)} - {id(node)}
            elif name in SHOWN:
                shown |= {id(argument) for argument in node.args}
        elif isinstance(node, ast.Subscript | ast.BinOp) and not isinstance(
            getattr(node, "op", None), ast.Add
        ):
            passed |= {id(item) for item in ast.walk(node) if isinstance(item, ast.Constant)}
        elif isinstance(node, ast.JoinedStr):
            passed |= {id(value) for value in node.values}
    for node in ast.walk(tree):
        text = text_of(node)
        if text is None or id(node) in passed or text.strip() in SAME | INSIDE or "def " in text:
            continue
        pattern = _WORD if id(node) in shown else _WORDS
        if pattern.search(text.replace("{}", "{} ").strip()) or _WORDS.search(text):
            yield getattr(node, "lineno", 0), text


def text_of(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
        )
    return None


def name_of(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
