"""The CDK app: reads edgeline.toml (or `-c config=PATH`) and builds all of it; needs no credentials."""

import json
import sys
from pathlib import Path

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from config import ConfigError, Edgeline
from stacks.edgeline import add_edgeline

ROOT = Path(__file__).parent


def build(*, outdir: str | None = None, config: Path | None = None) -> cdk.App:
    """The app, ready to synthesize; the CDK CLI and Python alone get the same templates from it."""
    flags = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    context = {**flags, "aws:cdk:enable-path-metadata": True}
    app = cdk.App(outdir=outdir, context=context, analytics_reporting=False)
    path = config or Path(app.node.try_get_context("config") or ROOT / "edgeline.toml")
    add_edgeline(app, Edgeline.read(path))
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return app


if __name__ == "__main__":
    try:
        build().synth()
    except ConfigError as error:
        sys.exit(str(error))
