"""Makes the enumerations of Qt in an eighth of the time; imported before PySide.

PySide makes every enumeration of a class at the first look at the class, by Python's functional
interface: three hundred with four thousand members until a window can be used, 15 µs a member. Here
one empty enumeration of each kind is made by Python; the others are copies of it with members.

It is a copy of what Python does, so it proves itself first: it stays only where samples of each
kind come out as without it, attribute for attribute, and makes only what is as plain as they are.
Everything else goes to Python. WORKAROUND(PySide6 6.11): can go when a start without it is as fast.
"""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable
from typing import Any

_KINDS = (enum.Enum, enum.IntEnum, enum.Flag, enum.IntFlag)
_Members = list[tuple[str, int]]
_PLAIN = {"type": None, "start": 1, "boundary": enum.FlagBoundary.KEEP}
_SAMPLE: _Members = [
    ("NONE", 0), ("TWO", 2), ("ONE", 1), ("SAME", 2), ("BOTH", 3), ("WIDE", 0x70),
    ("HIGH", 1 << 31),
]  # fmt: skip


def install() -> bool:
    """Have Python's functional interface make plain enumerations quickly; False where it cannot."""
    python = vars(enum.EnumType).get("_create_")
    if python is None:
        return False
    try:
        quick = _Quick(python)
        theirs = [_sample(kind) for kind in _KINDS]
    except Exception:  # noqa: BLE001 - whatever another Python has otherwise
        return False

    # The names are Python's, which gives some by name, and not the same in each version.
    def create(cls: Any, class_name: str, names: Any, **options: Any) -> Any:
        made = quick.make(cls, class_name, names, options)
        if made is not None:
            return made
        if options.get("module") is None:  # Python would look for it one call too near
            options["module"] = sys._getframe(2).f_globals.get("__name__")  # noqa: SLF001
        return python(cls, class_name, names, **options)

    type.__setattr__(enum.EnumType, "_create_", create)
    try:
        ours = [_sample(kind) for kind in _KINDS]
        is_faithful = quick.count == len(_KINDS) and all(map(_is_alike, ours, theirs))
    except Exception:  # noqa: BLE001
        is_faithful = False
    if not is_faithful:
        type.__setattr__(enum.EnumType, "_create_", python)
    return is_faithful


def _sample(kind: Any) -> Any:
    """Make an enumeration as PySide makes them."""
    return kind("sample", list(_SAMPLE), boundary=enum.FlagBoundary.KEEP)


class _Quick:
    """Enumerations as copies of empty ones.

    Args:
        python: how Python makes one.
    """

    def __init__(self, python: Callable[..., Any]) -> None:
        self.count = 0
        self._empty: dict[Any, tuple[dict[str, Any], frozenset[str]]] = {}
        for kind in _KINDS:
            empty = python(kind, "empty", (), module=None, qualname=None, **_PLAIN)
            taken = ("mro", *(name for base in empty.__mro__ for name in vars(base)))
            self._empty[kind] = _own(empty), frozenset(taken)

    def make(self, kind: Any, name: str, members: Any, options: dict[str, Any]) -> Any:
        """Return an enumeration, None where it is not a plain one."""
        known = self._empty.get(kind)
        if known is None or type(members) is not list:
            return None
        if options.get("qualname") is not None or options.get("module") is not None:
            return None
        if any(options.get(option) is not value for option, value in _PLAIN.items()):
            return None
        own, taken = known
        is_flag = issubclass(kind, enum.Flag)
        if not _is_plain(members, taken, is_flag=is_flag):
            return None
        attributes = {k: v.copy() if type(v) in (list, dict) else v for k, v in own.items()}
        # Of whoever called the functional interface, as Python finds it.
        attributes["__module__"] = sys._getframe(3).f_globals["__name__"]  # noqa: SLF001
        made = type.__new__(enum.EnumType, name, (kind,), attributes)
        if "__new__" in own:  # a class wraps it when it is made, and not when it is set
            type.__setattr__(made, "__new__", own["__new__"])
        _fill(made, members, is_flag=is_flag)
        self.count += 1
        return made


def _own(made: Any) -> dict[str, Any]:
    """Return the attributes of a class without the descriptors that each class has of its own."""
    return {k: v for k, v in vars(made).items() if k not in ("__dict__", "__weakref__")}


def _is_plain(members: list[Any], taken: frozenset[str], *, is_flag: bool) -> bool:
    """Tell whether all are pairs of a name that nothing else has and a whole number."""
    if not members:
        return True
    if {*map(type, members)} != {tuple} or {*map(len, members)} != {2}:
        return False
    names, values = zip(*members, strict=True)
    return (
        {*map(type, names)} == {str}
        and {*map(type, values)} == {int}
        and len({*names}) == len(names)
        and taken.isdisjoint(names)
        and not any(name[:1] in ("", "_") for name in names)
        and not (is_flag and min(values) < 0)
    )


def _fill(made: Any, members: _Members, *, is_flag: bool) -> None:
    """Give a copy its members, in Python's order and with Python's names."""
    by_name, by_value, names = made._member_map_, made._value2member_map_, made._member_names_
    new, has_value = made._new_member_, made._use_args_
    # Python 3.13 lists them beside the map.
    listed = getattr(made, "_hashable_values_", [])
    mask = singles = 0
    for name, value in members:
        member = by_value.get(value)
        is_single = not is_flag or (value > 0 and value & (value - 1) == 0)
        if member is None:
            member = new(made, value) if has_value else new(made)
            member._value_ = value
            member._name_ = name
            member.__objclass__ = made
            member._sort_order_ = len(names)
            by_value[value] = member
            listed.append(value)
            if is_single:
                names.append(name)
        mask |= value
        if is_single:
            singles |= value
        by_name[name] = member
        type.__setattr__(made, name, member)
    if is_flag:
        if hasattr(made, "_singles_mask_"):
            type.__setattr__(made, "_singles_mask_", singles)
        else:  # Debian's 3.11.2 has one mask, that of single bits
            mask = singles
        type.__setattr__(made, "_flag_mask_", mask)
        type.__setattr__(made, "_all_bits_", 2 ** mask.bit_length() - 1 if members else 0)
        values = [by_name[name]._value_ for name in names]
        if values != sorted(values):
            type.__setattr__(made, "_iter_member_", made._iter_member_by_def_)


def _is_alike(ours: Any, theirs: Any) -> bool:
    """Tell whether two enumerations of the same members have everything alike."""
    members, others = ours.__members__, theirs.__members__
    of_members = zip(members.values(), others.values(), strict=True)
    same = {id(one): id(other) for one, other in of_members} | {id(ours): id(theirs)}

    def is_equal(one: Any, other: Any) -> bool:
        if one is other or same.get(id(one)) == id(other):
            return True
        if type(one) is not type(other):
            return False
        if isinstance(one, dict):
            return len(one) == len(other) and all(
                is_equal(*keys) and is_equal(one[keys[0]], other[keys[1]])
                for keys in zip(one, other, strict=True)
            )
        if isinstance(one, list):
            return len(one) == len(other) and all(map(is_equal, one, other))
        function = getattr(one, "__func__", None)
        return one == other or (function is not None and function is other.__func__)

    own, their_own = _own(ours), _own(theirs)
    return (
        own.keys() == their_own.keys()
        and members.keys() == others.keys()
        and all(is_equal(own[name], their_own[name]) for name in own)
        and all(
            is_equal(vars(members[name]), vars(others[name])) and repr(one) == repr(others[name])
            for name, one in members.items()
        )
        and [*map(repr, ours)] == [*map(repr, theirs)]
    )
