"""What a model's answers look like without knowing the truth: what prod is watched by."""

from collections.abc import Sequence

from inference.serving import DEFAULT_MIN_SCORE
from pipeline_defs.detection.scoring import Scored


def answers_report(detections: Sequence[Sequence[Scored]]) -> dict[str, float | None]:
    """Return the share of pictures without a detection, and the mean best score of the others.

    As a caller sees them who asks for no other least score; the mean is None where nothing was found.
    """
    best = [max((found.score for found in of_picture), default=0.0) for of_picture in detections]
    seen = [score for score in best if score >= DEFAULT_MIN_SCORE]
    return {
        "empty_share": 1 - len(seen) / len(best),
        "mean_score": sum(seen) / len(seen) if seen else None,
    }
