"""What is a picture that a model may learn from; what is not, is refused with its reason."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from inference.pictures import decode
from pipeline_defs.classification import picture_check as checks
from pipeline_defs.classification.picture_check import Facts, Refused, check
from pipeline_defs.classification.settings import Quality

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of damaged TIFFs

RULES = Quality()


def scene(width: int = 120, height: int = 90, mode: str = "RGB") -> Image.Image:
    coarse = np.random.default_rng(7).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC).convert(mode)


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


DHASH = check(encoded(scene()), "a.jpg", RULES).dhash


def refusal(content: bytes, name: str = "x.jpg", rules: Quality = RULES) -> str:
    with pytest.raises(Refused) as refused:
        check(content, f"s3://b/{name}", rules)
    assert "\n" not in refused.value.detail
    return refused.value.reason


@pytest.mark.parametrize("name", ["a.jpg", "a.JPEG", "a", "a.img"])
def test_a_good_picture_passes_with_its_facts(name: str) -> None:
    assert check(encoded(scene()), name, RULES) == Facts("JPEG", 120, 90, DHASH)


@pytest.mark.parametrize(
    ("kind", "suffix"), [("PNG", "png"), ("BMP", "bmp"), ("WEBP", "webp"), ("TIFF", "tif"), ("TIFF", "tiff")]
)
def test_every_format_gives_nearly_the_same_hash(kind: str, suffix: str) -> None:
    facts = check(encoded(scene(), kind), f"a.{suffix}", RULES)
    assert (facts.format, facts.width, facts.height) == (kind, 120, 90)
    assert (int(facts.dhash, 16) ^ int(DHASH, 16)).bit_count() <= 2


def test_the_hash_survives_scaling_and_strong_compression() -> None:
    for other in (encoded(scene(480, 360), quality=95), encoded(scene(64, 48), quality=30)):
        assert (int(check(other, "a.jpg", RULES).dhash, 16) ^ int(DHASH, 16)).bit_count() <= 3


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[: len(whole) // 2] + b"\xff\xd9",
        lambda whole: whole[: len(whole) // 2] + bytes(len(whole) // 2),
        lambda whole: whole[: len(whole) // 2] + bytes(len(whole) // 2) + b"\xff\xd9",
        lambda whole: whole[: len(whole) // 2] + whole[len(whole) // 2 + 512 :],
        lambda whole: whole[:-200] + b"\xff\xd9",
        lambda whole: whole[:-2],
    ],
    ids=["half", "half with end", "half zeros", "half zeros with end", "a block lost", "tail lost", "no end"],
)
def test_half_a_jpeg_does_not_pass(damage: object, options: dict[str, object]) -> None:
    whole = encoded(scene(400, 300).effect_spread(9), quality=95, **options)
    check(whole, "a.jpg", RULES)
    assert refusal(damage(whole)) == checks.BROKEN


def test_pillow_alone_would_let_half_a_jpeg_pass() -> None:
    """Why the check does not rely on it."""
    whole = encoded(scene(400, 300).effect_spread(9), quality=95)
    half = whole[: len(whole) // 2] + b"\xff\xd9"
    assert decode(half).shape == (300, 400, 3)
    assert (decode(half)[-1] == decode(half)[-1, 0]).all()


@pytest.mark.parametrize(("kind", "options"), [
    ("PNG", {}), ("BMP", {}), ("WEBP", {}), ("WEBP", {"lossless": True}), ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}), ("TIFF", {"compression": "jpeg"}),
])  # fmt: skip
@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
def test_a_truncated_file_of_any_format_does_not_pass(
    kind: str, options: dict[str, object], share: float
) -> None:
    whole = encoded(scene().effect_spread(5), kind, **options)
    check(whole, "a", RULES)
    assert refusal(whole[: int(len(whole) * share)], "a") in (checks.BROKEN, checks.FORMAT)


def test_a_flipped_bit_in_a_png_and_a_png_without_its_end_do_not_pass() -> None:
    whole = encoded(scene().effect_spread(5), "PNG")
    for place in (20, len(whole) // 2, len(whole) - 20):
        flipped = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        assert refusal(flipped, "a.png") == checks.BROKEN
    assert refusal(whole[:-12], "a.png") == checks.BROKEN


def test_a_webp_that_was_never_written_to_its_end_does_not_pass() -> None:
    whole = encoded(scene().effect_spread(5), "WEBP")
    assert refusal(whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2), "a.webp") == checks.BROKEN


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (b"", "x.jpg", checks.EMPTY),
        (b"<html>not found</html>", "x.jpg", checks.BROKEN),
        (bytes(5000), "x.jpg", checks.BROKEN),
        (b"the class's notes", "notes.txt", checks.FORMAT),
        (encoded(scene(), "PNG"), "x.jpg", checks.MISLABELLED),
        (encoded(scene()), "x.PNG", checks.MISLABELLED),
        (encoded(scene(), "GIF"), "x.jpg", checks.MISLABELLED),
        (encoded(scene(), "GIF"), "x.gif", checks.FORMAT),
        (b"\0\0\0\x18ftypheic" + bytes(90), "x.jpg", checks.MISLABELLED),
        (b"\0\0\0\x18ftypheic" + bytes(90), "x.heic", checks.FORMAT),
        (encoded(scene(31, 40)), "x.jpg", checks.TOO_SMALL),
        (encoded(scene(300, 60)), "x.jpg", checks.ASPECT),
        (encoded(scene(60, 300)), "x.jpg", checks.ASPECT),
        (encoded(scene(), "BMP")[:-1], "x.bmp", checks.BROKEN),
    ],
)
def test_each_rule_refuses_by_its_own_word(content: bytes, name: str, reason: str) -> None:
    assert refusal(content, name) == reason


def test_the_rules_are_those_of_the_configuration() -> None:
    content = encoded(scene())
    assert refusal(content, rules=Quality(max_side=119)) == checks.TOO_LARGE
    assert refusal(content, rules=Quality(max_bytes=len(content) - 1)) == checks.TOO_MANY_BYTES
    assert refusal(content, rules=Quality(formats=("PNG",))) == checks.FORMAT
    assert refusal(content, rules=Quality(min_side=91)) == checks.TOO_SMALL
    assert refusal(content, rules=Quality(max_aspect=1.3)) == checks.ASPECT
    check(content, "x.jpg", Quality(max_side=120, max_bytes=len(content), formats=("JPEG",), min_side=90))


def test_a_picture_that_unpacks_to_more_pixels_than_inference_takes_is_not_decoded() -> None:
    whole = bytearray(encoded(Image.new("L", (40, 40)), "PNG"))
    whole[16:24] = struct.pack(">II", 9000, 9000)
    whole[29:33] = struct.pack(">I", zlib.crc32(whole[12:29]))
    assert refusal(bytes(whole), "a.png") == checks.TOO_LARGE


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_the_picture_before_it_is_measured(orientation: int) -> None:
    """Stored as each orientation says, the same picture has the same facts."""
    turns = {
        1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    turn, exif = turns[orientation], Image.Exif()
    exif[0x0112] = orientation
    stored = scene() if turn is None else scene().transpose(turn)
    for kind in ("JPEG", "PNG"):
        facts = check(encoded(stored, kind, exif=exif), "a", RULES)
        assert (facts.width, facts.height) == (120, 90)
        assert (int(facts.dhash, 16) ^ int(DHASH, 16)).bit_count() <= 2


@pytest.mark.parametrize("mode", ["L", "P", "1", "CMYK", "RGBA", "LA", "I;16"])
def test_every_mode_that_inference_takes_passes(mode: str) -> None:
    if mode == "I;16":
        image = Image.fromarray(np.asarray(scene(mode="L")).astype(np.uint16) * 257)
    elif mode == "LA":
        image = scene(mode="L").convert("LA")
    else:
        image = scene(mode=mode)
    content = encoded(image, "JPEG" if mode in ("L", "CMYK") else "PNG")
    assert decode(content).shape == (90, 120, 3)
    facts = check(content, "a", RULES)
    if mode not in ("1", "P"):
        assert (int(facts.dhash, 16) ^ int(DHASH, 16)).bit_count() <= 4


def test_half_a_cmyk_jpeg_does_not_pass() -> None:
    whole = encoded(scene(400, 300, "CMYK"), quality=95)
    assert refusal(whole[: len(whole) // 2] + b"\xff\xd9") == checks.BROKEN


def test_float_pictures_are_refused_as_a_format() -> None:
    assert refusal(encoded(scene(mode="F"), "TIFF"), "a.tif") == checks.FORMAT


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_of_an_animated_picture_the_first_frame_counts(kind: str) -> None:
    frames = [scene(), scene().transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    facts = check(encoded(frames[0], kind, save_all=True, append_images=frames[1:]), "a", RULES)
    assert (int(facts.dhash, 16) ^ int(DHASH, 16)).bit_count() <= 2


@pytest.mark.parametrize("sampling", [0x411111, 0x221111, 0x211111, 0x121111, 0x111111])
def test_every_chroma_sampling_passes(sampling: int) -> None:
    flags = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling, cv2.IMWRITE_JPEG_RST_INTERVAL, 3]
    _, content = cv2.imencode(".jpg", np.asarray(scene())[:, :, ::-1], flags)
    assert (int(check(content.tobytes(), "a.jpg", RULES).dhash, 16) ^ int(DHASH, 16)).bit_count() <= 2


def test_what_passes_inference_decodes_and_nothing_else_than_a_refusal_comes_out() -> None:
    """Files damaged at random, always the same ones."""
    random = np.random.default_rng(11)
    wholes = [
        encoded(scene().effect_spread(4), kind, **options)
        for kind, options in (
            ("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("WEBP", {}), ("TIFF", {}),
            ("TIFF", {"compression": "tiff_lzw"}), ("BMP", {}),
        )
    ]  # fmt: skip
    passed = 0
    for number in range(1500):
        damaged = bytearray(wholes[number % len(wholes)])
        for _ in range(int(random.integers(1, 4))):
            place = int(random.integers(0, len(damaged) if number % 2 else 300))
            damaged[place] = int(random.integers(0, 256))
        try:
            facts = check(bytes(damaged), "a", RULES)
        except Refused:
            continue
        passed += 1
        assert decode(bytes(damaged)).shape == (facts.height, facts.width, 3)
    assert 50 < passed < 1300
