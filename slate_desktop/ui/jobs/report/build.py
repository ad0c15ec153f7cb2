"""The report of a job as people read it: what came out, what was saved, how good it is, and why."""

from __future__ import annotations

import json

from slate_desktop.domain.assets.audio import AudioReport
from slate_desktop.domain.assets.job import MISSING, AssetJob
from slate_desktop.domain.assets.kinds import AssetJobStatus
from slate_desktop.domain.assets.model import ModelReport
from slate_desktop.domain.assets.product import AssetReport
from slate_desktop.domain.assets.report import ProcessResult, result_from_json
from slate_desktop.domain.assets.texture import TextureReport
from slate_desktop.domain.sizes import format_bytes
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.translation import message, sentence, translate
from slate_desktop.ui.assets.options_form import title_of
from slate_desktop.ui.jobs import words
from slate_desktop.ui.jobs.report.audio import audio_sections
from slate_desktop.ui.jobs.report.figures import share, yes_or_no
from slate_desktop.ui.jobs.report.model import model_sections
from slate_desktop.ui.jobs.report.parts import Fact, Report, Section, Table
from slate_desktop.ui.jobs.report.texture import texture_sections
from slate_desktop.ui.problems import next_step_for
from slate_desktop.ui.text import clean

_S = AssetJobStatus
# What can be done about a file that failed; what else can happen, is told as everywhere.
_NEXT = {
    ErrorCode.ASSET_INVALID: message(
        "Open the file in the program that made it, export it again, and retry the job."
    ),
    ErrorCode.ASSET_LIMIT: message(
        "Make it smaller or split it, with fewer pixels, triangles or minutes, and retry the job."
    ),
    ErrorCode.ASSET_CRASH: message(
        "Export it again, or in another format. If that fails too, please report it with the file."
    ),
    ErrorCode.BAD_REQUEST: message("Change the option in the Options tab, and process it again."),
    ErrorCode.NOT_FOUND: message("Put the file back where it was, or process it at its new place."),
    ErrorCode.POISON: message("The worker’s log says more. Retry the job once it is mended."),
    ErrorCode.DISK_LOW: message("Free some space on the worker’s disk, then retry the job."),
    ErrorCode.EXEC_TIMEOUT: message("Make the file smaller, or give its job more time."),
}
_ROLES = {
    "primary": message("Result"),
    "gpu": message("For the GPU"),
    "image": message("Picture of the model"),
    "buffer": message("Data of the model"),
    "materials": message("Materials of the model"),
}
# Older results and those of other releases are shown as they are, up to this many characters.
_MAX_RAW = 20_000


def report_of(job: AssetJob, detail: str = "") -> Report:
    """Return what is told about a job.

    Args:
        job: any, also one that waits or runs.
        detail: what a waiting job waits for, or a running one does.
    """
    has_failed = job.status is _S.FAILED
    reason, advice = "" if job.is_final else detail, ""
    if has_failed:
        reason = sentence(job.error_message or "") or translate("It failed without a reason.")
        advice = _advice(job)
    elif job.status is _S.CANCELLED:
        reason = translate("Somebody cancelled it. Retry to have it made.")
    sections = [section for section in _sections(job) if not section.is_empty]
    return Report(
        path=clean(job.path),
        state=words.state_words(job),
        reason=clean(reason),
        advice=advice,
        has_failed=has_failed,
        sections=tuple(sections),
    )


def _advice(job: AssetJob) -> str:
    if _missing(job):
        return translate(
            "Put the missing files where the asset looks for them, then retry the job."
        )
    own = next((text for known, text in _NEXT.items() if known.value == job.error_code), None)
    if own is not None:
        return translate(own)
    known = next_step_for(job.error_code)
    return known or translate("Retry the job; if it fails again, report it.")


def _missing(job: AssetJob) -> list[str]:
    return [entry.name for entry in job.inputs if entry.sha256 == MISSING]


def _sections(job: AssetJob) -> list[Section]:
    if not job.result:
        return [_blocked(job), _how(job, None)]
    try:
        result = result_from_json(job.result)
    except CommandError:
        return [*_foreign(job), _how(job, None)]
    report = result.report
    match report:
        case TextureReport():
            own = texture_sections(report)
        case ModelReport():
            own = model_sections(report, result.products)
        case AudioReport():
            own = audio_sections(report)
    notes = tuple(clean(sentence(text)) for text in report.warnings)
    return [
        _files(result),
        Section(title=translate("Notes"), notes=notes),
        *own,
        _how(job, report),
    ]


def _files(result: ProcessResult) -> Section:
    """Return the products, and what they take beside the source."""
    report, products = result.report, result.products
    rows = tuple(
        (clean(product.path), role_words(product.role), format_bytes(product.size))
        for product in products
    )
    main = sum(product.size for product in products if product.role == "primary")
    saved = share(report.input_size, main)
    both = f"{format_bytes(report.input_size)} → {format_bytes(main)}"
    facts = [Fact(translate("File"), f"{both}, {saved}" if saved else both)]
    if len(products) > 1:
        total = format_bytes(sum(product.size for product in products))
        facts.append(Fact(translate("All files together"), total))
    columns = translate("File"), translate("What it is"), translate("Size")
    return Section(
        title=translate("Result"),
        facts=tuple(facts),
        table=Table(
            translate("Files that were made"), columns, rows, tuple(p.path for p in products)
        ),
    )


def _blocked(job: AssetJob) -> Section:
    """Return the files that the asset refers to and that are not there."""
    names = _missing(job)
    rows = tuple((clean(name), translate("missing")) for name in names)
    columns = translate("File"), translate("State")
    table = Table(translate("Files that are missing"), columns, rows, tuple(names), is_missing=True)
    return Section(title=translate("What blocks it"), table=table)


def role_words(role: str) -> str:
    """Return what a product is, in words."""
    if role.startswith("lod") and role[3:].isdecimal():
        return translate("Level of detail {n}").format(n=role[3:])
    known = _ROLES.get(role)
    return translate(known) if known else clean(role)


def _how(job: AssetJob, report: AssetReport | None) -> Section:
    """Return who made it, with what, and how long it took."""
    facts: list[Fact] = []
    if report is not None:
        facts.append(Fact(translate("Time"), f"{report.duration_ms / 1000:.2f} s"))
    if job.cached:
        facts.append(Fact(translate("Worker"), translate("none: the result was known")))
    elif job.lease_owner:
        told = translate("{name}, attempt {n}").format(name=clean(job.lease_owner), n=job.attempt)
        facts.append(Fact(translate("Worker"), told))
    if job.error_code:
        facts.append(Fact(translate("Code"), job.error_code))
    if job.error_message and sentence(job.error_message) != job.error_message:
        facts.append(Fact(translate("In English"), clean(job.error_message)))
    if report is not None:
        tools = ", ".join(f"{name} {version}" for name, version in sorted(report.tools.items()))
        facts.append(Fact(translate("Tools"), clean(tools)))
    facts += [
        Fact(title_of(name), clean(_option(value))) for name, value in sorted(job.options.items())
    ]
    title = translate("Details") if job.error_code else translate("How it was made")
    return Section(title=title, facts=tuple(facts), is_folded=True)


def _option(value: object) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return yes_or_no(is_true=value)
        case float():
            return f"{value:g}"
        case list() | tuple():
            return ", ".join(map(_option, value))
        case dict():
            return ", ".join(f"{title_of(str(k))} {_option(v)}" for k, v in value.items())
    return str(value)


def _foreign(job: AssetJob) -> list[Section]:
    """Return what can be shown of a result that this release does not know."""
    raw = json.dumps(job.result, indent=1, ensure_ascii=False)[:_MAX_RAW]
    told = translate("Another release of SLATE made this result; its report is shown as it is.")
    return [
        Section(title=translate("Notes"), notes=(told,)),
        Section(title=translate("Raw report"), notes=(clean(raw),), is_folded=True),
    ]
