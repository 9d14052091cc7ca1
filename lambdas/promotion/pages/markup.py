"""HTML and SVG as values: whatever text goes into an element is escaped, so nothing can be forgotten."""

from collections.abc import Iterable
from html import escape


class Markup(str):
    """Text that is markup already and goes into an element as it is."""

    __slots__ = ()


Content = Markup | str | int | float | None | Iterable["Content"]
Attribute = str | int | float | bool | None

_WITHOUT_END = {"meta", "br"}
_SHAPES = {"rect", "line", "path", "polyline", "circle", "image", "use"}


def element(name: str, /, *content: Content, **attributes: Attribute) -> Markup:
    """Make an element; `class_` is `class`, other underscores are hyphens, None and False are left out."""
    start = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _SHAPES and not content:
        return Markup(f"<{name}{start}/>")
    if name in _WITHOUT_END:
        return Markup(f"<{name}{start}>")
    return Markup(f"<{name}{start}>{join(content)}</{name}>")


def join(content: Content) -> Markup:
    """Put pieces of content one after the other."""
    if content is None:
        return Markup()
    if isinstance(content, Markup):
        return content
    if isinstance(content, str | int | float):
        return Markup(escape(str(content)))
    return Markup("".join(join(piece) for piece in content))


def _attribute(key: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    if value is True:
        return f" {name}"
    return f' {name}="{escape(str(value))}"'
