"""report.html: one page for a person, with everything in it; it loads nothing and runs no script."""

import base64
import io
from collections.abc import Mapping
from html import escape

import numpy as np
from PIL import Image

from pipeline_defs.classification.evaluated_pictures import TestSide
from pipeline_defs.classification.report_figures import confusion_grid, reliability
from pipeline_defs.classification.report_parts import Report, bar, percent, section, share, table, times
from pipeline_defs.classification.report_routing import routing
from pipeline_defs.classification.report_style import STYLE
from pipeline_defs.classification.settings import ClassificationSettings

_THUMBNAIL = 144  # pixels, for screens that have two of them where a page has one
_SHOWN = 3  # pictures of a pair


def report_html(settings: ClassificationSettings, report: Report, side: TestSide) -> str:
    """Return the page of an evaluation."""
    title = escape(f"{settings.name}: what it recognises")
    parts = [
        _head(settings, report),
        _numbers(report),
        routing(report["routing"]),
        _pairs(report, side),
        _confusion(report),
        _labels(report),
        _calibration(report),
        _slices(report),
        _origin(settings, report),
    ]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _head(settings: ClassificationSettings, report: Report) -> str:
    gate, count = settings.top1_threshold, report["classes"]
    labels = f"{count} labels" if count > 1 else "one label"
    passed = report["top1"] >= gate
    verdict = (
        f"At least {percent(gate)} are asked for before anything is registered."
        if passed
        else f"That is below the {percent(gate)} that are asked for: nothing is registered."
    )
    return (
        f'<header><p class="brand"><b>Edgeline</b> · evaluation</p><h1>{escape(settings.name)}</h1>'
        f'<p class="lede">{percent(report["top1"])} of {report["images"]} pictures that it was never '
        f"trained on get the right one of {labels}. {verdict}</p></header><main>"
    )


def _numbers(report: Report) -> str:
    empty, latency = report["answers"]["empty_share"], report["latency_ms"]
    numbers = [
        ("Top-1", percent(report["top1"]), "the best label is right"),
        ("Top-5", percent(report["top5"]), f"the right one is among {min(5, report['classes'])}"),
        ("Macro F1", f"{report['macro_f1']:.3f}", "every label counts the same"),
        ("Calibration error", f"{report['calibration']['ece']:.3f}", "scores beside accuracy"),
        ("Unsure", percent(empty), "best score below the least"),
        ("Latency", f"{latency['p50']:.1f} ms", f"95 in 100 within {latency['p95']:.1f} ms"),
    ]
    cells = "".join(
        f"<div><dt>{name}</dt><dd>{value}<small>{note}</small></dd></div>" for name, value, note in numbers
    )
    return f'<dl class="sheet numbers">{cells}</dl>'


def _pairs(report: Report, side: TestSide) -> str:
    pairs = report["worst_pairs"]
    if not pairs:
        return section("What it takes for what", "It made no mistake on the test side.", "")
    position = {image.uri: number for number, image in enumerate(side.images)}
    cards = "".join(_card(pair, position, side) for pair in pairs)
    said = (
        "The labels that are mixed up most often: the pictures on which it was surest, and beside them one "
        "of what it took them for."
    )
    return section("What it takes for what", said, f'<div class="pairs">{cards}</div>')


def _card(pair: Report, position: Mapping[str, int], side: TestSide) -> str:
    wrong = [position[uri] for uri in pair["files"][:_SHOWN] if uri in position]
    other = np.flatnonzero(side.truth == side.label_map.labels.index(pair["said"]))[:1]
    seen = "".join(_picture(side, where) for where in wrong)
    beside = "".join(_picture(side, int(where)) for where in other)
    return (
        f'<figure class="sheet"><div class="strip">{seen}<span class="for" aria-hidden="true">→</span>'
        f"{beside or '<i class=none></i>'}</div>"
        f"<figcaption><b>{escape(pair['truth'])}</b> taken for <b>{escape(pair['said'])}</b>"
        f'<span class="soft"> {times(pair["count"])}</span></figcaption></figure>'
    )


def _picture(side: TestSide, position: int) -> str:
    uri = side.images[position].uri
    name = escape(uri.rpartition("/")[2])
    return (
        f'<img src="{_thumbnail(side, position)}" alt="{name}" title="{escape(uri)}" width="62" height="62">'
    )


def _thumbnail(side: TestSide, position: int) -> str:
    picture = side.picture(position)
    height, width = picture.shape[:2]
    short = min(height, width)
    left, top = (width - short) // 2, (height - short) // 2
    square = Image.fromarray(picture[top : top + short, left : left + short])
    buffer = io.BytesIO()
    square.resize((_THUMBNAIL, _THUMBNAIL), Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def _confusion(report: Report) -> str:
    found = report["confusion"]
    grid, left_out = confusion_grid(found["labels"], found["matrix"])
    said = (
        "A row is the truth, a column what was said; the diagonal is right. A strong tint: much of its row."
    )
    if left_out:
        said += f" Shown are the labels with the most mistakes; {left_out} others are left out."
    return section("Confusion", said, f'<div class="sheet scroll">{grid}</div>')


def _labels(report: Report) -> str:
    def worst_first(name: str) -> tuple[bool, float]:
        f1 = report["by_class"][name]["f1"]
        return f1 is None, f1 or 0.0

    rows = [
        [escape(name), str(row["images"]), *(share(row[key]) for key in ("precision", "recall", "f1"))]
        for name in sorted(report["by_class"], key=worst_first)
        for row in [report["by_class"][name]]
    ]
    said = "The worst first. Precision: how many of those called so are. Recall: how many of them are found."
    return section("By label", said, table(["Label", "Pictures", "Precision", "Recall", "F1"], rows))


def _calibration(report: Report) -> str:
    said = (
        "Where a bar ends above the line the model is better than it says; where it ends below, it is too "
        "sure of itself. A faint bar has fewer than ten pictures."
    )
    figure = reliability(report["calibration"]["bins"])
    return section("Can its scores be believed?", said, f'<div class="sheet pad">{figure}</div>')


def _slices(report: Report) -> str:
    tables = "".join(
        f"<div><h3>{escape(way.capitalize())}</h3>"
        + table(
            ["", "Pictures", "Top-1"],
            [[escape(row["slice"]), str(row["images"]), bar(row["top1"], report["top1"])] for row in rows],
        )
        + "</div>"
        for way, rows in report["slices"].items()
    )
    said = "The same answers, by kinds of pictures. The tick is the whole test side."
    return section("Where it is weak", said, f'<div class="slices">{tables}</div>') if tables else ""


def _origin(settings: ClassificationSettings, report: Report) -> str:
    dataset = report["dataset"]
    of_tree = f", of the tree {settings.tree}" if settings.tree != settings.name else ""
    rows = [
        ["Model", escape(f"{settings.name}{of_tree}")],
        ["Answers of", escape(report["source"])],
        ["Data set", f"<code>{escape(dataset['manifest_sha256'])}</code>, as of {escape(dataset['as_of'])}"],
        ["Model's SHA-256", f"<code>{escape(str(report.get('model_sha256') or 'not packed'))}</code>"],
    ]
    cells = "".join(f'<tr><th scope="row">{name}</th><td>{value}</td></tr>' for name, value in rows)
    return section(
        "Where this comes from", "", f'<div class="sheet scroll"><table>{cells}</table></div></main>'
    )
