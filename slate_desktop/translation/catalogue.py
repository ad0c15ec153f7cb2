"""What a language says for the texts of the code, and how finished sentences are recognized."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, lru_cache

from slate_desktop.late_pattern import late_pattern

# A field of a text: a name in braces, maybe with how it is formatted. Doubled braces are braces.
FIELD = late_pattern(r"(?<!\{)\{([a-zA-Z_][a-zA-Z0-9_]*)(?::[^{}]*)?\}(?!\})")
# What a field of this name holds, so that “{count} error” says nothing of a “parse error”.
_COUNT, _NUMBER = "count", late_pattern(r"[0-9][0-9,. ]*\+?")
_MIN_LETTERS = 3
_MAX_KEPT = 2_048
# What sentences that are put together have between them.
SEPARATORS = ("\n", ". ", "; ", ": ", ", ", " · ")
Key = tuple[str, str]  # context, text


def fields_of(text: str) -> list[str]:
    """Return the names of a text's fields, in their order."""
    return FIELD.findall(text)


class Catalogue:
    """The messages of one language.

    Args:
        language: its code.
        texts: translation by context and English text.
        plurals: the forms for one and for several, by context and the English form for one. Both
            languages have these two forms; one that has others needs a rule here.
    """

    def __init__(
        self, language: str, texts: Mapping[Key, str], plurals: Mapping[Key, tuple[str, str]]
    ) -> None:
        self.language = language
        self._texts = texts
        self._plurals = plurals
        # Lists ask for the same sentences each time they are painted.
        self.sentence = lru_cache(_MAX_KEPT)(self._sentence)

    def text(self, text: str, context: str = "") -> str:
        """Return the translation, else ``text``."""
        found = self._texts.get((context, text))
        if found is None and context:
            found = self._texts.get(("", text))
        return found or text

    def find(self, text: str, context: str = "") -> str:
        """Return the translation, else an empty text."""
        return self._texts.get((context, text), "") or self._texts.get(("", text), "")

    def plural(self, one: str, many: str, count: int) -> str:
        """Return the form for ``count``, its fields still in braces."""
        forms = self._plurals.get(("", one), (one, many))
        return forms[0] if count == 1 else forms[1]

    def _sentence(self, text: str) -> str:
        """Return a finished sentence in the language; unchanged where no form fits it."""
        if not self._texts or not text.strip():
            return text
        return _Reading(self._texts, self._forms).read(text)

    @cached_property
    def _forms(self) -> dict[str, list[Form]]:
        """The texts with fields that can fit a first letter, those with the most words first."""
        found: dict[str, list[Form]] = {}
        every = [(text, to) for (context, text), to in self._texts.items() if not context and to]
        every += [
            pair
            for (_context, one), forms in self._plurals.items()
            for pair in ((one, forms[0]),)
            if all(forms)
        ]
        for text, translation in every:
            form = Form(text, translation)
            if form.names and form.weight >= _MIN_LETTERS:
                found.setdefault(form.parts[0][:1], []).append(form)
        whatever = found.pop("", [])
        merged = {letter: [*forms, *whatever] for letter, forms in found.items()}
        merged[""] = whatever
        for forms in merged.values():
            forms.sort(key=lambda form: form.weight, reverse=True)
        return merged


class _Reading:
    """Translates one finished text: as a whole, by its forms, or part by part."""

    def __init__(self, texts: Mapping[Key, str], forms: Mapping[str, list[Form]]) -> None:
        self._texts, self._forms = texts, forms
        self._known: dict[str, str | None] = {}

    def read(self, text: str) -> str:
        """Return the translation; what nobody knows stays as it is."""
        if not text.strip():
            return text
        found = self._whole(text)
        if found is None:
            found = self._by_form(text, is_clean=False)
        if found is not None:
            return found
        for separator in SEPARATORS:
            parts = text.split(separator)
            if len(parts) > 1:
                return separator.join(map(self.read, parts))
        return text

    def _whole(self, text: str) -> str | None:
        """Translate a text of which everything is known; None for any other."""
        if text not in self._known:
            self._known[text] = None  # a text is no part of itself
            self._known[text] = self._look(text)
        return self._known[text]

    def _look(self, text: str) -> str | None:
        plain = text.removesuffix(".")
        for shown in dict.fromkeys((text, plain)):
            known = self._texts.get(("", shown))
            if known:
                return known + text[len(shown) :]
        found = self._by_form(text, is_clean=True)
        if found is not None:
            return found
        for separator in SEPARATORS:
            parts = plain.split(separator)
            if len(parts) < 2:
                continue
            whole = [self._whole(part) if part.strip() else part for part in parts]
            if None not in whole:
                return separator.join(map(str, whole)) + text[len(plain) :]
        return None

    def _by_form(self, text: str, *, is_clean: bool) -> str | None:
        """Take the first form that fits; a clean one, if asked, keeps parts of texts apart."""
        forms = self._forms.get(text[:1], self._forms[""])
        if not is_clean:
            # One that begins with its own words says what the whole is about.
            forms = sorted(forms, key=lambda form: not form.parts[0])
        for form in forms:
            for shown in (text, text[:-1]) if text.endswith(".") else (text,):
                values = form.match(shown)
                if values is None or (is_clean and any(map(_has_parts, values.values()))):
                    continue
                read = {name: self.read(value) for name, value in values.items()}
                return form.fill(read) + text[len(shown) :]
        return None


def _has_parts(text: str) -> bool:
    return any(separator in text for separator in SEPARATORS)


class Form:
    """A text with fields, which finished sentences are compared with."""

    def __init__(self, text: str, translation: str) -> None:
        pieces = FIELD.split(text)
        self.parts = [piece.replace("{{", "{").replace("}}", "}") for piece in pieces[::2]]
        self.names = pieces[1::2]
        self.weight = sum(character.isalpha() for part in self.parts for character in part)
        self._translation = translation

    def match(self, text: str) -> dict[str, str] | None:
        """Return the fields' values, or None where ``text`` was not made from this form."""
        first, *middle = self.parts
        last = middle.pop()
        if not (text.startswith(first) and text.endswith(last)):
            return None
        at, end = len(first), len(text) - len(last)
        values: dict[str, str] = {}
        for name, part in zip(self.names, middle, strict=False):
            found = text.find(part, at, end)
            if found < 0:
                return None
            if values.setdefault(name, text[at:found]) != text[at:found]:
                return None
            at = found + len(part)
        if at > end:
            return None
        name = self.names[-1]
        if values.setdefault(name, text[at:end]) != text[at:end]:
            return None
        return values if _NUMBER.fullmatch(values.get(_COUNT, "0")) else None

    def fill(self, values: Mapping[str, str]) -> str:
        """Return the translation with its fields filled."""
        filled = FIELD.sub(lambda found: values.get(found[1], found[0]), self._translation)
        return filled.replace("{{", "{").replace("}}", "}")
