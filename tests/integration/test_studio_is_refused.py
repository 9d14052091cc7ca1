"""The local cloud makes no Studio domain: nothing would run in it."""

import json

import pytest
from botocore.exceptions import ClientError

from local.cloud.server import LocalCloud

DOMAIN = {
    "Type": "AWS::SageMaker::Domain",
    "Properties": {
        "AuthMode": "IAM", "DomainName": "studio", "VpcId": "vpc-0a", "SubnetIds": ["subnet-0b"],
        "DefaultUserSettings": {"ExecutionRole": "arn:aws:iam::000000000000:role/studio"},
    },
}  # fmt: skip


def test_a_domain_is_refused_by_name(cloud: LocalCloud) -> None:
    stacks = cloud.root_session().client("cloudformation")
    template = json.dumps({"Resources": {"Domain": DOMAIN}})
    with pytest.raises(ClientError, match=r"AWS::SageMaker::Domain"):
        stacks.create_stack(StackName="studio-refused", TemplateBody=template)
