"""What the parts of report.html are made of: sections, tables and numbers."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

Report = Mapping[str, Any]


def section(title: str, said: str, body: str) -> str:
    """Return a section; `said` and `body` are HTML."""
    paragraph = f'<p class="soft">{said}</p>' if said else ""
    return f"<section><h2>{escape(title)}</h2>{paragraph}{body}</section>"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of HTML cells, whose first column names the rows."""
    head = "".join(f'<th scope="col">{heading}</th>' for heading in headings)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>{"".join(f"<td>{cell}</td>" for cell in row[1:])}</tr>'
        for row in rows
    )
    inner = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="sheet scroll">{inner}</div>'


def bar(value: float, whole: float) -> str:
    """Return a share as a bar, with a tick where that of the whole is."""
    style = f"--share:{value * 100:.1f}%;--whole:{whole * 100:.1f}%"
    return f'<span class="bar" style="{style}"></span> {percent(value)}'


def percent(value: float) -> str:
    """Return a share in percent."""
    return f"{value * 100:.1f} %"


def points(value: float) -> str:
    """Return a difference of shares."""
    return f"{value * 100:.1f} points"


def share(value: float | None) -> str:
    """Return a share as a fraction; None is a dash."""
    return "-" if value is None else f"{value:.3f}"


def times(count: int) -> str:
    """Return how often."""
    return "once" if count == 1 else f"{count} times"
