"""The numbers of an evaluation beside those of the version in prod on the same pictures."""

from collections.abc import Mapping
from typing import Any

from lambdas.promotion.pages.charts import has_curve, precision_recall
from lambdas.promotion.pages.document import section, sheet, soft, table
from lambdas.promotion.pages.markup import Content, Markup, element
from lambdas.promotion.pages.mistakes import Compared
from lambdas.promotion.pages.numbers import Better, count, difference, milliseconds, number, of, score
from lambdas.promotion.pages.review import Review

_NOISE = 0.1  # so much do the latencies of one model differ from job to job
_SIZES = ("small", "medium", "large")


def key_numbers(review: Review, answers: list[Compared]) -> Markup:
    """The few numbers that a decision begins with."""
    new = review.new.evaluation
    old = review.compared_with.evaluation if review.compared_with else {}
    latency, latency_old = new.get("latency_ms") or {}, old.get("latency_ms") or {}
    clean = sum(pair.new.badness == 0 for pair in answers) if answers else None
    clean_old = (
        sum(pair.prod.badness == 0 for pair in answers if pair.prod)
        if answers and all(pair.prod for pair in answers)
        else None
    )
    numbers = [
        number("mAP50", score(new.get("map50")), _apart(new, old, "map50")),
        number("mAP50-95", score(new.get("map50_95")), _apart(new, old, "map50_95")),
        number(
            "Missed",
            count(_sum(new, "false_negatives")),
            _counted(new, old, "false_negatives"),
            of(int(new.get("boxes") or 0), "object") + " in all",
        ),
        number("False", count(_sum(new, "false_positives")), _counted(new, old, "false_positives")),
        number(
            "Without a mistake",
            count(clean),
            difference(clean, clean_old, better="higher", digits=0),
            f"of {of(int(new.get('images') or 0), 'picture')}",
        ),
        number(
            "Latency in the job",
            milliseconds(latency.get("p50")),
            difference(latency.get("p50"), latency_old.get("p50"), better="lower", digits=1, noise=_NOISE),
            f"95 in 100 within {milliseconds(latency.get('p95'))}",
        ),
    ]
    return element("dl", *numbers, class_="sheet numbers")


def quality(review: Review) -> Markup | None:
    """The curve, and the metrics by class and by size of the object."""
    new, old = review.new, review.compared_with
    if not new.evaluation.get("by_class"):
        return None
    found = f"{of(int(new.evaluation.get('boxes') or 0), 'object')} on"
    pictures = of(int(new.evaluation.get("images") or 0), "picture")
    drawn = _curve(review) if has_curve(new.evaluation) else None
    by_class = _grouped(
        "By class", new.evaluation["by_class"], (old.evaluation if old else {}).get("by_class") or {}
    )
    by_size = _by_size(new.evaluation, old.evaluation if old else {})
    return section(
        "quality",
        "How good it is",
        soft(
            f"{found} {pictures} of the frozen test set, which training never saw. A detection counts from a"
            f" score of {new.operating_score:g}, and is right from half overlap with an object."
        ),
        element("div", drawn, element("div", sheet(by_class), by_size, class_="stack"), class_="two")
        if drawn
        else element("div", sheet(by_class), by_size, class_="stack"),
    )


def _curve(review: Review) -> Markup:
    new, old = review.new, review.compared_with
    chart = precision_recall(
        new.evaluation,
        old.evaluation if old else None,
        names=(new.name, old.name if old else ""),
        operating_score=new.operating_score,
    )
    legend = [_key("new", new.name), _key("prod", f"{old.name}, in prod") if old else None]
    if len(new.evaluation["by_class"]) > 1:
        legend.append(_key("of-class", f"a class of {new.name.lower()}"))
    return sheet(chart, element("ul", *legend, class_="legend"))


def _key(kind: str, text: str) -> Markup:
    line = element("line", class_=kind, x1=1, x2=31, y1=5, y2=5)
    drawn = element("svg", line, class_="key curve", viewBox="0 0 32 10", aria_hidden="true")
    return element("li", drawn, text)


def _by_size(new: Mapping[str, Any], old: Mapping[str, Any]) -> Content:
    rows = {name: row for name, row in (new.get("by_size") or {}).items() if "boxes" in row}
    if not rows:
        return None
    order = sorted(rows, key=lambda name: (_SIZES.index(name) if name in _SIZES else len(_SIZES), name))
    before = old.get("by_size") or {}
    made = _grouped("By size of the object", {name: rows[name] for name in order}, before)
    return sheet(made, _bounds(new["by_size"].get("bounds") or {}))


def _bounds(bounds: Mapping[str, Any]) -> Content:
    if not {"small_below_area", "large_from_area", "longer_side"} <= bounds.keys():
        return None
    small, large = (round(bounds[name] ** 0.5) for name in ("small_below_area", "large_from_area"))
    said = f"Small: less than {small} by {small} pixels in a picture scaled to {bounds['longer_side']};"
    return element("p", f"{said} large: from {large} by {large}.", class_="soft fine")


_COLUMNS: Mapping[str, tuple[str, Better]] = {
    "ap50": ("AP50", "higher"),
    "ap50_95": ("AP50-95", "higher"),
    "true_positives": ("Found", "higher"),
    "false_negatives": ("Missed", "lower"),
    "false_positives": ("False", "lower"),
}


def _grouped(
    caption: str, new: Mapping[str, Mapping[str, Any]], old: Mapping[str, Mapping[str, Any]]
) -> Markup:
    shown = {key: column for key, column in _COLUMNS.items() if any(key in row for row in new.values())}
    rows: list[list[Content]] = []
    for name, row in new.items():
        before = old.get(name) or {}
        cells = [_cell(row, before, key, better) for key, (_, better) in shown.items()]
        rows.append([name, count(row.get("boxes")), *cells])
    return table(caption, [caption, "Objects", *(title for title, _ in shown.values())], rows)


def _cell(row: Mapping[str, Any], before: Mapping[str, Any], key: str, better: Better) -> Content:
    digits = 3 if key.startswith("ap") else 0
    text = score(row.get(key)) if digits else count(row.get(key))
    return [text, difference(row.get(key), before.get(key), better=better, digits=digits)]


def _apart(new: Mapping[str, Any], old: Mapping[str, Any], key: str) -> Markup:
    return difference(new.get(key), old.get(key), better="higher")


def _counted(new: Mapping[str, Any], old: Mapping[str, Any], key: str) -> Markup:
    return difference(_sum(new, key), _sum(old, key), better="lower", digits=0)


def _sum(evaluation: Mapping[str, Any], key: str) -> int | None:
    rows = (evaluation.get("by_class") or {}).values()
    known = [row[key] for row in rows if row.get(key) is not None]
    return sum(known) if known else None
