"""`report.html` of the species demo: one page that needs nothing beside it but the evaluations it links."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from config import Edgeline
from config_classification import ClassificationModel
from local.demo import charts
from local.demo.details import Failure
from local.demo.gallery import inline
from local.demo.report import TEMPLATES as SHARED
from local.demo.report import duration, principals, short_arn
from local.demo.summary import Iam, Stage
from local.species.configuration import FLAT, TREE
from local.species.facts import Facts, Trained, Tried

TEMPLATES = Path(__file__).parent / "templates"
LISTED = 40
_PIXELS = 220


@dataclass(frozen=True)
class Run:
    """What the report says beside the facts."""

    started: str
    seed: int
    seconds: float
    stages: Sequence[Stage]
    git_commit: str | None = None
    failure: Failure | None = None
    iam: Iam | None = None


def write_report(folder: Path, run: Run, facts: Facts, config: Edgeline | None) -> Path:
    """Make `folder`/report.html, in one step, and return its path."""
    path, unfinished = folder / "report.html", folder / f".report.html.{os.getpid()}"
    try:
        unfinished.write_text(render(run, facts, config), encoding="utf-8")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def render(run: Run, facts: Facts, config: Edgeline | None) -> str:
    """Return the page."""
    environment = Environment(
        loader=FileSystemLoader([TEMPLATES, SHARED]), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(duration=duration, short_arn=short_arn, percent=percent)
    iam = {"calls_denied": run.iam.calls_denied, "by_principal": _calls(run.iam)} if run.iam else None
    return environment.get_template("species.html").render(
        run=run,
        facts=facts,
        tree=_tree(facts),
        compared=_compared(facts),
        rows=_rows(facts, config),
        tried=[_shown(one) for one in sorted(facts.tried, key=_worst_first)],
        right=sum(is_right(one) for one in facts.tried),
        set_aside=_set_aside(facts),
        listed=LISTED,
        timeline=charts.timeline(
            [vars(stage) for stage in run.stages], run.failure.stage if run.failure else None
        ),
        iam=iam,
        principals=principals(iam),
    )


def percent(share: float) -> str:
    """Write a share: "91.3 %"."""
    return f"{100 * share:.1f} %"


def is_right(one: Tried) -> bool:
    """Tell whether the API named the species."""
    return bool(one.reply.document.get("name") == one.picture.species)


def _tree(facts: Facts) -> list[tuple[str, Sequence[str]]]:
    return list(facts.material.tree.items()) if facts.material else []


def _compared(facts: Facts) -> dict[str, Any] | None:
    """The tree beside the flat model: only where both were measured on the very same pictures."""
    parent, flat = facts.trained.get(TREE), facts.trained.get(FLAT)
    routing = parent.evaluation.get("routing") if parent else None
    if parent is None or flat is None or not routing:
        return None
    return {
        "tree": routing["top1_end_to_end"],
        "flat": flat.evaluation["top1"],
        "perfect": routing["top1_perfect_parent"],
        "cost": routing["cost"],
        "images": parent.evaluation["images"],
        "same": parent.tested == flat.tested,
    }


def _rows(facts: Facts, config: Edgeline | None) -> list[dict[str, Any]]:
    return [_row(trained, config) for trained in facts.trained.values()] if config else []


def _row(trained: Trained, config: Edgeline) -> dict[str, Any]:
    model = config.model(trained.model)
    assert isinstance(model, ClassificationModel)  # noqa: S101 - the demo writes no other
    pictures = trained.split["full"]["pictures"]
    return {
        "trained": trained,
        "role": "flat" if model.name == FLAT else "parent" if model.children else "child",
        "labels": len(model.labels),
        "pictures": pictures,
        "passes": pictures * model.epochs,
        "trials": sorted((_trial(one) for one in trained.trials), key=_best_first),
    }


def _trial(summary: Mapping[str, Any]) -> dict[str, Any]:
    metric = summary.get("FinalHyperParameterTuningJobObjectiveMetric") or {}
    return {
        "status": summary["TrainingJobStatus"],
        "loss": metric.get("Value"),
        "parameters": {name: _number(value) for name, value in summary["TunedHyperParameters"].items()},
    }


def _best_first(trial: Mapping[str, Any]) -> tuple[bool, float]:
    # One that was stopped early has a figure, and is never the one that is trained in full.
    return trial["status"] != "Completed", float("inf") if trial["loss"] is None else float(trial["loss"])


def _number(text: str) -> str:
    return f"{float(text.strip(chr(34))):.3g}"


def _worst_first(one: Tried) -> tuple[bool, str, str]:
    return is_right(one), one.picture.group, one.picture.species


def _shown(one: Tried) -> dict[str, Any]:
    document = one.reply.document
    return {
        "picture": inline(one.picture.path, _PIXELS),
        "truth": one.picture.species,
        "group": one.picture.group,
        "right": is_right(one),
        "status": one.reply.status,
        "name": document.get("name"),
        "level": document.get("level"),
        "path": document.get("path", ()),
        "remark": document.get("message")
        or (document.get("degraded") or {}).get("reason")
        or document.get("refused"),
    }


def _set_aside(facts: Facts) -> list[dict[str, str]]:
    """What was given and not used: files that are no pictures of a species, then what the checks refused."""
    ungiven = facts.material.set_aside if facts.material else ()
    found = {entry["uri"]: entry for trained in facts.trained.values() for entry in trained.quarantine}
    return [
        *({"name": one.name, "reason": one.reason, "detail": ""} for one in ungiven),
        *(
            {"name": uri.split("/", 3)[-1], "reason": entry["reason"], "detail": entry["detail"]}
            for uri, entry in found.items()
        ),
    ]


def _calls(iam: Iam) -> dict[str, Any]:
    return {name: vars(calls) for name, calls in iam.by_principal.items()}
