"""What the build is told of a model that classifies.

pipeline_defs/classification/settings.py reads it, with `source` below the images bucket unless it is a URI.
"""

from dataclasses import asdict

from config_classification import ClassificationModel


def described_classifier(model: ClassificationModel) -> dict[str, object]:
    """Describe a model by everything that its jobs read, but for its name."""
    return {
        "tree": model.tree,
        "labels": model.labels,
        # A group is called like the child that it leads to.
        "children": {child: child for child in model.children},
        "source": model.data,
        "epochs": model.epochs,
        "input_size": model.input_size,
        "top1_threshold": model.top1_threshold,
        "min_score": model.min_score,
        "spot": model.spot,
        "tuning": asdict(model.tuning),
        "quality": asdict(model.quality),
    }
