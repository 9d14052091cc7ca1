"""The part of report.html that only a parent has: what the way over it to its children costs."""

from html import escape

from pipeline_defs.classification.report_figures import stacked
from pipeline_defs.classification.report_parts import Report, percent, points, section, table

_HEADINGS = ("Group", "Pictures", "Group right", "Species, group known", "Species, end to end", "Cost")


def routing(found: Report | None) -> str:
    """Return the section; "" where nothing was routed."""
    if not found:
        return ""
    body = _answers(found) + table(_HEADINGS, _rows(found)) + _children(found)
    return section("What the route costs", _said(found), body)


def _said(found: Report) -> str:
    missing = escape(", ".join(found["missing"]))
    left_out = f" {found['left_out']} pictures are left out: there is no {missing} yet." if missing else ""
    enlarged = escape(", ".join(found["enlarged"]))
    smaller = (
        f" {enlarged}: asked with smaller pictures than in the application, and probably better there."
        if enlarged
        else ""
    )
    return (
        f"From picture to species {percent(found['top1_end_to_end'])} are right. If this model never erred "
        f"it would be {percent(found['top1_perfect_parent'])}: the way over the group costs "
        f"{points(found['cost'])}.{left_out}{smaller}"
    )


def _answers(found: Report) -> str:
    shares = stacked(
        [("a species", found["species"]), ("the group only", found["group"]), ("nothing", found["refused"])]
    )
    right = found["species_right"]
    sure = f"Of the species that it names, {percent(right)} are right." if right is not None else ""
    said = f'{shares}<p class="soft">{sure}</p>'
    return f'<div class="sheet pad"><h3>What the application would say</h3>{said}</div>'


def _rows(found: Report) -> list[list[str]]:
    return [
        [
            escape(group),
            str(row["images"]),
            percent(row["right_group"]),
            percent(row["top1_perfect_parent"]),
            percent(row["top1_end_to_end"]),
            points(row["cost"]),
        ]
        for group, row in found["by_group"].items()
    ]


def _children(found: Report) -> str:
    children = "".join(
        f"<li>{escape(child['model'])}: <code>{escape(child['model_package_arn'])}</code></li>"
        for child in found["children"]
    )
    return f"<details><summary>The children that were asked</summary><ul>{children}</ul></details>"
