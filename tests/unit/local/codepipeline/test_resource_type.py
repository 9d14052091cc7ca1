"""A template's properties, as the API takes them."""

from __future__ import annotations

import pytest

from local.codepipeline.resource_type import declared

STORE = {"Type": "S3", "Location": "artifacts", "EncryptionKey": {"Id": "key", "Type": "KMS"}}
ACTION = {
    "Name": "Source",
    "ActionTypeId": {"Category": "Source", "Owner": "AWS", "Provider": "S3", "Version": 1},
    "Configuration": {"S3Bucket": "b", "PollForSourceChanges": False},
    "OutputArtifacts": [{"Name": "Code"}],
    "RunOrder": "1",
}
PROPERTIES = {
    "RoleArn": "role",
    "PipelineType": "V2",
    "ArtifactStores": [{"Region": "eu-west-1", "ArtifactStore": STORE}],
    "Stages": [{"Name": "Source", "Actions": [ACTION]}],
    "Variables": [{"Name": "COMMIT", "DefaultValue": "unknown"}],
    "RestartExecutionOnUpdate": True,
    "Tags": [{"Key": "a", "Value": "b"}],
}


def test_properties_become_a_declaration() -> None:
    store = {"type": "S3", "location": "artifacts", "encryptionKey": {"id": "key", "type": "KMS"}}
    action = {
        "name": "Source",
        "actionTypeId": {"category": "Source", "owner": "AWS", "provider": "S3", "version": "1"},
        "configuration": {"S3Bucket": "b", "PollForSourceChanges": "false"},
        "outputArtifacts": [{"name": "Code"}],
        "runOrder": 1,
    }
    assert declared(PROPERTIES, "line") == {
        "name": "line",
        "roleArn": "role",
        "pipelineType": "V2",
        "artifactStores": {"eu-west-1": store},
        "stages": [{"name": "Source", "actions": [action]}],
        "variables": [{"name": "COMMIT", "defaultValue": "unknown"}],
    }


def test_property_that_is_none_is_named_with_its_place() -> None:
    stage = {"Name": "Source", "Actions": [{**ACTION, "RunOrders": 1}]}
    with pytest.raises(ValueError, match=r"Stages\.Actions has no property RunOrders"):
        declared({**PROPERTIES, "Stages": [stage]}, "line")


def test_what_is_no_part_of_the_declaration_changes_nothing() -> None:
    changed = {**PROPERTIES, "RestartExecutionOnUpdate": False, "Tags": []}
    assert declared(changed, "line") == declared(PROPERTIES, "line")
