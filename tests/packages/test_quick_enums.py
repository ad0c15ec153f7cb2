"""Qt's enumerations are as Python makes them, whoever made them."""

from __future__ import annotations

import enum
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from slate_desktop.ui.quick_enums import _KINDS, _PLAIN, _Quick, install

_TOLD = """
import enum, importlib, pickle
{before}
def tried(function):
    try:
        return repr(function())
    except Exception as error:
        return f"{{type(error).__name__}} {{error}}"

def tell(made):
    members = made.__members__
    print(made.__module__, made.__qualname__, made.__mro__, made.__doc__, len(made))
    print([*members.items()], [*map(str, made)], sorted(vars(made)), dir(made))
    print([(name, {{k: v for k, v in vars(member).items() if k != "__objclass__"}},
            member.__objclass__ is made, hash(member) == hash(member.name or name), member.name,
            member.value) for name, member in members.items()])
    print([made(member.value) is member for member in members.values()])
    first = next(iter(members.values()), None)
    if first is None:
        return
    last = list(members.values())[-1]
    print(tried(lambda: made(-99999)), tried(lambda: made("x")), tried(lambda: made["x"]))
    print(tried(lambda: first < last), first == last, first == first.value, f"{{first}}")
    print(tried(lambda: pickle.loads(pickle.dumps(last)) is last))
    print(tried(lambda: setattr(made, list(members)[0], 1)), tried(lambda: first in made))
    if issubclass(made, enum.Flag):
        print(tried(lambda: first | last), tried(lambda: first & last), tried(lambda: ~first))
        print(tried(lambda: [*(first | last)]), tried(lambda: (~last).value), bool(first))
        print(tried(lambda: made(1 << 40)), tried(lambda: first ^ last), made._flag_mask_)

seen = set()
def find(holder, depth=0):
    for name in sorted(vars(holder)):
        one = getattr(holder, name, None)
        if isinstance(one, type) and one not in seen and one.__module__.startswith("PySide6"):
            seen.add(one)
            if issubclass(one, enum.Enum):
                tell(one)
            find(one)

for module in ("QtCore", "QtGui", "QtWidgets", "QtNetwork", "QtSvg"):
    loaded = importlib.import_module("PySide6." + module)
    for name in dir(loaded):
        for inner in dir(getattr(loaded, name)):
            getattr(getattr(loaded, name), inner, None)
    find(loaded)
print(len([one for one in seen if issubclass(one, enum.Enum)]))
"""


def run(before: str) -> list[str]:
    """Tell of all enumerations in another process."""
    told = subprocess.run(
        [sys.executable, "-c", _TOLD.format(before=before)],
        env={"QT_QPA_PLATFORM": "offscreen"},
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    ).stdout
    return told.splitlines()


def test_all_enumerations_of_qt_are_as_python_makes_them() -> None:
    quick = run("import slate_desktop.ui.quick_enums as quick; assert quick.install()")
    assert int(quick[-1]) > 500
    assert quick == run("")


def options() -> dict[str, Any]:
    return {"module": None, "qualname": None, **_PLAIN}


def python() -> Any:
    return vars(enum.EnumType)["_create_"]


@pytest.fixture
def unchanged() -> Iterator[None]:
    """Leave Python's own way behind."""
    own = python()
    yield
    type.__setattr__(enum.EnumType, "_create_", own)


@pytest.mark.usefixtures("unchanged")
def test_this_python_is_one_whose_enumerations_are_known() -> None:
    assert install()
    assert python().__module__ == "slate_desktop.ui.quick_enums"


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("kind", [*_KINDS, enum.StrEnum])
def test_the_functional_interface_is_as_it_was(kind: Any) -> None:
    install()
    text = kind("Text", {"a": "1", "b": "2"} if kind is enum.StrEnum else "a b")
    assert [member.name for member in text] == ["a", "b"]
    assert text.__module__ == __name__
    assert kind("Other", "a", module="elsewhere", qualname="X.Other").__module__ == "elsewhere"


@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize(
    "members",
    [
        [("a", "text")],
        [("a", True)],
        [("a", (1, 2))],
        [("a", 1), ("a", 2)],
        [("_a_", 1)],
        [("__a", 1)],
        [("name", 1)],
        [("value", 1)],
        [("mro", 1)],
        [("", 1)],
        ["a", "b"],
        "a b",
        None,
        {"a": 1},
        [("a", 1, 2)],
    ],
)
def test_what_is_not_plain_is_left_to_python(kind: Any, members: Any) -> None:
    assert _Quick(python()).make(kind, "Odd", members, options()) is None


def test_other_ways_to_make_one_are_left_to_python() -> None:
    quick = _Quick(python())
    plain = [("a", 1)]
    assert quick.make(enum.StrEnum, "Odd", plain, options()) is None
    assert quick.make(enum.Flag, "Odd", [("a", -1)], options()) is None
    for option, value in (("module", "m"), ("qualname", "q"), ("type", str), ("start", 2)):
        assert quick.make(enum.Enum, "Odd", plain, {**options(), option: value}) is None
    assert quick.make(enum.Enum, "Odd", plain, {**options(), "boundary": enum.STRICT}) is None


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("change", ["more", "other", "member", "signature", "copies"])
def test_a_python_that_makes_them_otherwise_keeps_them(change: str) -> None:
    own = python()

    def other_python(cls: Any, class_name: str, names: Any, **rest: Any) -> Any:
        made = own(cls, class_name, names, **rest)
        if change == "more" and names:
            made._newer_ = []
        elif change == "other":
            made._member_names_.reverse()
        elif change == "member" and names:
            made.TWO._newer_ = 1
        elif change == "copies":
            type.__setattr__(made, "_newer_", object())
        return made

    def newer_python(cls: Any, *, title: str, names: Any, **rest: Any) -> Any:
        return own(cls, title, names, **rest)

    other = newer_python if change == "signature" else other_python
    type.__setattr__(enum.EnumType, "_create_", other)
    assert not install()
    assert python() is other
