"""How the options of every kind are read: names, numbers and choices, or a refusal by name."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import TypeVar

from slate_desktop.domain.fields import bad, error, number, shown

_CASE_CHANGE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_Choice = TypeVar("_Choice", bound=StrEnum)


def read_names(data: object, known: Collection[str]) -> dict[str, object]:
    """Return options by their snake_case names; the original system's camelCase is read too.

    ``None`` means "not given", as the command line and JSON clients have it.

    Raises:
        CommandError: ``bad_request``: no object, a name that is not ``known``, or one given twice.
    """
    if not isinstance(data, Mapping):
        bad("options", "options must be an object")
    result: dict[str, object] = {}
    for key, value in data.items():
        name = option_name(key)
        if name not in known:
            names = ", ".join(sorted(known))
            bad(shown(key), f"There is no option {shown(key)!r}; there are {names}.")
        if name in result:
            bad(name, f"The option {name} is given twice")
        result[name] = value
    return {name: value for name, value in result.items() if value is not None}


def option_name(key: object) -> str:
    """Return an option's snake_case name, however a client wrote it; empty for what is no text."""
    return _CASE_CHANGE.sub("_", key).lower() if isinstance(key, str) else ""


def read_whole(value: object, field: str, least: int, most: int, unit: str = "") -> int:
    """Return a whole number within its limits, both included.

    Raises:
        CommandError: ``bad_request`` naming the field.
    """
    if type(value) is not int or not least <= value <= most:
        bad(field, f"{field} must be a whole number from {least} to {most}{unit and ' ' + unit}")
    return value


def read_real(value: object, field: str, least: float, most: float, unit: str = "") -> float:
    """Return a finite number within its limits, both included.

    Raises:
        CommandError: ``bad_request`` naming the field.
    """
    result = number(value, field)
    if not least <= result <= most:
        bad(field, f"{field} must be a number from {least:g} to {most:g}{unit and ' ' + unit}")
    return result


def read_choice(value: object, field: str, choices: type[_Choice]) -> _Choice:
    """Return a choice by its name.

    Raises:
        CommandError: ``bad_request`` naming the field and what it may be.
    """
    if isinstance(value, str):
        for choice in choices:
            if choice.value == value.lower():
                return choice
    names = ", ".join(choice.value for choice in choices)
    raise error(field, f"{field} must be one of {names}")
