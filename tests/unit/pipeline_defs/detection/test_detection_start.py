from typing import Any

import botocore.session
import pytest
from botocore.stub import Stubber

from pipeline_defs import upsert
from pipeline_defs.common.settings import Settings, SettingsError
from pipeline_defs.common.task import Clients
from pipeline_defs.detection.start import Detection


@pytest.fixture
def s3() -> Any:
    session = botocore.session.Session()
    session.set_credentials("none", "none")
    return session.create_client("s3", region_name="eu-west-1")


@pytest.mark.parametrize(("count", "lacking"), [(0, "there are no labels yet"), (1, "")])
def test_a_detector_has_labels_once_labeling_has_left_some_for_it(
    s3: Any, settings: Settings, count: int, lacking: str
) -> None:
    with Stubber(s3) as stub:
        asked = {"Bucket": settings.artifacts_bucket, "Prefix": "labels/tags/", "MaxKeys": 1}
        stub.add_response("list_objects_v2", {"KeyCount": count}, asked)
        options = upsert.parse(["--model", "tags"])
        assert Detection().lacking(Clients(s3, None), settings, options) == lacking


def test_a_detector_has_no_top1_threshold(settings: Settings) -> None:
    options = upsert.parse(["--model", "tags", "--top1-threshold", "0.5"])
    with pytest.raises(SettingsError, match="'tags' is a detector"):
        Detection().parameters(Clients(None, None), settings, options)
