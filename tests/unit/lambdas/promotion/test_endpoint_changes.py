from datetime import UTC, datetime
from typing import Any

import pytest

from lambdas.promotion.endpoints import (
    Endpoint,
    EndpointBusy,
    EndpointFailed,
    ModelConflict,
    config_name,
    ensure_config,
    ensure_model,
    is_ready,
    model_name,
    put_back,
    release_name,
    serving_config,
    switch,
)
from lambdas.promotion.settings import EndpointSettings

ARN = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/edgeline-tags/2"
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def test_a_first_deployment_creates_the_endpoint_and_a_later_one_updates_it(sagemaker: Any) -> None:
    switch(sagemaker, "staging", "v1")
    sagemaker.settle("staging")
    switch(sagemaker, "staging", "v2")
    assert sagemaker.changes == [("create", "v1"), ("update", "v2")]


def test_repeating_a_switch_changes_nothing_more(sagemaker: Any) -> None:
    switch(sagemaker, "staging", "v1")
    switch(sagemaker, "staging", "v1")
    sagemaker.settle("staging")
    switch(sagemaker, "staging", "v1")
    assert sagemaker.changes == [("create", "v1")]


def test_a_switch_waits_for_the_change_before_it(sagemaker: Any) -> None:
    switch(sagemaker, "staging", "v1")
    with pytest.raises(EndpointBusy, match="staging is Creating"):
        switch(sagemaker, "staging", "v2")


def test_an_endpoint_that_failed_to_come_up_is_made_anew(sagemaker: Any) -> None:
    switch(sagemaker, "staging", "v1")
    sagemaker.settle("staging", "Failed", FailureReason="no ping")
    with pytest.raises(EndpointBusy, match="no ping"):
        switch(sagemaker, "staging", "v2")
    sagemaker.settle("staging")
    switch(sagemaker, "staging", "v2")
    assert sagemaker.changes == [("create", "v1"), ("delete", "staging"), ("create", "v2")]


def test_the_config_before_is_the_one_in_service(sagemaker: Any) -> None:
    assert serving_config(sagemaker, "staging") is None
    switch(sagemaker, "staging", "v1")
    with pytest.raises(EndpointBusy):
        serving_config(sagemaker, "staging")
    sagemaker.settle("staging")
    assert serving_config(sagemaker, "staging") == "v1"


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        (None, "is gone"),
        (Endpoint("Failed", "v2", "no ping"), "Failed: no ping"),
        (Endpoint("InService", "v1", "rolled back"), "fell back to v1: rolled back"),
    ],
)
def test_an_endpoint_that_will_never_serve_the_config_fails(endpoint: Endpoint | None, reason: str) -> None:
    with pytest.raises(EndpointFailed, match=reason):
        is_ready(endpoint, "staging", "v2")


def test_an_endpoint_is_ready_when_it_serves_the_config_and_not_before() -> None:
    assert not is_ready(Endpoint("Updating", "v1", ""), "staging", "v2")
    assert is_ready(Endpoint("InService", "v2", ""), "staging", "v2")


def test_going_back_updates_to_the_config_before(sagemaker: Any) -> None:
    switch(sagemaker, "prod", "v1")
    sagemaker.settle("prod")
    switch(sagemaker, "prod", "v2")
    assert not put_back(sagemaker, "prod", "v1"), "it waits for the update that is under way"
    sagemaker.settle("prod")
    assert not put_back(sagemaker, "prod", "v1")
    sagemaker.settle("prod")
    assert put_back(sagemaker, "prod", "v1")
    assert sagemaker.changes[-1] == ("update", "v1")


def test_going_back_to_nothing_deletes_the_endpoint(sagemaker: Any) -> None:
    switch(sagemaker, "prod", "v1")
    sagemaker.settle("prod")
    assert not put_back(sagemaker, "prod", None)
    assert not put_back(sagemaker, "prod", None)
    sagemaker.settle("prod")
    assert put_back(sagemaker, "prod", None)


def test_going_back_where_nothing_was_deployed_changes_nothing(sagemaker: Any) -> None:
    assert put_back(sagemaker, "prod", None)
    assert sagemaker.changes == []


def test_a_model_of_another_package_is_never_taken_for_ours(sagemaker: Any) -> None:
    ensure_model(sagemaker, name="m", package_arn=ARN, role_arn="role")
    ensure_model(sagemaker, name="m", package_arn=ARN, role_arn="role")
    with pytest.raises(ModelConflict, match=r"tags/2, not from .*tags/3"):
        ensure_model(sagemaker, name="m", package_arn=ARN.replace("/2", "/3"), role_arn="role")


def test_an_endpoint_config_is_created_once(sagemaker: Any) -> None:
    for _ in range(2):
        ensure_config(sagemaker, name="c", model="m", package_arn=ARN, variant={"InitialInstanceCount": 1})
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
    switch(sagemaker, "prod", "v1", tags)
    assert sagemaker.endpoint_tags == [
        {"Key": "project", "Value": "line"}, {"Key": "environment", "Value": "prod"}
    ]  # fmt: skip
    ensure_config(sagemaker, name="c", model="m", package_arn=ARN, variant={}, tags=tags)
    assert {"Key": "project", "Value": "line"} in sagemaker.configs["c"]["Tags"]
    assert {"Key": "model-package", "Value": ARN} in sagemaker.configs["c"]["Tags"]
