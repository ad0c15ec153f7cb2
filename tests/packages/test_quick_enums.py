"""Enumerations that ``quick_enums`` makes are what Python makes of the same members."""

from __future__ import annotations

import subprocess
import sys

_ALL_OF_QT = """
import enum
original = enum.EnumType._create_
asked = []
def listen(cls, *names, **options):
    asked.append((cls, names, dict(options)))
    return original(cls, *names, **options)
enum.EnumType._create_ = listen
from PySide6 import QtCore, QtGui, QtSvg, QtWidgets
for module in (QtCore, QtGui, QtSvg, QtWidgets):
    for name in dir(module):
        getattr(module, name)
from slate_desktop.ui import quick_enums
quick_enums.install()
assert enum.EnumType._create_ is not original
quick = enum.EnumType._create_
made_by_python = []
def count(cls, *names, **options):
    made_by_python.append(names)
    return original(cls, *names, **options)
quick_enums._CREATE = count
KEEP, STRICT = enum.FlagBoundary.KEEP, enum.FlagBoundary.STRICT
pairs = [("A", 1), ("B", 2), ("C", 1), ("D", 3), ("E", 12), ("F", 4), ("G", -1), ("H", 0)]
def own(**options):
    for kind in (enum.Enum, enum.IntEnum, enum.Flag, enum.IntFlag):
        for boundary in (KEEP, STRICT):
            yield kind, ("Own", pairs[:6]), dict(module="m", boundary=boundary, **options)
        yield kind, ("Own", pairs), dict(module="m", boundary=KEEP, **options)
        yield kind, ("Own", [("name", 1), ("real", 2)]), dict(module="m", **options)
        yield kind, ("Own", "A B C"), dict(module="m", **options)
        yield kind, ("Own", {"A": 1, "B": 2}), dict(module="m", **options)
def known(value):
    if isinstance(value, enum.Enum):
        return [(k, known(v)) for k, v in vars(value).items() if k != "__objclass__"]
    if isinstance(value, enum.property):  # a member with a name that its class has, too
        return value.name, known(value.member)
    if isinstance(value, dict):
        return [(k, known(v)) for k, v in value.items()]
    # Python makes a static method of a __new__ that a class is made with.
    return getattr(getattr(value, "__func__", value), "__qualname__", None) or value
def description(made):
    attributes = {
        name: known(value) for name, value in vars(made).items()
        if name not in ("__dict__", "__weakref__")
    }
    return (
        attributes, [known(member) for member in made], len(made),
        [repr(getattr(made, name)) for name in made.__members__], [str(member) for member in made],
        [known(made(member.value)) for member in made],
    )
def make(create, cls, names, options):
    enum.EnumType._create_ = create
    return cls(*names, **options)
compared = 0
for cls, names, options in [*asked, *own()]:
    right, ours = make(original, cls, names, options), make(quick, cls, names, options)
    (expected, *rest), (found, *others) = description(right), description(ours)
    assert expected == found, (cls, names, options, [
        (name, expected.get(name), found.get(name)) for name in expected.keys() | found.keys()
        if expected.get(name) != found.get(name)
    ])
    assert rest == others, (cls, names, options)
    for member in ours.__members__.values():
        assert member.__objclass__ is ours and member.__class__ is ours
    if issubclass(cls, enum.Flag) and len(ours) > 1:
        one, other = [
            (first | second, first & second, ~first, made(first.value | 2**20))
            for made in (right, ours) for first, second, *_ in [list(made)]
            if made._boundary_ is KEEP
        ] or [(), ()]
        assert [(repr(v), known(v)) for v in one] == [(repr(v), known(v)) for v in other]
    compared += 1
print(compared, len(made_by_python), len(quick_enums._models))
"""


def test_every_enumeration_of_qt_is_as_python_makes_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _ALL_OF_QT],
        env={"QT_QPA_PLATFORM": "offscreen"},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    compared, left_to_python, models = (int(word) for word in done.stdout.split())
    assert compared > 600
    # One class of each kind is made as a model, and what is no list of names with numbers.
    assert left_to_python - models <= 20
