"""`report.html`: the run on one page that needs nothing beside it, made from the files of the run's folder.

Reads summary.json and details.json, and where the run got as far: evaluation.json, predictions.json,
manifest.json (the dataset manifest), test/ (the frozen test set as evaluated) and returned/ (pictures that
devices sent back). What is missing is left out; nothing is made up.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from local.demo import charts
from local.demo.gallery import counted, inline, plate, worst_then_best
from local.demo.stations import stations

MIN_SCORE = 0.25  # from which a detection counts, unless the details say otherwise
MANIFEST_ROWS = 500
RETURNED = 12
NO_NUMBER = "\N{EN DASH}"
TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class RunFiles:
    """What a run left in its folder; None for what it did not come to."""

    folder: Path
    summary: Mapping[str, Any]
    details: Mapping[str, Any]
    evaluation: Mapping[str, Any] | None
    predictions: list[dict[str, Any]] | None
    manifest: Mapping[str, Any] | None

    @classmethod
    def read(cls, folder: Path) -> "RunFiles":
        """Read the folder; raises OSError without summary and details, ValueError for broken JSON."""
        return cls(
            folder,
            summary=_json(folder / "summary.json"),
            details=_json(folder / "details.json"),
            evaluation=_json_if_there(folder / "evaluation.json"),
            predictions=_json_if_there(folder / "predictions.json"),
            manifest=_json_if_there(folder / "manifest.json"),
        )


def write_report(folder: Path) -> Path:
    """Make `folder`/report.html, in one step, and return its path."""
    path = folder / "report.html"
    unfinished = folder / f".report.html.{os.getpid()}"
    try:
        unfinished.write_text(render(RunFiles.read(folder)), encoding="utf-8")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def render(run: RunFiles) -> str:
    """Return the page."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(duration=duration, short_arn=short_arn, milliseconds=milliseconds)
    failure = run.details.get("failure")
    return environment.get_template("report.html").render(
        summary=run.summary,
        details=run.details,
        failure=failure,
        evaluation=run.evaluation,
        stations=stations(run.summary, run.details),
        timeline=charts.timeline(run.summary["stages"], failure["stage"] if failure else None),
        plot=_plot(run),
        gallery=_gallery(run),
        manifest=_manifest(run),
        returned=_returned(run),
        principals=principals(run.summary.get("iam")),
    )


def duration(seconds: float) -> str:
    """Write seconds as people say them: "11 min 24 s", "4.2 s"."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    hours, rest = divmod(round(seconds), 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {left} s"


def short_arn(arn: str | None) -> str:
    """Return what tells one ARN from its neighbours: the resource."""
    return arn.split(":", 5)[-1] if arn else "none"


def milliseconds(value: float | None) -> str:
    """Write a latency: "7.6 ms", or a dash where there was no request."""
    return NO_NUMBER if value is None else f"{value:.1f} ms"


def _plot(run: RunFiles) -> dict[str, Any] | None:
    if run.evaluation is None:
        return None
    return {
        "width": charts.WIDTH,
        "height": charts.HEIGHT,
        "left": charts.x_of(0),
        "right": charts.x_of(1),
        "top": charts.y_of(1),
        "bottom": charts.y_of(0),
        "across": [(tick, charts.x_of(tick)) for tick in charts.TICKS],
        "up": [(tick, charts.y_of(tick)) for tick in charts.TICKS],
        "curves": charts.curves(run.evaluation, _min_score(run)),
    }


def _gallery(run: RunFiles) -> dict[str, Any] | None:
    if not run.predictions:
        return None
    several = len((run.evaluation or {}).get("by_class", run.details["classes"])) > 1
    plates = [plate(one, _min_score(run), name_classes=several) for one in run.predictions]
    found, missed, false = counted(plates)
    rows = []
    for title, chosen in zip(
        ("With mistakes, worst first", "Without mistakes"), worst_then_best(plates), strict=True
    ):
        shown = [(one, inline(run.folder / "test" / one.file)) for one in chosen]
        rows.append((title, [(one, picture) for one, picture in shown if picture]))
    return {"rows": rows, "total": len(plates), "found": found, "missed": missed, "false": false,
            "min_score": _min_score(run)}  # fmt: skip


def _manifest(run: RunFiles) -> dict[str, Any] | None:
    if run.manifest is None:
        return None
    images = run.manifest["images"]
    return {
        "images": images[:MANIFEST_ROWS],
        "more": max(0, len(images) - MANIFEST_ROWS),
        "total": len(images),
        "boxes": sum(len(image["boxes"]) for image in images),
        "objects": len({image["group"] for image in images}),
        "jobs": sorted({str(image["labeling_job"]) for image in images}),
    }


def _returned(run: RunFiles) -> list[dict[str, Any]]:
    listed = run.details["returned"][:RETURNED]
    return [dict(one) | {"picture": inline(run.folder / "returned" / one["file"], 300)} for one in listed]


def principals(iam: Mapping[str, Any] | None) -> list[tuple[str, int, int, float]]:
    """List who called: name, allowed, denied, and the share of the busiest one's calls in percent."""
    called = iam["by_principal"] if iam else {}
    rows = [(name, calls["allowed"], calls["denied"]) for name, calls in called.items()]
    busiest = max((allowed + denied for _, allowed, denied in rows), default=1) or 1
    rows.sort(key=lambda row: (-row[2], -row[1], row[0]))
    return [(name, allowed, denied, 100 * (allowed + denied) / busiest) for name, allowed, denied in rows]


def _min_score(run: RunFiles) -> float:
    return float(run.details.get("min_score") or MIN_SCORE)


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _json_if_there(path: Path) -> Any:
    return _json(path) if path.exists() else None
