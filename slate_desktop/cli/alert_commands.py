"""``slate alerts``: rules that tell of what happens in a project's sessions, and what they told."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from slate_desktop.cli.options import Json, LevelChoice, ProjectArgument
from slate_desktop.cli.output import Output
from slate_desktop.cli.run import with_slate

if TYPE_CHECKING:
    from slate_desktop.control.alerts import AlertTrial
    from slate_desktop.control.client import Slate
    from slate_desktop.domain.alerts import Alert, AlertRule

app = typer.Typer(
    help="Rules on lines, figures and ends, and what they told.", no_args_is_help=True
)
_SHOWN = 5


class KindChoice(StrEnum):
    """What a rule looks at."""

    LEVEL = "level"
    TEXT = "text"
    CPU = "cpu"
    MEMORY = "memory"
    NETWORK = "network"
    EXIT = "exit"
    OOM = "oom"


RuleArgument = Annotated[
    str, typer.Argument(metavar="RULE", help="The rule's name, id, or beginning of an id.")
]
_Name = Annotated[str, typer.Argument(metavar="NAME", help="What the rule is called.")]
_Kind = Annotated[KindChoice, typer.Option("--kind", "-k", help="What the rule looks at.")]
_Level = Annotated[
    LevelChoice | None, typer.Option("--level", help="Lines of this level and worse.")
]
_Text = Annotated[
    str | None, typer.Option("--text", metavar="TEXT", help="Lines with this text, of any case.")
]
_Regex = Annotated[
    str | None,
    typer.Option("--regex", metavar="EXPRESSION", help="Lines that match; the syntax is RE2's."),
]
_Over = Annotated[
    str | None,
    typer.Option(
        "--over",
        metavar="THRESHOLD",
        help="150% of a core (cpu), 80% of the limit or 3g (memory), 10m bytes/s (network).",
    ),
]
_For = Annotated[
    int, typer.Option("--for", metavar="S", help="Seconds that a figure must stay there.")
]
_Cooldown = Annotated[
    int,
    typer.Option("--cooldown", metavar="S", help="Seconds in which further matches are counted."),
]


@app.command("list")
def list_rules(
    project: ProjectArgument,
    told: Annotated[
        bool, typer.Option("--told", help="What the rules told, newest first, in their place.")
    ] = False,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=1000, help="With --told: so many at most.")
    ] = 50,
    as_json: Json = False,
) -> None:
    """List a project's rules, or with --told what they told."""

    async def action(slate: Slate, output: Output) -> None:
        found = await slate.find_project(project)
        if told:
            _print_alerts(output, found.id, await slate.list_alerts(found.id, limit=limit))
            return
        rules = await slate.list_alert_rules(found.id)
        if output.as_json:
            output.result({"project_id": found.id, "rules": [_row(rule) for rule in rules]})
        elif not rules:
            output.say(
                "The project has no rules. Add one with: "
                "slate alerts add PROJECT NAME --kind level --level error"
            )
        else:
            output.table(
                ("RULE", "TELLS WHEN", "COOLS DOWN", "ON"),
                (_cells(rule) for rule in rules),
            )

    with_slate(as_json, action)


@app.command()
def add(
    project: ProjectArgument,
    name: _Name,
    kind: _Kind,
    level: _Level = None,
    text: _Text = None,
    regex: _Regex = None,
    over: _Over = None,
    held: _For = 0,
    cooldown: _Cooldown = 300,
    off: Annotated[bool, typer.Option("--off", help="Keep it switched off.")] = False,
    as_json: Json = False,
) -> None:
    """Add a rule; agents look with it within five seconds."""
    if text is not None and regex is not None:
        raise typer.BadParameter("--text and --regex exclude one another", param_hint="--regex")

    async def action(slate: Slate, output: Output) -> None:
        from slate_desktop.domain.alerts import make_rule, rule_words

        rule = make_rule(
            name=name,
            kind=kind.value,
            level=level.value if level is not None else None,
            pattern=regex if regex is not None else text,
            is_regex=regex is not None,
            threshold=over,
            held_s=held,
            cooldown_s=cooldown,
            is_enabled=not off,
        )
        found = await slate.find_project(project)
        await slate.add_alert_rule(found.id, rule)
        output.result(
            {"project_id": found.id, **_row(rule)},
            f"{rule.name} tells when: {rule_words(rule)}.",
        )

    with_slate(as_json, action)


@app.command()
def remove(project: ProjectArgument, rule: RuleArgument, as_json: Json = False) -> None:
    """Remove a rule; what it told stays."""

    async def action(slate: Slate, output: Output) -> None:
        found = await slate.find_project(project)
        known = await slate.find_alert_rule(found.id, rule)
        await slate.remove_alert_rule(found.id, known.id)
        output.result({"project_id": found.id, "id": known.id}, f"{known.name} is removed.")

    with_slate(as_json, action)


@app.command()
def switch(
    project: ProjectArgument,
    rule: RuleArgument,
    on: Annotated[bool, typer.Option("--on/--off", help="Whether the rule looks at anything.")],
    as_json: Json = False,
) -> None:
    """Switch a rule on or off."""

    async def action(slate: Slate, output: Output) -> None:
        found = await slate.find_project(project)
        known = await slate.find_alert_rule(found.id, rule)
        changed = msgspec.structs.replace(known, is_enabled=on)
        await slate.change_alert_rule(found.id, changed)
        words = f"{known.name} is {'on' if on else 'off'}."
        output.result({"project_id": found.id, **_row(changed)}, words)

    with_slate(as_json, action)


@app.command("test")
def try_rule(
    project: ProjectArgument,
    rule: RuleArgument,
    session: Annotated[
        str, typer.Option("--session", metavar="SESSION", help="Id, beginning of one, or 'last'.")
    ] = "last",
    lines: Annotated[
        int, typer.Option("--lines", min=1, max=200_000, help="So many of its last lines.")
    ] = 10_000,
    as_json: Json = False,
) -> None:
    """Say what a rule would have told of what is stored; nobody is told."""

    async def action(slate: Slate, output: Output) -> None:
        found = await slate.find_project(project)
        known = await slate.find_alert_rule(found.id, rule)
        meant = await slate.find_session(session)
        trial = await slate.test_alert_rule(known, meant.id, lines=lines)
        row = {"project_id": found.id, "session_id": meant.id, "rule": _row(known)}
        output.result({**row, **msgspec.to_builtins(trial)}, _trial_words(known, trial))

    with_slate(as_json, action)


def _print_alerts(output: Output, project_id: str, alerts: list[Alert]) -> None:
    if output.as_json:
        output.result({"project_id": project_id, "alerts": msgspec.to_builtins(alerts)})
    elif not alerts:
        output.say("No rule of the project has told anything.")
    else:
        output.table(("WHEN", "SESSION", "RULE", "COUNT", "WHAT"), map(_alert_cells, alerts))


def _row(rule: AlertRule) -> dict[str, Any]:
    return msgspec.to_builtins(rule)


def _cells(rule: AlertRule) -> tuple[object, ...]:
    from slate_desktop.domain.alerts import rule_words

    return rule.name, rule_words(rule), f"{rule.cooldown_s} s", "yes" if rule.is_enabled else "no"


def _alert_cells(alert: Alert) -> tuple[object, ...]:
    at = datetime.fromtimestamp(alert.at_ns / 1e9, UTC).astimezone()
    count = f"{alert.count:,}{'+' if alert.is_at_least else ''}"
    return f"{at:%Y-%m-%d %H:%M:%S}", alert.session_id[:8], alert.rule_name, count, alert.words


def _trial_words(rule: AlertRule, trial: AlertTrial) -> str:
    from slate_desktop.domain.alerts import alert_words

    what = "lines" if rule.kind.is_of_lines else "samples" if rule.kind.is_of_figures else "runs"
    said = (
        f"Of {trial.looked_at:,} {what}, {trial.matches:,} match: "
        f"{len(trial.alerts):,} alerts would have been given."
    )
    return "\n".join([said, *(f"  {alert_words(alert)}" for alert in trial.alerts[:_SHOWN])])
