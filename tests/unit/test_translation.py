"""Catalogues: that they are whole and up to date, and how finished sentences are found."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slate_desktop import translation
from slate_desktop.translation import po
from slate_desktop.translation.catalogue import Catalogue, Form, fields_of

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "resources" / "translations"
ADVICE = "run `make translations`, then translate what is empty or fuzzy in resources/translations"


def tool_module() -> ModuleType:
    path = ROOT / "packaging" / "translations.py"
    spec = importlib.util.spec_from_file_location("slate_translations", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TOOL = tool_module()


@pytest.fixture
def german() -> Iterator[Catalogue]:
    texts = {
        ("", "running"): "läuft",
        ("", "Open"): "Öffnen",
        ("a state", "Open"): "Offen",
        ("", "The session is {state}."): "Zustand der Sitzung: {state}.",
        ("", "the port {port} of {host} is in use"): "auf {host} ist der Port {port} belegt",
        ("", "the port {port} of {host} is in use twice"): "{host} hat den Port {port} doppelt",
        ("", "Use {{braces}}, {name}."): "{name}, verwenden Sie {{Klammern}}.",
        ("", "It did not work: {reason}"): "Es ging nicht: {reason}",
    }
    catalogue = Catalogue("de", texts, {("", "{count} file"): ("{count} Datei", "{count} Dateien")})
    translation.use(catalogue)
    yield catalogue
    translation.use(None)


@pytest.mark.parametrize("language", TOOL.LANGUAGES)
def test_a_catalogue_is_up_to_date_and_whole(language: str) -> None:
    written = (FOLDER / f"{language}.po").read_text(encoding="utf-8")
    entries = TOOL.merged(TOOL.messages(), po.read(written))
    assert TOOL.problems(entries) == [], ADVICE
    assert po.write(entries, language) == written, ADVICE


@pytest.mark.parametrize("language", TOOL.LANGUAGES)
def test_the_fast_way_to_read_a_catalogue_finds_the_same(language: str, tmp_path: Path) -> None:
    path = FOLDER / f"{language}.po"
    loaded = po.load(path, language)
    entries = po.read(path.read_text(encoding="utf-8"))
    assert len(entries) > 1_000
    for entry in entries:
        if entry.many:
            assert loaded.plural(entry.text, entry.many, 1) == entry.strings[0]
            assert loaded.plural(entry.text, entry.many, 2) == entry.strings[1]
        else:
            assert loaded.find(entry.text, entry.context) == entry.strings[0]


def test_a_catalogue_of_another_program_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "de.po"
    path.write_text(
        'msgid ""\nmsgstr ""\n"Language: de\\n"\n"A: b\\n"\n"C: d\\n"\n"E: f\\n"\n"G: h\\n"\n\n'
        '#. a note\n#: a.py:1\nmsgid ""\n"one "\n"\\"two\\""\nmsgstr ""\n"eins "\n"\\"zwei\\""\n\n'
        '#: a.py\n#, fuzzy\nmsgid "three"\nmsgstr "drei"\n\n'
        '#: a.py\nmsgctxt "a state"\nmsgid "open"\nmsgstr "offen"\n\n'
        '#: a.py\nmsgid "four"\nmsgstr ""\n\n#~ msgid "gone"\n#~ msgstr "weg"\n',
        encoding="utf-8",
    )
    loaded = po.load(path, "de")
    assert loaded.text('one "two"') == 'eins "zwei"'
    assert loaded.text("open", "a state") == "offen"
    for text in ("three", "four", "gone", "open"):
        assert loaded.text(text) == text


def test_without_a_catalogue_everything_is_english() -> None:
    assert translation.language() == "en"
    assert translation.translate("Open") == "Open"
    assert translation.sentence("The session is running.") == "The session is running."
    assert translation.plural("{count} file", "{count} files", 1) == "1 file"
    assert translation.plural("{count} file", "{count} files", 0) == "0 files"


def test_texts_contexts_and_plurals(german: Catalogue) -> None:
    assert translation.language() == "de"
    assert translation.translate("Open") == "Öffnen"
    assert translation.translate("Open", "a state") == "Offen"
    assert translation.translate("Open", "another context") == "Öffnen"
    assert translation.translate("Unknown") == "Unknown"
    assert translation.plural("{count} file", "{count} files", 1) == "1 Datei"
    assert translation.plural("{count} file", "{count} files", 3) == "3 Dateien"


@pytest.mark.parametrize(
    ("english", "german_text"),
    [
        ("running", "läuft"),
        ("The session is running.", "Zustand der Sitzung: läuft."),
        ("The session is dancing.", "Zustand der Sitzung: dancing."),
        ("the port 80 of a of b is in use", "auf a of b ist der Port 80 belegt"),
        ("the port 80 of a is in use twice", "a hat den Port 80 doppelt"),
        ("Use {braces}, Ada.", "Ada, verwenden Sie {Klammern}."),
        (
            "It did not work: the port 1 of h is in use",
            "Es ging nicht: auf h ist der Port 1 belegt",
        ),
        ("running\nsomething else", "läuft\nsomething else"),
        ("2,040 file", "2,040 Datei"),
        ("No such file", "No such file"),
        ("Nobody wrote this sentence.", "Nobody wrote this sentence."),
        ("", ""),
    ],
)
def test_finished_sentences_are_recognized(
    german: Catalogue, english: str, german_text: str
) -> None:
    assert translation.sentence(english) == german_text


def test_what_was_filled_in_is_never_taken_for_a_field(german: Catalogue) -> None:
    assert translation.sentence("The session is {state}.") == "Zustand der Sitzung: {state}."
    assert translation.sentence("Use {braces}, {name} {0}.").startswith("{name} {0}, verwenden")


@given(st.text(max_size=12), st.text(max_size=12))
def test_a_form_finds_itself(one: str, two: str) -> None:
    form = Form("Between {one} and {two} lies nothing.", "{two}|{one}")
    text = f"Between {one} and {two} lies nothing."
    values = form.match(text)
    assert values is not None
    assert "Between {one} and {two} lies nothing.".format(**values) == text


def test_texts_of_the_code_are_found() -> None:
    code = """
def f(self, name, is_on, error):
    self.tr("Stop {name}")
    _tr("On" if is_on else "Off")
    self.tr("Open", "a state")
    QCoreApplication.translate("Settings", "Shown")
    text.translate(TABLE)
    plural("{count} file", "{count} files", 2)
    log.info("never shown to anyone")
    raise SettingsError(f"The file {self.path.name} has {len(rows):,} rows {{}}.", hint="Do it.")

def g(code):
    raise ValueError("a fault of the program itself")
"""
    found = [(entry.context, entry.text, entry.many) for entry in TOOL.messages_of(code)]
    assert found == [
        ("", "Stop {name}", ""),
        ("", "On", ""),
        ("", "Off", ""),
        ("a state", "Open", ""),
        ("", "Shown", ""),
        ("", "{count} file", "{count} files"),
        ("", "The file {name} has {rows} rows {{}}.", ""),
        ("", "Do it.", ""),
    ]


def test_a_changed_text_keeps_its_translation_as_a_proposal() -> None:
    old = [po.Entry("The session is gone now.", strings=["Die Sitzung ist weg."], places=["a.py"])]
    new = [po.Entry("The session is gone.", places=["a.py"]), po.Entry("Other", places=["a.py"])]
    changed, other = TOOL.merged(new, old)
    assert changed.is_fuzzy
    assert changed.strings == ["Die Sitzung ist weg."]
    assert not other.strings
    assert [text.split(": ", 2)[2] for text in TOOL.problems([changed, other])] == [
        "fuzzy: look at the translation, then take “#, fuzzy” away",
        "not translated",
    ]


@pytest.mark.parametrize(
    ("text", "string", "is_right"),
    [
        ("Stop {name}", "{name} stoppen", True),
        ("Stop {name}", "Stoppen", False),
        ("Stop {name}", "{nam} stoppen", False),
        ("&Stop", "S&toppen", True),
        ("&Stop", "Stoppen", False),
        ("Stop…", "Stoppen…", True),
        ("Stop…", "Stoppen", False),
        (" s", " s", True),
        (" s", "s", False),
    ],
)
def test_translations_are_compared_with_their_texts(text: str, string: str, is_right: bool) -> None:
    entry = po.Entry(text, strings=[string], places=["a.py"])
    assert (TOOL.problems([entry]) == []) is is_right


def test_fields_are_names_in_braces() -> None:
    assert fields_of("{a} and {b:,}, {{no}} {} {a}") == ["a", "b", "a"]
