"""The model directory as SageMaker packs it into model.tar.gz and its serving container unpacks it."""

import shutil
from pathlib import Path

import inference

# The container imports `inference` from code/. A package of that name would hide the entry point, so the
# package travels under another one; its modules import each other relatively.
PACKAGE_NAME = "served_code"
DETECTION, CLASSIFICATION = "serving", "classification_serving"  # modules of the package


def entry_point(serving: str) -> str:
    """Return code/inference.py, which takes its four functions from this module of the package."""
    return f'''"""What the serving container imports; the code is the package beside this file."""

from {PACKAGE_NAME}.{serving} import input_fn, model_fn, output_fn, predict_fn

__all__ = ["input_fn", "model_fn", "output_fn", "predict_fn"]
'''


def pack_serving_code(model_dir: Path, *, serving: str) -> None:
    """Put code/inference.py, code/requirements.txt and the inference package beside model.onnx."""
    source = Path(inference.__path__[0])
    code = model_dir / "code"
    shutil.rmtree(code, ignore_errors=True)
    (code / PACKAGE_NAME).mkdir(parents=True)
    for module in sorted(source.glob("*.py")):
        shutil.copyfile(module, code / PACKAGE_NAME / module.name)
    shutil.copyfile(source / "requirements.txt", code / "requirements.txt")
    (code / "inference.py").write_text(entry_point(serving))
