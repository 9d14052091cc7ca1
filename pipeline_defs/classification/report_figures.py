"""The figures of report.html, as HTML and SVG that follow the page's colours."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

_MOST_LABELS = 60  # of a grid that is still read
_SIZES = ((24, "large"), (40, "small"))  # labels of a grid
_FEW = 10  # pictures of a bin that says little
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 640, 300, 44, 34


def confusion_grid(labels: Sequence[str], matrix: Sequence[Sequence[int]]) -> tuple[str, int]:
    """Return the grid as a table, and how many labels are left out of it."""
    counts = np.array(matrix)
    shown = _most_confused(counts)
    head = "".join(f'<th scope="col"><span>{escape(labels[i])}</span></th>' for i in shown)
    rows = "".join(
        f'<tr><th scope="row">{escape(labels[i])}</th>{_cells(counts, labels, i, shown)}</tr>' for i in shown
    )
    size = next((name for most, name in _SIZES if len(shown) <= most), "tiny")
    grid = f'<table class="grid {size}"><thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table>'
    return grid, len(labels) - len(shown)


def _most_confused(counts: Any) -> list[int]:
    if len(counts) <= _MOST_LABELS:
        return list(range(len(counts)))
    wrong = counts.sum(axis=0) + counts.sum(axis=1) - 2 * counts.diagonal()
    return sorted(int(i) for i in np.argsort(-wrong, kind="stable")[:_MOST_LABELS])


def _cells(counts: Any, labels: Sequence[str], row: int, shown: Sequence[int]) -> str:
    of_row = max(1, int(counts[row].sum()))
    return "".join(_cell(int(counts[row, column]), of_row, labels, row, column) for column in shown)


def _cell(count: int, of_row: int, labels: Sequence[str], row: int, column: int) -> str:
    kind = "right" if row == column else "wrong"
    if not count:
        return f'<td class="{kind}"></td>'
    share = count / of_row
    words = f"{labels[row]} called {labels[column]}: {count} of {of_row}"
    strong = " strong" if share > 0.55 else ""
    # A single mistake among many pictures is to be seen too.
    tint = 12 + 88 * share
    return f'<td class="{kind}{strong}" style="--share:{tint:.0f}%" title="{escape(words)}">{count}</td>'


def reliability(bins: Sequence[Mapping[str, Any]]) -> str:
    """Return accuracy beside confidence as an SVG: a bar for each bin that has pictures."""
    wide, high = _WIDTH - _LEFT - 8, _HEIGHT - _BOTTOM - 20
    base = _HEIGHT - _BOTTOM
    axis = "".join(
        f'<line class="rule" x1="{_LEFT}" x2="{_WIDTH - 8}" y1="{_at(share, base, high)}"'
        f' y2="{_at(share, base, high)}"/><text class="tick" x="{_LEFT - 8}"'
        f' y="{_at(share, base, high) + 4:.1f}" text-anchor="end">{share:.0%}</text>'
        for share in (0.0, 0.25, 0.5, 0.75, 1.0)
    )
    bars = "".join(_bin(each, wide, high, base) for each in bins)
    ticks = "".join(
        f'<text class="tick" x="{_LEFT + wide * each["low"]:.1f}" y="{base + 18}" text-anchor="middle">'
        f"{each['low']:.1f}</text>"
        for each in bins
    )
    ideal = f'<line class="ideal" x1="{_LEFT}" y1="{base}" x2="{_LEFT + wide}" y2="{base - high}"/>'
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="Accuracy by score">'
        f"{axis}{bars}{ideal}{ticks}</svg>"
        '<p class="axis soft">across: the score of the best label; up: how often it is right; '
        "on the bars: pictures</p>"
    )


def _bin(each: Mapping[str, Any], wide: float, high: float, base: float) -> str:
    if not each["count"]:
        return ""
    left = _LEFT + wide * each["low"] + 3
    width = wide * (each["high"] - each["low"]) - 6
    top = _at(each["accuracy"], base, high)
    few = " few" if each["count"] < _FEW else ""
    words = f"scores {each['low']:.1f} to {each['high']:.1f}: {each['accuracy']:.0%} of {each['count']} right"
    return (
        f'<g><title>{words}</title><rect class="bin{few}" x="{left:.1f}" y="{top:.1f}" width="{width:.1f}"'
        f' height="{base - top:.1f}" rx="2"/><text class="count" x="{left + width / 2:.1f}"'
        f' y="{top - 5:.1f}" text-anchor="middle">{each["count"]}</text></g>'
    )


def _at(share: float, base: float, high: float) -> float:
    return round(base - high * share, 1)


def stacked(shares: Sequence[tuple[str, float]]) -> str:
    """Return shares of a whole as one bar with its legend."""
    parts = "".join(
        f'<span class="part-{number}" style="flex-grow:{share:.4f}"></span>'
        for number, (_, share) in enumerate(shares)
        if share
    )
    legend = "".join(
        f'<li><span class="dot part-{number}"></span>{escape(name)} <b>{share * 100:.1f} %</b></li>'
        for number, (name, share) in enumerate(shares)
    )
    return f'<div class="stacked">{parts}</div><ul class="legend">{legend}</ul>'
