"""Makes the enumerations of Qt in a tenth of the time, with Python's own classes as the result.

PySide makes all enumerations of a class when it is first used, by the functional interface of
``enum``: 200 with 4,000 members until the window can be used. Python makes each member there by
taking its value out of the class, asking all bases for its name and putting it back, and each class
by a dozen changes to it, 8 µs a member and 40 µs a class. Here one class without members is made by
Python for each kind; the others are that one with members in it.

WORKAROUND(PySide6 6.11, Python 3.11 to 3.13): can go when PySide makes an enumeration once it is
used.
"""

from __future__ import annotations

import enum
import sys
from collections.abc import Iterable
from enum import EnumType, Flag, IntEnum, IntFlag
from typing import Any

_FLAGS: frozenset[type] = frozenset((Flag, IntFlag))
_INTEGERS: frozenset[type] = frozenset((IntEnum, IntFlag))
_KINDS = frozenset((enum.Enum, *_FLAGS, *_INTEGERS))
# What every class has for itself; the other attributes are those of the first one of its kind.
_OWN = ("__dict__", "__weakref__", "__module__", "__qualname__")
# Python has to think about members that are named like what their class has.
_TAKEN = frozenset((*dir(IntFlag), "mro", ""))
_CREATE: Any = EnumType._create_  # type: ignore[attr-defined]
_set_attribute = type.__setattr__
_models: dict[tuple[type, Any], dict[str, Any]] = {}


def install() -> None:
    """Make enumerations of Qt that way from now on; for a Python that is not known, do nothing."""
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        EnumType._create_ = _create  # type: ignore[attr-defined]


def _create(cls: Any, class_name: str, names: Any, **options: Any) -> Any:
    """Stand for ``EnumType._create_``; whatever PySide does not ask for is left to the original."""
    module = options.get("module")
    if module is None:
        module = options["module"] = sys._getframe(2).f_globals.get("__name__")  # noqa: SLF001
    is_plain = options.get("type") is None and options.get("qualname") is None
    if module is None or not is_plain or cls not in _KINDS or not _are_plain(names):
        return _CREATE(cls, class_name, names, **options)
    return _made(cls, class_name, names, module, options.get("boundary"))


def _are_plain(names: Any) -> bool:
    """Tell whether these are names with numbers, none of which means something to a class."""
    if names.__class__ is not list:
        return False
    for pair in names:
        if pair.__class__ is not tuple or len(pair) != 2:
            return False
        name, value = pair
        if value.__class__ is not int or name[:1] == "_" or name in _TAKEN:
            return False
    return len({name for name, _ in names}) == len(names)


def _made(
    kind: Any, class_name: str, names: list[tuple[str, int]], module: str, boundary: Any
) -> Any:
    space = {
        name: value.copy() if isinstance(value, dict | list) else value
        for name, value in _model(kind, boundary).items()
    }
    space["__module__"] = module
    made: Any = type.__new__(EnumType, class_name, (kind,), space)
    _fill(made, names, is_integer=kind in _INTEGERS, is_flag=kind in _FLAGS)
    if kind in _FLAGS:
        _note_bits(made, (value for _, value in names))
    return made


def _model(kind: Any, boundary: Any) -> dict[str, Any]:
    key = (kind, boundary)
    if key not in _models:
        made = _CREATE(kind, "model", [], module=__name__, boundary=boundary)
        _models[key] = {k: v for k, v in vars(made).items() if k not in _OWN}
    return _models[key]


def _fill(made: Any, names: list[tuple[str, int]], *, is_integer: bool, is_flag: bool) -> None:
    """Put members into a class that has none; of several with one value the first is the member."""
    listed, members = made._member_names_, made._member_map_
    by_value = made._value2member_map_
    for name, value in names:
        member = by_value.get(value)
        if member is None:
            member = int.__new__(made, value) if is_integer else object.__new__(made)
            member._value_, member._name_, member.__objclass__ = value, name, made
            member._sort_order_ = len(listed)
            by_value[value] = member
            # What has several bits is for a flag a combination, and not listed.
            if not is_flag or (value > 0 and value & (value - 1) == 0):
                listed.append(name)
        members[name] = member
    # After all of them: each forgets what Python knows of the class.
    for name, member in members.items():
        _set_attribute(made, name, member)


def _note_bits(made: Any, values: Iterable[int]) -> None:
    mask = singles = 0
    for value in values:
        mask |= value
        if value > 0 and value & (value - 1) == 0:
            singles |= value
    bits = {
        "_flag_mask_": mask,
        "_singles_mask_": singles,
        "_all_bits_": 2 ** mask.bit_length() - 1,
    }
    for name, value in bits.items():
        if name in vars(made) and value:
            _set_attribute(made, name, value)
    listed = [made._member_map_[name]._value_ for name in made._member_names_]
    if listed != sorted(listed):
        _set_attribute(made, "_iter_member_", made._iter_member_by_def_)
