"""Build and check the pipelines of all models, without a call to AWS: what is checked before a deployment.

`python -m pipeline_defs.check_definitions` in the environment of the build project prints what is wrong with
each: {"<model>": ["<a line>", ...]}. One process for all: the SageMaker SDK takes seconds to import.
"""

import json
import os
from collections.abc import Mapping

from pipeline_defs import upsert
from pipeline_defs.common.settings import configured


def main(environment: Mapping[str, str]) -> dict[str, list[str]]:
    """Check the pipeline of every configured model; SettingsError where the models cannot be read."""
    return {model: problems(model, environment) for model in configured(environment)}


def problems(model: str, environment: Mapping[str, str]) -> list[str]:
    """All that is wrong with one model's pipeline, or with what it is told; none if fine."""
    try:
        upsert.main(["--model", model, "--check"], environment)
    except Exception as error:  # whatever building it raises is what is wrong with it
        first, *others = str(error).splitlines() or [repr(error)]
        return others or [first]
    return []


if __name__ == "__main__":
    print(json.dumps(main(os.environ)))
