"""One test picture as the page shows it: the truth, the new version's answer and, where it differs, prod's.

Objects are drawn with whole lines and answers with broken ones; what is wrong is hatched or crossed out and
says so in a word, so that nothing depends on telling colours apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lambdas.promotion.pages.labels import Label, place
from lambdas.promotion.pages.markup import Content, Markup, element
from lambdas.promotion.pages.mistakes import (
    CONFUSED,
    FALSE,
    FOUND,
    MISPLACED,
    MISSED,
    RIGHT,
    Compared,
    Judged,
    Mark,
)
from lambdas.promotion.pages.numbers import of

_WORDS = {MISSED: "missed", MISPLACED: "misplaced", CONFUSED: "wrong class", FALSE: "false"}


@dataclass(frozen=True)
class Picture:
    """A picture of the test set: the data URI that embeds it, or None and why it is not embedded."""

    uri: str
    embedded: str | None
    reason: str = ""


@dataclass(frozen=True)
class Names:
    """How the two versions are called on the page, and whether a mark has to name its class."""

    new: str
    prod: str
    classes: bool


def plate(compared: Compared, picture: Picture, number: int, names: Names) -> Markup:
    """Draw one picture's panels and say in words what is wrong."""
    new, prod = compared.new, compared.prod
    differs = prod is not None and prod.verdicts() != new.verdicts()
    source = f"picture-{number}"
    panels = [
        _panel("Truth", new, new.objects, _image(picture, new, source), names),
        _panel(names.new, new, new.answers, _again(picture, source), names),
    ]
    if prod is not None and differs:
        panels.append(_panel(names.prod, prod, prod.answers, _again(picture, source), names))
    said = [element("b", names.new), f": {in_words(new)}."]
    if prod is not None:
        same = "the same mistakes" if not differs else in_words(prod)
        said += [" ", element("b", names.prod), f": {same}."]
    return element(
        "figure",
        element("div", *panels, class_=f"panels of-{len(panels)}"),
        element(
            "figcaption",
            element("span", new.uri.rpartition("/")[2] or new.file, class_="name"),
            element("span", *said),
            element("span", f"The picture is not shown: {picture.reason}. {picture.uri}", class_="soft")
            if picture.embedded is None
            else None,
        ),
        class_="sheet plate",
    )


def in_words(judged: Judged) -> str:
    """Say how a picture was answered: `1 missed, 2 false`."""
    parts = [
        f"{judged.tally(v)} {_WORDS[v]}" for v in (MISSED, MISPLACED, CONFUSED, FALSE) if judged.tally(v)
    ]
    found = judged.tally(FOUND)
    if found and parts:
        parts.insert(0, f"{found} found")
    return ", ".join(parts) or (f"all {found} found" if found else "nothing there, nothing found")


def hatching() -> Markup:
    """The pattern that missed objects are filled with, once for the page."""
    stripes = element("path", d="M0 8L8 0M-2 2L2 -2M6 10L10 6", class_="hatch")
    pattern = element("pattern", stripes, id="hatch", width=8, height=8, patternUnits="userSpaceOnUse")
    return element("svg", element("defs", pattern), class_="defs", width=0, height=0, aria_hidden="true")


def _panel(title: str, judged: Judged, marks: Sequence[Mark], image: Content, names: Names) -> Markup:
    width, height = judged.width, judged.height
    wrong_first = sorted(marks, key=lambda mark: mark.verdict in (FOUND, RIGHT))
    words = [(mark.box, _text(mark, names)) for mark in wrong_first]
    drawing = element(
        "svg",
        element("rect", class_="ground", width=width, height=height),
        image,
        [_mark(mark) for mark in reversed(wrong_first)],
        [_word(label) for label in place(words, width=width, height=height)],
        viewBox=f"0 0 {width} {height}",
        role="img",
        aria_label=f"{title}: {of(len(marks), 'mark')}",
    )
    return element("div", element("p", title, class_="panel-title"), drawing, class_="panel")


def _image(picture: Picture, judged: Judged, source: str) -> Content:
    if picture.embedded is None:
        return None
    return element(
        "image",
        id=source,
        href=picture.embedded,
        width=judged.width,
        height=judged.height,
        preserveAspectRatio="none",
    )


def _again(picture: Picture, source: str) -> Content:
    """The same picture once more, which needs no second copy of its bytes."""
    return None if picture.embedded is None else element("use", href=f"#{source}")


def _mark(mark: Mark) -> Markup:
    box, verdict = mark.box, mark.verdict
    side = "answer" if box.score is not None else "object"
    across = {
        "x": f"{box.left:.1f}",
        "y": f"{box.top:.1f}",
        "width": f"{max(box.right - box.left, 1):.1f}",
        "height": f"{max(box.bottom - box.top, 1):.1f}",
    }
    crossed = None
    if side == "answer" and verdict == FALSE:
        path = f"M{box.left:.1f} {box.top:.1f}L{box.right:.1f} {box.bottom:.1f}"
        crossed = element("path", d=f"{path}M{box.right:.1f} {box.top:.1f}L{box.left:.1f} {box.bottom:.1f}")
    return element(
        "g",
        element("rect", class_="halo", **across),
        element("rect", class_="line", **across),
        crossed,
        class_=f"{side} {verdict}",
    )


def _text(mark: Mark, names: Names) -> str:
    if mark.verdict == CONFUSED and mark.box.score is None:
        return f"{mark.box.label}, confused"
    word = "taken for" if mark.verdict == CONFUSED else _WORDS.get(mark.verdict, "")
    score = f"{mark.box.score:.2f}" if mark.box.score is not None else ""
    label = mark.box.label if names.classes or mark.verdict == CONFUSED else ""
    return " ".join(part for part in (word, label, score) if part)


def _word(label: Label) -> Markup:
    return element("text", label.text, x=f"{label.x:.1f}", y=f"{label.y:.1f}", font_size=f"{label.size:.1f}")
