"""``make translations``: brings the catalogues up to date with the code.

Finds every text that the window can show and writes ``resources/translations/<language>.po``: new
messages come in empty or, where a similar one went, with its translation marked fuzzy; messages
that nobody uses any more go. With ``--check`` nothing is written; the exit code is 1 where
something is to be done.

What counts as a message:

- ``tr("…")``, ``_tr("…")``, ``translate("…")`` and ``message("…")``, with an optional word for the
  context; ``plural("one", "many", n)``;
- sentences in what is raised, and in keywords such as ``hint=``, f-strings too, whose values are
  fields; in rooms that explain (``_TOLD``) every sentence, in others that of ``message(f"…")``;
- names of the options of assets; titles and descriptions of settings, and of the presets in
  ``resources/presets``; reasons and notes of the engines in ``resources/engines``.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import difflib
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from slate_desktop import errors  # noqa: E402
from slate_desktop.domain.assets.kinds import AssetKind  # noqa: E402
from slate_desktop.domain.assets.options import options_to_json, parse_options  # noqa: E402
from slate_desktop.translation import po  # noqa: E402
from slate_desktop.translation.catalogue import fields_of  # noqa: E402
from slate_desktop.translation.po import Entry  # noqa: E402

FOLDER = ROOT / "resources" / "translations"
LANGUAGES = ("de",)
_TRANSLATORS = frozenset({"tr", "_tr", "translate", "translated", "message"})
_ERRORS = frozenset(name for name, kind in vars(errors).items() if isinstance(kind, type))
# What a bug raises, no person reads as a sentence.
_BUGS = frozenset(name for name, kind in vars(builtins).items() if isinstance(kind, type)) | {
    "BadParameter",
    "ValidationError",
}
# Calls whose texts are names of tasks, patterns or queries.
_UNREAD = frozenset({"spawn", "compile", "execute", "executescript", "fetch", "print"})
# A text of a table, a pattern, a query, a header or a type is none.
_SENTENCE = re.compile(
    r"^(?!create |insert |select |update results |delete from |property |element |format |comment "
    r"|ply|[a-zA-Z.]+[(|\\[]"
    r"|[:<()\\#^\n.]|\[[^b]|\w+/).*[a-z]",
    re.DOTALL,
)
# Keywords whose texts people read.
_SAID = frozenset({"hint", "words", "detail", "reason", "why"})
# Keys of an engine's file whose texts people read.
_ENGINE_WORDS = frozenset({"note", "host_reason", "capability_reason"})
# Rooms that the window shows nothing of.
_SKIPPED = ("cli", "server", "log", "translation")
# Rooms that make sentences for others to show: in them every sentence counts.
_TOLD = ("control", "diagnosis", "domain", "pipeline")
# Modules whose texts only the command line and support bundles show, or tests alone.
_SILENT = frozenset(
    f"slate_desktop/{name}.py"
    for name in (
        "agent/drivers/scripted",
        "agent/drivers/scripted_engine",
        "diagnosis/engines",
        "diagnosis/machine",
        "control/events",
        "control/stored_log",
        "control/history",
        "control/live",
        "control/scope",
        "control/sync_watch",
        "control/tree_nodes",
        "control/tree_watch",
        "diagnosis/server",
        "domain/builds/progress",
        "domain/levels",
        "pipeline/sandbox/drill",
        "pipeline/sandbox/forked",
        "pipeline/texture/bc6h",
        "diagnosis/services",
    )
)
_SIMILAR = 0.75


def main() -> int:
    """Update or check all catalogues."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing, only tell")
    parser.add_argument("--todo", action="store_true", help="list what is to be translated")
    options = parser.parse_args()
    found, is_done = messages(), True
    for language in LANGUAGES:
        path = FOLDER / f"{language}.po"
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        entries = merged(found, po.read(old))
        new = po.write(entries, language)
        if not options.check and new != old:
            path.write_text(new, encoding="utf-8")
        open_ones = [entry for entry in entries if not entry.is_done]
        print(f"{path.relative_to(ROOT)}: {len(entries)} messages, {len(open_ones)} to translate")
        if options.todo:
            print("\n".join(f"  {entry.places[0]}: {entry.text!r}" for entry in open_ones))
        is_done = is_done and not open_ones and (new == old or not options.check)
    return 0 if is_done or not options.check else 1


def messages() -> list[Entry]:
    """Return every message of the code, in the order of files and lines."""
    found: dict[tuple[str, str], Entry] = {}
    for path in sorted((ROOT / "slate_desktop").rglob("*.py")):
        room = path.relative_to(ROOT / "slate_desktop").parts[0]
        if room not in _SKIPPED and path.relative_to(ROOT).as_posix() not in _SILENT:
            code = path.read_text(encoding="utf-8")
            _add(found, path, messages_of(code, has_all=room in _TOLD))
    for path in sorted((ROOT / "resources" / "presets").glob("*.toml")):
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        _add(found, path, [Entry(data[key]) for key in ("title", "description") if data.get(key)])
    for path in sorted((ROOT / "resources" / "engines").glob("*.toml")):
        _add(found, path, map(Entry, _told(tomllib.loads(path.read_text(encoding="utf-8")))))
    kinds = ROOT / "slate_desktop" / "domain" / "assets" / "kinds.py"
    names = (name for kind in AssetKind for name in options_to_json(parse_options(kind, {})))
    _add(found, kinds, [Entry(name.replace("_", " ")) for name in dict.fromkeys(names)])
    return list(found.values())


def _told(data: object) -> Iterator[str]:
    """Return what an engine's file tells people, wherever it stands in it."""
    if isinstance(data, list):
        for value in data:
            yield from _told(value)
    elif isinstance(data, dict):
        for key, value in data.items():
            if key in _ENGINE_WORDS and isinstance(value, str) and value:
                yield value
            else:
                yield from _told(value)


def _add(found: dict[tuple[str, str], Entry], path: Path, entries: Iterable[Entry]) -> None:
    place = path.relative_to(ROOT).as_posix()
    for entry in entries:
        known = found.setdefault(entry.key, entry)
        known.many = known.many or entry.many
        if place not in known.places:
            known.places.append(place)


def messages_of(code: str, *, has_all: bool = False) -> list[Entry]:
    """Return the messages of a module; with ``has_all`` every sentence that no developer reads."""
    found: list[tuple[int, int, Entry]] = []
    tree = ast.parse(code)
    raised = {id(node.exc) for node in ast.walk(tree) if isinstance(node, ast.Raise)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            entries = _of_call(node, is_raised=id(node) in raised)
            found += [(node.lineno, node.col_offset, entry) for entry in entries]
    known = {entry.text for _line, _column, entry in found}
    if has_all:
        passed = _unread(tree)
        for node in ast.walk(tree):
            if id(node) in passed or not isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp):
                continue
            texts = texts_of(node)
            if texts:
                passed |= {id(part) for part in ast.walk(node)}
            found += [
                (node.lineno, node.col_offset, Entry(text))
                for text in texts
                if text not in known and _is_sentence(text) and _SENTENCE.search(text)
            ]
    return [entry for _line, _column, entry in sorted(found, key=lambda item: item[:2])]


def _unread(tree: ast.Module) -> set[int]:
    """Return the nodes of texts that nobody reads in the window: docstrings, logs, types, bugs."""
    passed: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            passed.add(id(node.value))
        elif isinstance(node, ast.AnnAssign | ast.arg) and node.annotation is not None:
            passed |= {id(part) for part in ast.walk(node.annotation)}
        elif isinstance(node, ast.Call):
            name = _name(node)
            is_log = ast.unparse(node.func).startswith(("log.", "logger.", "logging."))
            if is_log or name in _UNREAD or name in _BUGS:
                passed |= {id(part) for part in ast.walk(node)}
        elif isinstance(node, ast.JoinedStr):
            passed |= {id(part) for part in node.values if isinstance(part, ast.Constant)}
    return passed


def _of_call(node: ast.Call, *, is_raised: bool) -> Iterator[Entry]:
    name = _name(node)
    if name in ("translate", "translated") and isinstance(node.func, ast.Attribute):
        # Of Qt: QCoreApplication.translate("context of Qt", "text"); of a str or a rectangle.
        if ast.unparse(node.func) == "QCoreApplication.translate":
            yield from (Entry(text) for text in texts_of(node.args[1]) if text)
    elif name in _TRANSLATORS and node.args:
        context = next((text for argument in node.args[1:2] for text in texts_of(argument)), "")
        yield from (Entry(text, context) for text in texts_of(node.args[0]) if text)
    elif name == "plural":
        yield Entry(_constant(node.args[0]), many=_constant(node.args[1]))
    elif name == "_said":
        texts = [text for argument in node.args for text in texts_of(argument)]
        yield from (Entry(text) for text in texts if text)
    else:
        if name in _ERRORS or (is_raised and name not in _BUGS):
            for argument in node.args:
                yield from (Entry(text) for text in texts_of(argument) if _is_sentence(text))
        for keyword in node.keywords:
            if keyword.arg in _SAID:
                yield from (Entry(text) for text in texts_of(keyword.value) if text)


def _name(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def texts_of(node: ast.expr) -> list[str]:
    """Return the texts that an expression can be, the values in f-strings as fields."""
    if isinstance(node, ast.IfExp):
        return [*texts_of(node.body), *texts_of(node.orelse)]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr | ast.BinOp):
        parts = list(_parts(node))
        if not any(isinstance(part, str) for part in parts):
            return []
        taken: list[str] = []
        return ["".join(p if isinstance(p, str) else _field(p, taken) for p in parts)]
    return []


def _parts(node: ast.expr) -> Iterator[str | ast.expr]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value.replace("{", "{{").replace("}", "}}")
    elif isinstance(node, ast.JoinedStr):
        for value in node.values:
            yield from _parts(value)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        yield from _parts(node.left)
        yield from _parts(node.right)
    else:
        yield node.value if isinstance(node, ast.FormattedValue) else node


def _field(node: ast.expr, taken: list[str]) -> str:
    """Name a value after the last name in its expression; equal names are numbered."""
    inner = node.args if isinstance(node, ast.Call) and node.args else [node]
    names = [
        part.attr if isinstance(part, ast.Attribute) else part.id
        for expression in inner
        for part in ast.walk(expression)
        if isinstance(part, ast.Attribute | ast.Name)
    ]
    name = names[0].strip("_") if names else "value"
    taken.append(name)
    count = taken.count(name)
    return f"{{{name}{count if count > 1 else ''}}}"


def _is_sentence(text: str) -> bool:
    plain = "".join(text.split("{")[0:1] + [part.partition("}")[2] for part in text.split("{")[1:]])
    return " " in plain.strip() and sum(letter.isalpha() for letter in plain) > 5


def _constant(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise SystemExit(f"line {node.lineno}: plural takes two texts as they are, and no expressions")


def merged(found: Iterable[Entry], old: Iterable[Entry]) -> list[Entry]:
    """Return the messages with the translations that a catalogue has for them."""
    known = {entry.key: entry for entry in old}
    entries = [Entry(e.text, e.context, e.many, places=e.places) for e in found]
    gone = dict(known)
    for entry in entries:
        before = known.get(entry.key)
        gone.pop(entry.key, None)
        if before is not None and bool(before.many) == bool(entry.many):
            entry.strings, entry.is_fuzzy = before.strings, before.is_fuzzy
    for entry in entries:
        if entry.strings or not gone:
            continue
        texts = {text: key for key in gone for text in [key[1]]}
        similar = difflib.get_close_matches(entry.text, texts, 1, _SIMILAR)
        if similar and bool(gone[texts[similar[0]]].many) == bool(entry.many):
            entry.strings = gone[texts[similar[0]]].strings
            entry.is_fuzzy = any(entry.strings)
    return entries


def problems(entries: Iterable[Entry]) -> list[str]:
    """Return what is wrong with translations: missing, fuzzy, other fields, dots or mnemonics."""
    return [f"{e.places[0]}: {e.text!r}: {why}" for e in entries if (why := _problem(e))]


def _problem(entry: Entry) -> str:
    if entry.is_fuzzy:
        return "fuzzy: look at the translation, then take “#, fuzzy” away"
    if not entry.is_done:
        return "not translated"
    for source, string in zip((entry.text, entry.many), entry.strings, strict=False):
        if sorted(set(fields_of(source))) != sorted(set(fields_of(string))):
            return f"its fields are {fields_of(source)}, the translation has {fields_of(string)}"
        if source.endswith("…") != string.endswith("…"):
            return "the dots at the end differ"
        if (source[:1] == " ") != (string[:1] == " ") or (source[-1:] == " ") != (
            string[-1:] == " "
        ):
            return "spaces at the ends differ"
        if ("&" in source.replace("&&", "")) != ("&" in string.replace("&&", "")):
            return "one of them has a mnemonic (&), the other one none"
    return ""


if __name__ == "__main__":
    sys.exit(main())
