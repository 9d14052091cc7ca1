"""Pictures to draw on: a grey plate with bright scratches at places that are known."""

import random
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

Scratches = list[tuple[int, int, int, int]]  # left, top, width, height


def plate(path: Path, width: int, height: int, seed: int) -> Scratches:
    """Draw a plate; its scratches."""
    chance = random.Random(seed)  # noqa: S311 - pictures, not secrets
    picture = Image.effect_noise((width, height), 18).convert("RGB").filter(ImageFilter.GaussianBlur(1))
    draw = ImageDraw.Draw(picture)
    edge = min(width, height) // 12
    draw.rounded_rectangle((edge, edge, width - edge, height - edge), edge, outline=(70, 76, 84), width=3)
    draw.ellipse((edge * 2, height / 2 - edge, edge * 4, height / 2 + edge), fill=(52, 56, 62))
    found = []
    for _ in range(chance.randint(1, 2)):
        w, h = chance.randint(width // 10, width // 4), chance.randint(height // 12, height // 6)
        left, top = (
            chance.randint(width // 3, width - w - edge * 2),
            chance.randint(edge * 2, height - h - edge * 2),
        )
        draw.line(
            (left, top + h, left + w / 2, top + h / 3, left + w, top),
            fill=(238, 240, 244),
            width=max(2, width // 220),
        )
        found.append((left, top, w, h))
    picture.save(path, quality=88)
    return found


def target(path: Path, size: tuple[int, int], at: tuple[int, int, int, int]) -> None:
    """Draw a red rectangle (left, top, width, height) on grey: it can be found again on a screenshot."""
    picture = Image.new("RGB", size, (128, 132, 138))
    left, top, width, height = at
    picture.paste((220, 20, 20), (left, top, left + width, top + height))
    picture.save(path)
