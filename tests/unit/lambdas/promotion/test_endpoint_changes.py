from datetime import UTC, datetime
from typing import Any

import pytest

from lambdas.promotion import kinds
from lambdas.promotion.endpoints import (
    EndpointBusy,
    EndpointFailed,
    KindChanged,
    config_name,
    model_name,
    release_name,
)
from lambdas.promotion.model_and_config import ModelConflict, ensure_config, ensure_model
from lambdas.promotion.settings import EndpointSettings
from lambdas.promotion.whole_endpoints import begin, progress, put_back

ARN = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/edgeline-tags/2"
NOW = datetime(2026, 11, 21, tzinfo=UTC)


STAGING, PROD = EndpointSettings("staging", {}), EndpointSettings("prod", {})


def switch(sagemaker: Any, settings: EndpointSettings, config: str) -> None:
    begin(sagemaker, settings, config=config)


def test_a_first_deployment_creates_the_endpoint_and_a_later_one_updates_it(sagemaker: Any) -> None:
    switch(sagemaker, STAGING, "v1")
    sagemaker.settle("staging")
    switch(sagemaker, STAGING, "v2")
    assert sagemaker.changes == [("create", "v1"), ("update", "v2")]


def test_repeating_a_switch_changes_nothing_more(sagemaker: Any) -> None:
    switch(sagemaker, STAGING, "v1")
    switch(sagemaker, STAGING, "v1")
    sagemaker.settle("staging")
    switch(sagemaker, STAGING, "v1")
    assert sagemaker.changes == [("create", "v1")]


def test_a_switch_waits_for_the_change_before_it(sagemaker: Any) -> None:
    switch(sagemaker, STAGING, "v1")
    with pytest.raises(EndpointBusy, match="staging is Creating"):
        switch(sagemaker, STAGING, "v2")


def test_an_endpoint_that_failed_to_come_up_is_made_anew(sagemaker: Any) -> None:
    switch(sagemaker, STAGING, "v1")
    sagemaker.settle("staging", "Failed", FailureReason="no ping")
    with pytest.raises(EndpointBusy, match="no ping"):
        switch(sagemaker, STAGING, "v2")
    sagemaker.settle("staging")
    switch(sagemaker, STAGING, "v2")
    assert sagemaker.changes == [("create", "v1"), ("delete", "staging"), ("create", "v2")]


def test_what_serves_before_is_read_when_nothing_changes(sagemaker: Any) -> None:
    assert kinds.serving(sagemaker, "staging") == kinds.Serving()
    switch(sagemaker, STAGING, "v1")
    with pytest.raises(EndpointBusy):
        kinds.serving(sagemaker, "staging")
    sagemaker.settle("staging")
    found = kinds.serving(sagemaker, "staging")
    assert (found.kind, found.config, found.model) == ("serverless", "v1", "model of v1")


def test_an_endpoint_that_serves_nothing_is_nothing_to_go_back_to(sagemaker: Any) -> None:
    switch(sagemaker, STAGING, "v1")
    sagemaker.settle("staging", "Failed")
    assert kinds.serving(sagemaker, "staging") == kinds.Serving()


def test_an_endpoint_that_serves_nothing_fails_by_its_reason(sagemaker: Any) -> None:
    with pytest.raises(EndpointFailed, match="staging is gone"):
        progress(sagemaker, "staging", "v2")
    switch(sagemaker, STAGING, "v2")
    sagemaker.settle("staging", "Failed", FailureReason="no ping")
    with pytest.raises(EndpointFailed, match="Failed: no ping"):
        progress(sagemaker, "staging", "v2")


def test_an_endpoint_is_ready_when_it_serves_the_config_and_not_before(sagemaker: Any) -> None:
    switch(sagemaker, STAGING, "v1")
    assert not progress(sagemaker, "staging", "v1").serving
    sagemaker.settle("staging")
    assert progress(sagemaker, "staging", "v1").serving
    fell = progress(sagemaker, "staging", "v2")
    assert not fell.serving
    assert fell.fell_back == "staging fell back to v1: no reason given"


def test_another_kind_is_refused_where_something_serves(sagemaker: Any) -> None:
    switch(sagemaker, PROD, "v1")
    sagemaker.settle("prod")
    instances = EndpointSettings("prod", {}, kind="realtime")
    with pytest.raises(KindChanged, match="prod is serverless and is configured as realtime"):
        kinds.refuse_another(sagemaker, instances)
    kinds.refuse_another(sagemaker, PROD)
    for status in ("Failed", "Deleting"):
        sagemaker.endpoints["prod"]["EndpointStatus"] = status
        kinds.refuse_another(sagemaker, instances)


def test_going_back_updates_to_the_config_before(sagemaker: Any) -> None:
    switch(sagemaker, PROD, "v1")
    sagemaker.settle("prod")
    switch(sagemaker, PROD, "v2")
    assert not put_back(sagemaker, PROD, "v1"), "it waits for the update that is under way"
    sagemaker.settle("prod")
    assert not put_back(sagemaker, PROD, "v1")
    sagemaker.settle("prod")
    assert put_back(sagemaker, PROD, "v1")
    assert sagemaker.changes[-1] == ("update", "v1")


def test_going_back_to_nothing_deletes_the_endpoint(sagemaker: Any) -> None:
    switch(sagemaker, PROD, "v1")
    sagemaker.settle("prod")
    assert not put_back(sagemaker, PROD, None)
    assert not put_back(sagemaker, PROD, None)
    sagemaker.settle("prod")
    assert put_back(sagemaker, PROD, None)


def test_going_back_where_nothing_was_deployed_changes_nothing(sagemaker: Any) -> None:
    assert put_back(sagemaker, PROD, None)
    assert sagemaker.changes == []


def test_a_model_of_another_package_is_never_taken_for_ours(sagemaker: Any) -> None:
    ensure_model(sagemaker, name="m", package_arn=ARN, role_arn="role")
    ensure_model(sagemaker, name="m", package_arn=ARN, role_arn="role")
    with pytest.raises(ModelConflict, match=r"tags/2, not from .*tags/3"):
        ensure_model(sagemaker, name="m", package_arn=ARN.replace("/2", "/3"), role_arn="role")


def test_an_endpoint_config_is_created_once(sagemaker: Any) -> None:
    for _ in range(2):
        ensure_config(sagemaker, name="c", model="m", variant={"InitialInstanceCount": 1})
    variant = sagemaker.configs["c"]["ProductionVariants"][0]
    assert variant == {"VariantName": "AllTraffic", "ModelName": "m", "InitialInstanceCount": 1}


def test_a_package_registered_anew_under_the_same_arn_is_another_release() -> None:
    first, second = release_name(ARN, 2, NOW), release_name(ARN, 2, NOW.replace(second=1))
    assert first.startswith("v2-")
    assert first != second


def test_model_names_of_the_longest_configuration_tell_the_environments_apart() -> None:
    name = "a-project-of-20-char-" + "a-model-of-24-characters"
    staging, prod = (
        model_name(EndpointSettings(f"{name}-{environment}", {}), "v99999-0123abcd")
        for environment in ("staging", "prod")
    )
    assert max(len(staging), len(prod)) <= 63
    assert staging != prod


def test_config_names_carry_the_version_tell_settings_apart_and_stay_within_63_characters() -> None:
    long = EndpointSettings("a-project-of-20-char-" + "a-model-of-24-characters" + "-staging", {"n": 1})
    name = config_name(long, "v123-0123abcd")
    assert "-v123-" in name
    assert len(name) <= 63
    assert config_name(EndpointSettings(long.name, {"n": 2}), "v123-0123abcd") != name
    assert config_name(long, "v123-ffffffff") != name


def test_what_is_made_has_the_tags_that_its_cost_is_counted_by(sagemaker: Any) -> None:
    tags = {"project": "line", "environment": "prod"}
    begin(sagemaker, PROD, config="v1", tags=tags)
    assert sagemaker.endpoint_tags == [
        {"Key": "project", "Value": "line"}, {"Key": "environment", "Value": "prod"}
    ]  # fmt: skip
    ensure_config(sagemaker, name="c", model="m", variant={}, tags=tags)
    assert sagemaker.configs["c"]["Tags"][0] == {"Key": "project", "Value": "line"}
    ensure_model(sagemaker, name="m", package_arn=ARN, role_arn="role", tags=tags)
    assert {"Key": "project", "Value": "line"} in sagemaker.models["m"]["Tags"]
    assert {"Key": "model-package", "Value": ARN} in sagemaker.models["m"]["Tags"]
