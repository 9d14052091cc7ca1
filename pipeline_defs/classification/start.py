"""How a classifier's pipeline is made and started."""

import argparse
from collections.abc import Mapping

from pipeline_defs.classification.children import resolve_children
from pipeline_defs.classification.settings import settings_file, settings_json, settings_of
from pipeline_defs.classification.source import has_pictures
from pipeline_defs.common.settings import Settings, SettingsError
from pipeline_defs.common.task import Clients


class Classification:
    """The task `classification`: it is trained on folders of pictures."""

    def files(self, settings: Settings) -> Mapping[str, bytes]:
        """Give `models/<name>.json`, which holds more than a command line may."""
        classifier = settings_of(settings.model)
        return {settings_file(classifier.name): settings_json(classifier).encode("utf-8")}

    def definition(self, settings: Settings, code: str) -> str:
        """Describe the pipeline as JSON."""
        # The SDK takes seconds to import, and needs an environment that was set before.
        from pipeline_defs.classification.pipeline import get_pipeline

        return str(get_pipeline(settings, code).definition())

    def lacking(self, clients: Clients, settings: Settings, options: argparse.Namespace) -> str:
        """Tell whether there is a picture of any class, or a data set to make again."""
        classifier = settings_of(settings.model)
        if options.dataset_manifest or has_pictures(clients.s3, classifier):
            return ""
        return f"there is no picture of its classes in {classifier.source}"

    def parameters(
        self, clients: Clients, settings: Settings, options: argparse.Namespace
    ) -> dict[str, object]:
        """Give the threshold, and of a parent the children that its evaluation routes to."""
        for option in ("labels_manifest", "map50_threshold"):
            if getattr(options, option) not in (None, ""):
                raise SettingsError(
                    f"model {settings.model.name!r} is a classifier: it has no {option.replace('_', ' ')}"
                )
        return {
            "Top1Threshold": options.top1_threshold,
            "Children": resolve_children(clients, settings, options.children),
        }
