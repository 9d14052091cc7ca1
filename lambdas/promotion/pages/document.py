"""The frame of a page: one file that needs nothing beside it, and in which nothing can run."""

import base64
import hashlib
from pathlib import Path

from lambdas.promotion.pages.markup import Content, Markup, element

_STYLE = Path(__file__).with_name("style.css")


def document(title: str, *body: Content) -> str:
    """Return a whole HTML document; its policy allows the one style sheet and embedded pictures."""
    style = _STYLE.read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", name="robots", content="noindex"),
        element("title", title),
        element("style", Markup(style)),
    )
    page = element("html", head, element("body", *body), lang="en")
    return f"<!doctype html>\n{page}\n"


def section(anchor: str, title: str, *content: Content) -> Markup:
    """A part of the page under its heading."""
    heading = f"h-{anchor}"
    return element("section", element("h2", title, id=heading), *content, id=anchor, aria_labelledby=heading)


def sheet(*content: Content, extra: str = "") -> Markup:
    """A raised piece of paper."""
    return element("div", *content, class_=f"sheet pad {extra}".strip())


def soft(*content: Content) -> Markup:
    """A line of explanation."""
    return element("p", *content, class_="soft")


def code(text: str) -> Markup:
    """Something to copy, or to compare letter by letter."""
    return element("code", text)


def facts(*rows: tuple[Content, Content], below: bool = False) -> Markup:
    """Names and, beside or below them, what they are; rows without content are left out."""
    shown = [
        element("div", element("dt", name), element("dd", content))
        for name, content in rows
        if content not in (None, "", Markup())
    ]
    return element("dl", *shown, class_="facts below" if below else "facts")


def table(caption: str, head: list[str], rows: list[list[Content]]) -> Markup:
    """A table whose first column names the rows and whose others hold numbers."""
    first, *numbers = head
    columns = [
        element("th", first, scope="col"),
        *(element("th", name, scope="col", class_="n") for name in numbers),
    ]
    lines = [
        element(
            "tr",
            element("th", name, scope="row"),
            *(element("td", cell, class_="n") for cell in cells),
        )
        for name, *cells in rows
    ]
    made = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *columns)),
        element("tbody", *lines),
    )
    return element("div", made, class_="scroll", tabindex=0, role="region", aria_label=caption)
