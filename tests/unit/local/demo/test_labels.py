import json
import os

import numpy as np
import pytest
from PIL import Image

from inference.pictures import decode
from local.demo.batch import BadInput
from local.demo.boxes import Box
from local.demo.labels import read_labeled_folder

SCRATCH = {"id": 1, "name": "scratch"}


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "images"
    path.mkdir()
    return path


def picture(path, size=(60, 40), mode="RGB", seed=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed if seed is not None else abs(hash(path.name)))
    image = Image.fromarray(rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)).convert(mode)
    image.save(path, **options)
    return path


def coco(path, images, categories=(SCRATCH,)):
    """`images` is name -> list of boxes, or a dict with "boxes" and the image's other fields."""
    listed, annotations = [], []
    for number, (name, given) in enumerate(images.items(), start=1):
        fields = dict(given) if isinstance(given, dict) else {"boxes": given}
        boxes = fields.pop("boxes")
        listed.append({"id": number, "file_name": name, "width": 60, "height": 40} | fields)
        annotations += [
            {"id": len(annotations) + i, "image_id": number, "category_id": 1}
            | (b if isinstance(b, dict) else {"bbox": b})
            for i, b in enumerate(boxes, start=1)
        ]
    path.write_text(
        json.dumps({"images": listed, "annotations": annotations, "categories": list(categories)})
    )
    return path


def reasons(batch):
    return {item.name: item.reason for item in batch.set_aside}


def by_name(batch):
    return {picture.name: picture for picture in batch.pictures}


# --- used as they are --------------------------------------------------------------------------------------


def test_reads_coco_with_groups_and_pictures_without_objects(folder, tmp_path):
    picture(folder / "a.jpg")
    picture(folder / "b.png")
    labels = coco(tmp_path / "l.json", {"a.jpg": {"boxes": [[5, 6, 7, 8]], "group": "tag 7"}, "b.png": []})

    batch = read_labeled_folder(folder, labels)

    assert batch.classes == ("scratch",)
    assert by_name(batch)["a.jpg"].boxes == (Box("scratch", 5, 6, 7, 8),)
    assert by_name(batch)["a.jpg"].group == "tag 7"
    assert by_name(batch)["b.png"].boxes == ()
    assert by_name(batch)["b.png"].group is None
    assert batch.set_aside == () == batch.notes


@pytest.mark.parametrize(
    ("name", "mode"), [("gray.png", "L"), ("alpha.png", "RGBA"), ("print.jpg", "CMYK"), ("palette.png", "P")]
)
def test_uses_pictures_of_every_mode(folder, tmp_path, name, mode):
    picture(folder / name, mode=mode)

    batch = read_labeled_folder(folder, coco(tmp_path / "l.json", {name: [[1, 2, 3, 4]]}))

    assert [p.name for p in batch.labeled] == [name]
    assert batch.set_aside == ()


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [(5, (4, 3)), (6, (40 - 4 - 9, 3)), (7, (40 - 4 - 9, 60 - 3 - 8)), (8, (4, 60 - 3 - 8))],
)
def test_turns_boxes_along_where_the_labels_count_in_stored_pixels(folder, tmp_path, orientation, expected):
    stored = np.zeros((40, 60, 3), np.uint8)
    stored[4:13, 3:11] = 255  # left 3, top 4, width 8, height 9
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored).save(folder / "a.png", exif=exif)

    batch = read_labeled_folder(folder, coco(tmp_path / "l.json", {"a.png": [[3, 4, 8, 9]]}))

    found = by_name(batch)["a.png"]
    assert (found.width, found.height) == (40, 60)
    assert found.boxes == (Box("scratch", *expected, 9, 8),)
    white = np.argwhere(_upright(folder / "a.png") == 255)
    assert tuple(white.min(0)[::-1]) == expected


def test_takes_boxes_as_upright_where_the_labels_count_in_upright_pixels(folder, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(folder / "a.jpg", exif=exif)
    labels = coco(tmp_path / "l.json", {"a.jpg": {"boxes": [[3, 4, 8, 9]], "width": 40, "height": 60}})

    assert by_name(read_labeled_folder(folder, labels))["a.jpg"].boxes == (Box("scratch", 3, 4, 8, 9),)


@pytest.mark.parametrize(
    ("on_disk", "in_labels"),
    [
        ("sub/deep/a.jpg", "a.jpg"),
        ("sub/a.jpg", "sub/a.jpg"),
        ("a.jpg", "images/train/a.jpg"),
        ("a.jpg", "images\\train\\a.jpg"),
        ("A.JPG", "a.jpg"),
        ("rösti ü.jpg", "rösti ü.jpg"),
        ("cafe\u0301.jpg", "caf\u00e9.jpg"),
        ("a#1?.jpg", "a#1?.jpg"),
    ],
)
def test_finds_the_picture_that_a_label_means(folder, tmp_path, on_disk, in_labels):
    picture(folder / on_disk)

    batch = read_labeled_folder(folder, coco(tmp_path / "l.json", {in_labels: [[1, 2, 3, 4]]}))

    assert [p.name for p in batch.labeled] == [on_disk]
    assert batch.set_aside == ()


def test_a_name_that_two_folders_hold_is_taken_for_neither(folder, tmp_path):
    for part, seed in (("train", 1), ("val", 2)):
        picture(folder / part / "a.jpg", seed=seed)
    picture(folder / "b.jpg")
    labels = coco(
        tmp_path / "l.json", {"a.jpg": [[1, 2, 3, 4]], "other/b.jpg": [], "train/a.jpg": [[5, 5, 5, 5]]}
    )

    batch = read_labeled_folder(folder, labels)

    assert "2 pictures of this name" in reasons(batch)["a.jpg"]
    assert by_name(batch)["train/a.jpg"].boxes == (Box("scratch", 5, 5, 5, 5),)
    assert by_name(batch)["val/a.jpg"].boxes is None


def test_clips_a_box_at_the_edge_and_says_so(folder, tmp_path):
    picture(folder / "a.jpg")

    batch = read_labeled_folder(folder, coco(tmp_path / "l.json", {"a.jpg": [[50, 30, 15, 10.4]]}))

    assert by_name(batch)["a.jpg"].boxes == (Box("scratch", 50, 30, 10, 10),)
    assert batch.notes == ("a.jpg: a box reaches 5 pixels over the edge and is clipped",)


def test_a_polygon_without_a_box_gives_its_extent(folder, tmp_path):
    picture(folder / "a.jpg")
    outline = {"segmentation": [[3, 4, 13, 4, 13, 9]]}

    batch = read_labeled_folder(folder, coco(tmp_path / "l.json", {"a.jpg": [outline]}))

    assert by_name(batch)["a.jpg"].boxes == (Box("scratch", 3, 4, 10, 5),)


def test_ids_may_be_strings(folder, tmp_path):
    picture(folder / "a.jpg")
    document = {
        "images": [{"id": "7", "file_name": "a.jpg"}],
        "annotations": [{"image_id": 7, "category_id": 2.0, "bbox": [1, "2.5", 3, 4]}],
        "categories": [{"id": "2", "name": "dent"}, {"id": 3, "name": "never seen"}],
    }
    (tmp_path / "l.json").write_text(json.dumps(document), encoding="utf-8-sig")

    batch = read_labeled_folder(folder, tmp_path / "l.json")

    assert batch.classes == ("dent",)
    assert by_name(batch)["a.jpg"].boxes == (Box("dent", 1, 2.5, 3, 4),)
    assert batch.notes == ("no picture shows never seen: the model does not learn it",)


# --- set aside, by name ------------------------------------------------------------------------------------


def test_names_every_file_that_cannot_be_used(folder, tmp_path):
    picture(folder / "good.jpg")
    whole = picture(folder / "cut.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.jpg").write_text("I am no picture")
    (folder / "notes.txt").write_text("shift 2")
    (folder / ".DS_Store").write_bytes(b"x")
    picture(folder / "no-extension.tmp", format="PNG")
    names = ["good.jpg", "cut.jpg", "empty.png", "text.jpg", "gone.jpg", "no-extension.tmp"]
    labels = coco(folder / "labels.json", {name: [[1, 2, 3, 4]] for name in names})

    batch = read_labeled_folder(folder, labels)

    assert {p.name for p in batch.labeled} == {"good.jpg", "no-extension.tmp"}
    assert set(reasons(batch)) == {"cut.jpg", "empty.png", "text.jpg", "notes.txt", ".DS_Store", "gone.jpg"}
    assert "not in the folder" in reasons(batch)["gone.jpg"]
    assert "empty" in reasons(batch)["empty.png"]
    assert {p.name for p in batch.uploads} == {
        "good.jpg",
        "no-extension.tmp",
        "cut.jpg",
        "empty.png",
        "text.jpg",
    }


def test_a_picture_without_a_label_is_named_and_left_to_the_devices(folder, tmp_path):
    picture(folder / "a.jpg")
    picture(folder / "b.jpg")

    batch = read_labeled_folder(folder, coco(tmp_path / "l.json", {"a.jpg": [[1, 2, 3, 4]]}))

    assert [p.name for p in batch.unlabeled] == ["b.jpg"]
    assert "no label" in reasons(batch)["b.jpg"]
    assert "b.jpg" not in {p.name for p in batch.uploads}


def test_the_second_file_with_the_same_bytes_is_named_with_the_first(folder, tmp_path):
    picture(folder / "a.jpg")
    (folder / "b.jpg").write_bytes((folder / "a.jpg").read_bytes())

    batch = read_labeled_folder(folder, coco(tmp_path / "l.json", {"b.jpg": [[1, 2, 3, 4]]}))

    assert reasons(batch)["b.jpg"] == "same bytes as a.jpg"
    assert [(p.name, len(p.boxes)) for p in batch.labeled] == [("a.jpg", 1)]
    assert {p.name for p in batch.uploads} == {"a.jpg", "b.jpg"}  # the line sees both, and keeps one


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ([100, 100, 5, 5], "outside the picture"),
        ([-20, 0, 30, 5], "outside the picture"),
        ([1, 1, 0, 5], "no extent"),
        ([9, 9, -3, 5], "no extent"),
        ([1, 1, "wide", 5], "not four numbers"),
        ([1, float("nan"), 3, 5], "finite"),
        ([1, 1, 5], "no box of four numbers"),
        ({"bbox": [1, 1, 5, 5], "category_id": 9}, "unknown category id 9"),
        ({"bbox": [1, 1, 5, 5], "iscrowd": 1}, "crowd"),
        ({"segmentation": {"counts": "abc", "size": [1, 2]}}, "no box"),
    ],
)
def test_a_bad_box_takes_its_picture_out_of_training(folder, tmp_path, box, reason):
    picture(folder / "a.jpg")
    picture(folder / "b.jpg")
    labels = coco(tmp_path / "l.json", {"a.jpg": [[1, 1, 5, 5], box], "b.jpg": [[1, 1, 5, 5]]})

    batch = read_labeled_folder(folder, labels)

    assert [p.name for p in batch.labeled] == ["b.jpg"]
    assert reason in reasons(batch)["a.jpg"]


def test_a_label_of_another_size_is_no_label_of_this_picture(folder, tmp_path):
    picture(folder / "a.jpg")
    picture(folder / "b.jpg")
    labels = coco(
        tmp_path / "l.json", {"a.jpg": {"boxes": [[1, 1, 5, 5]], "width": 600}, "b.jpg": [[1, 1, 5, 5]]}
    )

    assert "600 x 40" in reasons(read_labeled_folder(folder, labels))["a.jpg"]


def test_ambiguous_ids_and_stray_annotations_are_named(folder, tmp_path):
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        picture(folder / name)
    box = {"category_id": 1, "bbox": [1, 1, 5, 5]}
    document = {
        "images": [
            {"id": 1, "file_name": "a.jpg"},
            {"id": 1, "file_name": "b.jpg"},
            {"id": 2, "file_name": "c.jpg"},
            {"id": 3},
            "nonsense",
        ],
        "annotations": [box | {"image_id": 1}, box | {"image_id": 2}, box | {"image_id": 99}, box, None],
        "categories": [SCRATCH],
    }
    (tmp_path / "l.json").write_text(json.dumps(document))

    found = reasons(read_labeled_folder(folder, tmp_path / "l.json"))

    assert "several images" in found["a.jpg"]
    assert "several images" in found["b.jpg"]
    assert {"image id 99", "images[3]", "images[4]", "annotations[3]", "annotations[4]"} <= set(found)


def test_two_different_labels_for_one_file_are_both_refused(folder, tmp_path):
    picture(folder / "a.jpg")
    picture(folder / "b.jpg")
    labels = coco(tmp_path / "l.json", {"a.jpg": [[1, 1, 5, 5]], "x/a.jpg": [], "b.jpg": [[1, 1, 5, 5]]})

    batch = read_labeled_folder(folder, labels)

    assert "labels it 2 times" in reasons(batch)["a.jpg"]


# --- Ground Truth ------------------------------------------------------------------------------------------


def line(name, annotations, *, classes=("scratch", "dent"), attribute="boxes", size=(60, 40), **metadata):
    return {
        "source-ref": f"s3://bucket/some/prefix/{name}",
        attribute: {
            "image_size": [{"width": size[0], "height": size[1], "depth": 3}],
            "annotations": annotations,
        },
        f"{attribute}-metadata": {
            "objects": [{"confidence": 0}] * len(annotations),
            "class-map": {str(i): name for i, name in enumerate(classes)},
            "type": "groundtruth/object-detection",
            "human-annotated": "yes",
            "creation-date": "2024-05-01T10:00:00.123456",
            "job-name": "labeling-job/boxes",
        }
        | metadata,
    }


def gt_box(class_id, left=1.5, top=2, width=3.25, height=4):
    return {"class_id": class_id, "left": left, "top": top, "width": width, "height": height}


def manifest(path, *lines):
    path.write_text("\n".join(item if isinstance(item, str) else json.dumps(item) for item in lines) + "\n\n")
    return path


def test_reads_a_manifest_in_all_its_variants(folder, tmp_path):
    for name in ("int.jpg", "string.jpg", "none.jpg", "adjusted.jpg", "plain.jpg", "failed.jpg", "bad.jpg"):
        picture(folder / name)
    adjusted = line("adjusted.jpg", [gt_box(0)], attribute="new", **{"creation-date": "2024-06-01T10:00:00Z"})
    rejected = {
        "check": 1,
        "check-metadata": {
            "type": "groundtruth/label-verification",
            "class-name": "bad",
            "creation-date": "2024-05-02 10:00:00+02:00",
        },
    }
    failed = {
        "source-ref": "s3://bucket/failed.jpg",
        "boxes-metadata": {
            "type": "groundtruth/object-detection",
            "failure-reason": "ClientError: cannot\nread",
        },
    }
    labels = manifest(
        tmp_path / "output.manifest",
        line("int.jpg", [gt_box(1)]),
        line("string.jpg", [gt_box("0")]),
        line("none.jpg", []),
        line("adjusted.jpg", []) | adjusted,
        {"source-ref": "s3://bucket/plain.jpg"},
        failed,
        line("bad.jpg", [gt_box(0)]) | rejected,
        "{broken",
        {"source": "some text"},
    )

    batch = read_labeled_folder(folder, labels)

    found = by_name(batch)
    assert batch.classes == ("scratch", "dent")
    assert found["int.jpg"].boxes == (Box("dent", 1.5, 2, 3.25, 4),)
    assert found["string.jpg"].boxes == (Box("scratch", 1.5, 2, 3.25, 4),)
    assert found["none.jpg"].boxes == ()
    assert found["adjusted.jpg"].boxes == (Box("scratch", 1.5, 2, 3.25, 4),)
    assert reasons(batch) == {
        "plain.jpg": "its line holds no boxes",
        "failed.jpg": "labeling failed: ClientError: cannot read",
        "bad.jpg": 'its label was verified as "bad"',
        "output.manifest, line 8": "not a line of JSON",
        "output.manifest, line 9": "no source-ref, so no picture",
    }


def test_names_a_class_id_that_the_class_map_lacks(folder, tmp_path):
    picture(folder / "a.jpg")
    picture(folder / "b.jpg")
    labels = manifest(tmp_path / "m.json", line("a.jpg", [gt_box(7)]), line("b.jpg", [gt_box(0)]))

    assert "class id 7" in reasons(read_labeled_folder(folder, labels))["a.jpg"]


# --- one clear line ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "an empty file"),
        (b"\x89PNG\r\n\x1a\n....", "a PNG picture"),
        (b"PK\x03\x04....", "a ZIP archive"),
        (b"file,left,top\na.jpg,1,2\n", "something like a CSV table"),
        (b"<annotation></annotation>", "an XML"),
        (b"0 0.5 0.5 0.1 0.1", "a text file"),
        (b'{"images": [', "broken JSON"),
        (b"[" * 100_000, "broken JSON"),
        (b"[]", "a JSON list"),
        (b'{"a": 1}', "JSON of another kind"),
        (b"\xff\x00\xfe", "not text"),
        (b'{"images": [], "annotations": [], "categories": []}', "no categories"),
        (b'{"images": [], "annotations": {}, "categories": []}', 'needs a list "annotations"'),
        (b'{"images": [], "annotations": [], "categories": [{"id": 1}]}', "without an id or a name"),
        (
            b'{"images": [], "annotations": [], "categories": [{"id": 1, "name": "a"}]}',
            "labels no usable picture",
        ),
        (
            b'{"source-ref": "s3://b/a.jpg", "c": 1, "c-metadata": {"type": "x/image-classification"}}',
            "no boxes",
        ),
    ],
)
def test_a_label_file_of_another_kind_ends_in_one_line(folder, tmp_path, content, expected):
    picture(folder / "a.jpg")
    (tmp_path / "labels.json").write_bytes(content)

    with pytest.raises(BadInput, match=expected) as caught:
        read_labeled_folder(folder, tmp_path / "labels.json")

    assert "labels.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_folder_no_pictures_no_labels(folder, tmp_path):
    labels = coco(tmp_path / "l.json", {"a.jpg": []})
    cases = {
        "no such folder": (tmp_path / "nowhere", labels),
        "not a folder": (labels, labels),
        "no picture in this folder": (folder, labels),
        "no such label file": (folder, tmp_path / "nothing.json"),
        "the label file itself": (folder, folder),
        "give LABELS=": (folder, None),
    }
    for expected, (images, given) in cases.items():
        with pytest.raises(BadInput, match=expected):
            read_labeled_folder(images, given)


def test_labels_without_a_single_box_leave_nothing_to_learn(folder, tmp_path):
    picture(folder / "a.jpg")

    with pytest.raises(BadInput, match="nothing to learn"):
        read_labeled_folder(folder, coco(tmp_path / "l.json", {"a.jpg": []}))


def test_tells_how_far_it_is(folder, tmp_path):
    for number in range(3):
        picture(folder / f"{number}.jpg")
    seen = []

    labels = coco(tmp_path / "l.json", {"0.jpg": [[1, 1, 2, 2]]})
    read_labeled_folder(folder, labels, progress=lambda done, total: seen.append((done, total)))

    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_a_group_with_other_letters_fits_an_object_header(folder, tmp_path):
    picture(folder / "a.jpg")
    labels = coco(tmp_path / "l.json", {"a.jpg": {"boxes": [[1, 1, 2, 2]], "group": "Schild Ä"}})

    assert by_name(read_labeled_folder(folder, labels))["a.jpg"].object_metadata == {"group": "Schild %C3%84"}


def test_a_picture_that_cannot_be_opened_is_named(folder, tmp_path):
    picture(folder / "a.jpg")
    os.symlink(tmp_path / "nowhere.jpg", folder / "broken.jpg")

    batch = read_labeled_folder(folder, coco(tmp_path / "l.json", {"a.jpg": [[1, 1, 2, 2]]}))

    assert "cannot be read" in reasons(batch)["broken.jpg"]
    assert [p.name for p in batch.uploads] == ["a.jpg"]


def _upright(path):
    return decode(path.read_bytes())[:, :, 0]
