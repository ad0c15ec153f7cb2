from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from slate_desktop.control.configs import chosen_fields, effective_config, project_config
from slate_desktop.control.projects import _check_name, _clear_engine
from slate_desktop.domain.container import join_overrides
from slate_desktop.domain.engine import Engine, EngineDetection
from slate_desktop.domain.project import Project
from slate_desktop.errors import CommandError, ErrorCode

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def project(engine: Engine = Engine.GODOT, version: str | None = "3", **settings) -> Project:
    return Project(
        id="p1",
        name="p",
        owner_id="u1",
        root="/p",
        engine=engine,
        engine_version=version,
        settings=settings,
        created_at=NOW,
        updated_at=NOW,
    )


def test_only_what_was_chosen_is_kept():
    default = project_config(project())
    assert chosen_fields({}, default) == {}
    assert chosen_fields({"memory": "4g", "cpus": 1}, default) == {"memory": "4g", "cpus": 1.0}
    assert chosen_fields({"image": "a/b:7"}, default) == {"image": "a/b", "tag": "7"}
    assert chosen_fields({"tag": "9"}, default) == {"tag": "9"}


def test_a_whole_configuration_chooses_its_differences():
    default = project_config(project())
    assert chosen_fields(default, default) == {}
    changed = msgspec.structs.replace(
        default, memory_bytes=1024**3, env={**default.env, "A": "1"}, image="x/y", tag="2"
    )
    chosen = chosen_fields(changed, default)
    assert chosen == {"memory": "1g", "env": {"A": "1"}, "image": "x/y", "tag": "2"}
    assert effective_config(project(), chosen) == changed


def test_what_a_whole_configuration_lacks_is_unset():
    owner = project(env={"A": "1", "B": "2"}, command=["run"], driver="process")
    default = project_config(owner)
    assert (default.memory_bytes, default.cpus) == (2 * 1024**3, 2)
    env = {name: value for name, value in default.env.items() if name != "B"}
    bare = msgspec.structs.replace(
        default, memory_bytes=None, cpus=None, command=None, driver=None, env=env
    )
    chosen = chosen_fields(bare, default)
    assert chosen == {"unset": ["driver", "command", "memory", "cpus", "env.B"]}
    assert effective_config(owner, chosen) == bare
    assert chosen_fields(bare, bare) == {}


def test_later_choices_bring_back_what_was_unset():
    first = chosen_fields({"unset": ["memory", "env.A"], "cpus": 1}, project_config(project()))
    second = join_overrides(first, {"memory": "1g", "env": {"A": "2"}, "unset": ["cpus"]})
    assert second == {"memory": "1g", "env": {"A": "2"}, "unset": ["cpus"]}
    assert effective_config(project(env={"A": "1"}), second).cpus is None
    third = join_overrides(second, {"unset": ["env.A"]})
    assert third == {"memory": "1g", "env": {}, "unset": ["cpus", "env.A"]}
    assert effective_config(project(env={"A": "1"}), third).env.get("A") is None


@pytest.mark.parametrize(
    "bad", ["memory", [1], ["gpu"], ["env"], ["env."], ["env.A=B"], ["unset"], ["x"] * 300]
)
def test_bad_names_to_unset_are_refused(bad):
    with pytest.raises(CommandError) as refused:
        chosen_fields({"unset": bad}, project_config(project()))
    assert refused.value.code is ErrorCode.BAD_REQUEST


def test_layers_win_in_order():
    config = effective_config(project(memory="3g", cpus=1), {"cpus": 4})
    assert (config.memory_bytes, config.cpus) == (3 * 1024**3, 4)
    assert config.image == "slate/godot-runtime"


@pytest.mark.parametrize("bad", [{"privileged": True}, {"memory": "4gg"}, {"networkMode": "host"}])
def test_bad_fields_are_refused(bad):
    with pytest.raises(CommandError):
        chosen_fields(bad, project_config(project()))


@pytest.mark.parametrize("bad", ["", "  ", "x" * 101, "a\nb", "a\x00b", "a\u202eb", "a\ud800"])
def test_bad_project_names_are_refused(bad):
    with pytest.raises(CommandError):
        _check_name(bad)


def test_names_of_people_are_kept():
    assert _check_name("  Größe 日本 🎮 ") == "Größe 日本 🎮"


def test_ambiguous_folders_are_refused_and_unknown_versions_are_not():
    unclear = EngineDetection(engine=Engine.UNREAL, candidates=["a", "b"], problem="two")
    with pytest.raises(CommandError, match="two"):
        _clear_engine(unclear)
    two = EngineDetection(engine=Engine.UNITY, version="2022.3.1f1", problem="markers of two")
    with pytest.raises(CommandError):
        _clear_engine(two)
    no_version = EngineDetection(engine=Engine.GODOT, problem="no version")
    assert _clear_engine(no_version) is Engine.GODOT
