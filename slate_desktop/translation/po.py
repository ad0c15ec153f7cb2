"""Reading and writing catalogues: gettext's ``.po``, which every translator's tool can edit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from slate_desktop.translation.catalogue import Catalogue

_STRING = r'"(?:[^"\\]|\\.)*"'
# A keyword with its strings, which may go on over lines; or a comment.
_ITEM = re.compile(
    rf"^(?:(#[,.:|~]?) ?(.*)|(msgctxt|msgid_plural|msgid|msgstr(?:\[\d\])?)\s+"
    rf"({_STRING}(?:\s*\n{_STRING})*))$",
    re.MULTILINE,
)
_PART = re.compile(_STRING)
_HEAD_LINES = 5  # that begin with a quotation mark
# An entry as ``write`` writes it: each string in one line.
_PLAIN = re.compile(
    r'^(#, .*\n)?(?:msgctxt "(.*)"\n)?msgid "(.+)"\n'
    r'(?:msgstr "(.+)"|msgid_plural ".*"\nmsgstr\[0\] "(.+)"\nmsgstr\[1\] "(.+)")$',
    re.MULTILINE,
)


@dataclass
class Entry:
    """A message with its translation.

    Attributes:
        text: the English text, for one where there are two forms.
        many: the English text for several, or an empty text.
        strings: the translation; two where there are two forms.
        places: files that have the message.
        is_fuzzy: the translation was taken from a similar message and nobody looked at it.
    """

    text: str
    context: str = ""
    many: str = ""
    strings: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    is_fuzzy: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Context and text."""
        return self.context, self.text

    @property
    def is_done(self) -> bool:
        """Whether every form is translated, and looked at."""
        forms = 2 if self.many else 1
        return len(self.strings) == forms and all(self.strings) and not self.is_fuzzy


def load(path: Path, language: str) -> Catalogue:
    """Read a catalogue for use: what is fuzzy or not translated stays English."""
    text = path.read_text(encoding="utf-8")
    texts: dict[tuple[str, str], str] = {}
    plurals: dict[tuple[str, str], tuple[str, str]] = {}
    if text.count('\n"') > _HEAD_LINES:
        # Another program wrote it, which breaks lines. Ours is read several times as fast.
        text = write(read(text), language)
    for flags, context, source, string, one, many in _PLAIN.findall(text):
        if "fuzzy" in flags:
            continue
        key = (_plain(context), _plain(source))
        if string:
            texts[key] = _plain(string)
        else:
            plurals[key] = (_plain(one), _plain(many))
    return Catalogue(language, texts, plurals)


def read(text: str) -> list[Entry]:
    """Return the entries of a ``.po`` file without its head; obsolete ones are left out."""
    entries: list[Entry] = []
    entry = Entry("")
    has_strings = True
    for sign, comment, keyword, strings in _ITEM.findall(text):
        if has_strings and not keyword.startswith("msgstr"):
            entry, has_strings = Entry(""), False
            entries.append(entry)
        if not keyword:
            if sign == "#:":
                entry.places += comment.split()
            elif sign == "#,":
                entry.is_fuzzy = "fuzzy" in comment
            continue
        value = _joined(strings)
        if keyword == "msgctxt":
            entry.context = value
        elif keyword == "msgid":
            entry.text = value
        elif keyword == "msgid_plural":
            entry.many = value
        else:
            entry.strings.append(value)
            has_strings = True
    return [entry for entry in entries if entry.text]


def write(entries: Iterable[Entry], language: str) -> str:
    """Return entries as a ``.po`` file: each string in one line, so that changes merge well."""
    head = (
        f"# SLATE in {language}. `make translations` keeps it up to date.\n"
        'msgid ""\nmsgstr ""\n'
        f'"Language: {language}\\n"\n'
        '"MIME-Version: 1.0\\n"\n'
        '"Content-Type: text/plain; charset=UTF-8\\n"\n'
        '"Content-Transfer-Encoding: 8bit\\n"\n'
        '"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n'
    )
    return head + "".join(f"\n{_entry(entry)}" for entry in entries)


def _entry(entry: Entry) -> str:
    lines = [f"#: {place}" for place in entry.places]
    if entry.is_fuzzy:
        lines.append("#, fuzzy")
    if entry.context:
        lines.append(f"msgctxt {_quoted(entry.context)}")
    lines.append(f"msgid {_quoted(entry.text)}")
    if entry.many:
        lines.append(f"msgid_plural {_quoted(entry.many)}")
        forms = [*entry.strings, "", ""][:2]
        lines += [f"msgstr[{n}] {_quoted(form)}" for n, form in enumerate(forms)]
    else:
        lines.append(f"msgstr {_quoted((entry.strings or [''])[0])}")
    return "\n".join(lines) + "\n"


def _plain(inner: str) -> str:
    return json.loads(f'"{inner}"') if "\\" in inner else inner


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _joined(strings: str) -> str:
    if "\n" not in strings:
        return json.loads(strings) if "\\" in strings else strings[1:-1]
    return "".join(json.loads(part) for part in _PART.findall(strings))
