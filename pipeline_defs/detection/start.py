"""How a detector's pipeline is made and started."""

import argparse
from collections.abc import Mapping

from pipeline_defs.common.settings import Settings, SettingsError
from pipeline_defs.common.task import Clients


class Detection:
    """The task `detection`: it is trained on the labels that people gave."""

    def files(self, settings: Settings) -> Mapping[str, bytes]:
        """Nothing: the jobs' command lines say it all."""
        return {}

    def definition(self, settings: Settings, code: str) -> str:
        """Describe the pipeline as JSON."""
        # The SDK takes seconds to import, and needs an environment that was set before.
        from pipeline_defs.detection.pipeline import get_pipeline

        return str(get_pipeline(settings, code).definition())

    def lacking(self, clients: Clients, settings: Settings, options: argparse.Namespace) -> str:
        """Tell whether labeling has ever left labels for the model."""
        if options.labels_manifest:
            return ""
        prefix = f"labels/{settings.model.name}/"
        found = clients.s3.list_objects_v2(Bucket=settings.artifacts_bucket, Prefix=prefix, MaxKeys=1)
        return "" if found["KeyCount"] else "there are no labels yet"

    def parameters(
        self, clients: Clients, settings: Settings, options: argparse.Namespace
    ) -> dict[str, object]:
        """Give the labels that must be visible first, and the threshold."""
        for option in ("top1_threshold", "children"):
            if getattr(options, option) not in (None, ""):
                raise SettingsError(
                    f"model {settings.model.name!r} is a detector: it has no {option.replace('_', ' ')}"
                )
        return {"LabelsManifest": options.labels_manifest, "Map50Threshold": options.map50_threshold}
