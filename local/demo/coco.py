"""COCO JSON, as the many tools that export it write it."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from local.demo.batch import BadInput, SetAside
from local.demo.boxes import Box
from local.demo.label_file import BadLabel, Entry, LabelFile, number, read_box, whole_number

PARTS = ("images", "annotations", "categories")


def parse(document: Mapping[str, Any], source: str) -> LabelFile:
    """Read a COCO document; `source` is its name for messages.

    An image without annotations is a picture without objects. `group` on an image names the physical object.
    Raises BadInput where the document as a whole makes no sense.
    """
    for part in PARTS:
        if not isinstance(document.get(part), list):
            raise BadInput(f'{source}: COCO JSON needs a list "{part}"; export the labels as COCO again')
    categories = _categories(document["categories"], source)
    annotations, strays = _annotations_by_image(document["annotations"])
    entries: list[Entry] = []
    set_aside = list(strays)
    images = document["images"]
    repeated = {
        key for key, times in Counter(_key(_get(image, "id")) for image in images).items() if times > 1
    }
    for index, image in enumerate(images):
        name = _get(image, "file_name")
        if not isinstance(name, str) or not name.strip() or _get(image, "id") is None:
            set_aside.append(SetAside(f"images[{index}]", f"{source} gives it no file_name or no id"))
            continue
        key = _key(image["id"])
        if key in repeated:
            entries.append(_entry(image, problem=f"{source} gives its id {image['id']} to several images"))
        else:
            entries.append(_labeled_entry(image, annotations.get(key, []), categories))
    known = {_key(_get(image, "id")) for image in images}
    for key in annotations.keys() - known:
        text = f"{len(annotations[key])} of its annotations belong to an image id that {source} does not list"
        set_aside.append(SetAside(f"image id {key}", text))
    return LabelFile("COCO", tuple(dict.fromkeys(categories.values())), tuple(entries), tuple(set_aside))


def _categories(listed: list[Any], source: str) -> dict[str, str]:
    names: dict[str, str] = {}
    for category in listed:
        key, name = _key(_get(category, "id")), _get(category, "name")
        if key == "None" or not isinstance(name, str) or not name.strip():
            raise BadInput(f"{source}: a category without an id or a name: {category!r}; name every category")
        if names.setdefault(key, name.strip()) != name.strip():
            raise BadInput(
                f'{source}: category id {key} is both "{names[key]}" and "{name}"; use each id once'
            )
    if not names:
        raise BadInput(f"{source}: no categories; the model learns its classes from them")
    return names


def _annotations_by_image(listed: list[Any]) -> tuple[dict[str, list[dict[str, Any]]], list[SetAside]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    strays = []
    for index, annotation in enumerate(listed):
        if isinstance(annotation, dict) and annotation.get("image_id") is not None:
            found[_key(annotation["image_id"])].append(annotation)
        else:
            strays.append(SetAside(f"annotations[{index}]", "it names no image"))
    return dict(found), strays


def _labeled_entry(
    image: Mapping[str, Any], annotations: list[dict[str, Any]], categories: Mapping[str, str]
) -> Entry:
    try:
        return _entry(image, boxes=tuple(_box(annotation, categories) for annotation in annotations))
    except BadLabel as error:
        return _entry(image, problem=str(error))


def _entry(image: Mapping[str, Any], *, boxes: tuple[Box, ...] = (), problem: str | None = None) -> Entry:
    group = image.get("group")
    return Entry(
        picture=image["file_name"].strip().replace("\\", "/"),
        boxes=boxes,
        width=whole_number(image.get("width")),
        height=whole_number(image.get("height")),
        group=str(group).strip() or None if isinstance(group, str | int) else None,
        problem=problem,
    )


def _box(annotation: Mapping[str, Any], categories: Mapping[str, str]) -> Box:
    label = categories.get(_key(annotation.get("category_id")))
    if label is None:
        raise BadLabel(f"a box has the unknown category id {annotation.get('category_id')}")
    if annotation.get("iscrowd") in (1, True, "1"):
        raise BadLabel("a box stands for a crowd of objects (iscrowd), not for one")
    corners = annotation.get("bbox") or _extent(annotation.get("segmentation"))
    if not isinstance(corners, list | tuple) or len(corners) != 4:
        raise BadLabel("an annotation has no box of four numbers")
    return read_box(label, *corners)


def _extent(segmentation: Any) -> list[float] | None:
    """Return the box around polygons; None for masks, and where there is nothing."""
    if not isinstance(segmentation, list):
        return None
    try:
        polygons = [[number(value) for value in polygon] for polygon in segmentation]
    except (TypeError, ValueError):
        return None
    across = [x for polygon in polygons for x in polygon[0::2]]
    down = [y for polygon in polygons for y in polygon[1::2]]
    if not across or not down:
        return None
    return [min(across), min(down), max(across) - min(across), max(down) - min(down)]


def _get(mapping: Any, key: str) -> Any:
    return mapping.get(key) if isinstance(mapping, dict) else None


def _key(identifier: Any) -> str:
    """Ids are numbers in most files and strings in some; 7, 7.0 and "7" are the same."""
    is_whole = isinstance(identifier, float) and identifier.is_integer()
    return str(int(identifier)) if is_whole else str(identifier)
