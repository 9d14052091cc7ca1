"""The grants between accounts: found in what is deployed, taken away one at a time, and given back."""

import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from local.cloud.call import Call, Credentials
from local.cloud.call_log import Decision, principal_name
from local.cloud.errors import AwsError
from local.cloud.ministack_accounts import account_of_arn
from local.cloud.server import LocalCloud

_NOBODY = "arn:aws:iam::000000000000:role/nobody"
_ASSUME, _SAGEMAKER = "sts:AssumeRole", "sagemaker.amazonaws.com"
_ARN = "aws:PrincipalArn"
_NUMBER = re.compile(r"(?<![0-9a-f])(?:[0-9a-f]{8,}|\d{1,5})(?![0-9a-f])")
Document = dict[str, Any]


@dataclass(frozen=True)
class Grant:
    """One action that a statement allows one role; `named` where the statement names the role, by its ARN."""

    where: str
    role: str
    action: str
    statement: int
    document: Document
    put: Callable[[str], Any]
    named: str | None = None

    def __str__(self) -> str:
        return f"{self.role} {self.action} by the {self.where}"

    @contextmanager
    def removed(self) -> Iterator[None]:
        """Take the grant out of its policy, and put the policy back as it was."""
        self.put(json.dumps(self._reduced()))
        try:
            yield
        finally:
            self.put(json.dumps(self.document))

    def _reduced(self) -> Document:
        document = copy.deepcopy(self.document)
        statement = document["Statement"].pop(self.statement)
        others = [action for action in listed(statement["Action"]) if action != self.action]
        if others:
            document["Statement"].append({**statement, "Action": others})
        if self.named:
            rest = {**copy.deepcopy(statement), "Action": self.action}
            named = rest["Condition"]["ArnEquals"]
            named[_ARN] = [arn for arn in listed(named[_ARN]) if arn != self.named] or _NOBODY
            document["Statement"].append(rest)
        if not document[
            "Statement"
        ]:  # no policy is without a statement; this one allows what nobody is denied
            document["Statement"] = [{"Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*"}]
        return document


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


class Account:
    """What an account's policies grant to other accounts' roles, and to roles that others become."""

    def __init__(self, cloud: LocalCloud, number: str) -> None:
        self.number, self._session = number, cloud.root_session(number)
        self.iam = self._session.client("iam")
        pages = self.iam.get_paginator("list_roles").paginate()
        self.roles = {role["RoleName"]: role for page in pages for role in page["Roles"]}

    def acting(self) -> list[str]:
        """The roles that the endpoints run as, and those that another account becomes."""
        return [
            name
            for name, role in self.roles.items()
            for statement in role["AssumeRolePolicyDocument"]["Statement"]
            if statement["Principal"].get("AWS") or statement["Principal"]["Service"] == _SAGEMAKER
        ]

    def trusts(self) -> list[Grant]:
        """Which roles of other accounts become a role of this one."""
        return [grant for name in self.roles for grant in self._trust(name)]

    def _trust(self, role: str) -> Iterator[Grant]:
        def put(text: str) -> None:
            self.iam.update_assume_role_policy(RoleName=role, PolicyDocument=text)

        document = self.roles[role]["AssumeRolePolicyDocument"]
        yield from self._to_others(f"trust of {role}", document, put)

    def own(self, role: str) -> list[Grant]:
        """What a role's own policies allow it."""
        names = self.iam.list_role_policies(RoleName=role)["PolicyNames"]
        return [grant for name in names for grant in self._inline(role, name)]

    def _inline(self, role: str, policy: str) -> Iterator[Grant]:
        named = {"RoleName": role, "PolicyName": policy}
        document = self.iam.get_role_policy(**named)["PolicyDocument"]

        def put(text: str) -> None:
            self.iam.put_role_policy(**named, PolicyDocument=text)

        for index, statement in enumerate(document["Statement"]):
            for action in listed(statement["Action"]):
                yield Grant(f"role's own policy, {index}", role, action, index, document, put)

    def becoming_others(self) -> list[Grant]:
        """Which roles of this account may become roles of another."""
        return [
            grant
            for role in self.roles
            for grant in self.own(role)
            if grant.action == _ASSUME
            and any(
                account_of_arn(arn) not in (None, self.number)
                for arn in listed(grant.document["Statement"][grant.statement]["Resource"])
            )
        ]

    def shared(self) -> list[Grant]:
        """What buckets, keys and model package groups let other accounts' roles do."""
        return [*self._buckets(), *self._keys(), *self._groups()]

    def _buckets(self) -> Iterator[Grant]:
        s3 = self._session.client("s3")
        for bucket in s3.list_buckets()["Buckets"]:
            name = bucket["Name"]
            try:
                policy = s3.get_bucket_policy(Bucket=name)["Policy"]
            except s3.exceptions.ClientError:
                continue

            def put(text: str, name: str = name) -> None:
                s3.put_bucket_policy(Bucket=name, Policy=text)

            yield from self._to_others("bucket", json.loads(policy), put)

    def _keys(self) -> Iterator[Grant]:
        kms = self._session.client("kms")
        for key in kms.list_keys()["Keys"]:
            named = {"KeyId": key["KeyId"], "PolicyName": "default"}
            policy = kms.get_key_policy(**named)["Policy"]

            def put(text: str, named: Mapping[str, str] = named) -> None:
                kms.put_key_policy(**named, Policy=text)

            yield from self._to_others("key", json.loads(policy), put)

    def _groups(self) -> Iterator[Grant]:
        sagemaker = self._session.client("sagemaker")
        for group in sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]:
            named = {"ModelPackageGroupName": group["ModelPackageGroupName"]}
            try:
                policy = sagemaker.get_model_package_group_policy(**named)["ResourcePolicy"]
            except sagemaker.exceptions.ClientError:
                continue

            def put(text: str, named: Mapping[str, str] = named) -> None:
                sagemaker.put_model_package_group_policy(**named, ResourcePolicy=text)

            yield from self._to_others("model package group", json.loads(policy), put)

    def _to_others(self, where: str, document: Document, put: Callable[[str], Any]) -> Iterator[Grant]:
        for index, statement in enumerate(document["Statement"]):
            principal = statement.get("Principal", {})
            principals = listed(principal.get("AWS", [])) if isinstance(principal, dict) else []
            if statement["Effect"] != "Allow" or all(self.number in arn for arn in principals):
                continue
            if "Condition" not in statement:
                continue  # who of the account it is, the account says: `becoming_others`
            for action in listed(statement["Action"]):
                for arn in listed(statement["Condition"]["ArnEquals"][_ARN]):
                    role = arn.rpartition("/")[2]
                    yield Grant(where, role, action, index, document, put, named=arn)


class Replay:
    """What roles were allowed while something ran, asked again under the policies of the moment."""

    def __init__(self, cloud: LocalCloud, decisions: list[Decision], granted: set[tuple[str, str]]) -> None:
        """`granted` are the actions to ask for, each with the name of a role."""
        self._cloud = cloud
        self._asked: dict[str, tuple[str, Decision]] = {}
        for decision in decisions:
            kind, _, role = principal_name(decision.principal_arn).partition("/")
            if kind == "role" and (role, decision.action) in granted and decision.allowed:
                alike = _NUMBER.sub("#", decision.resource)  # releases, streams and jobs by their numbers
                self._asked[f"{role} {decision.action} {alike} {sorted(decision.context)}"] = (role, decision)
        self._keys = {role: self._become(decision.principal_arn) for role, decision in self._asked.values()}

    def _become(self, role_or_session: str) -> Credentials:
        """Take new keys of a role, by the way that its trust policy names."""
        account, role = str(account_of_arn(role_or_session)), role_or_session.split("/")[1]
        arn = f"arn:aws:iam::{account}:role/{role}"
        iam = self._cloud.root_session(account).client("iam")
        [statement] = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]["Statement"]
        if service := statement["Principal"].get("Service"):
            return self._cloud.service_credentials(arn, service, "replay")
        trusted = listed(statement["Condition"]["ArnEquals"][_ARN])[0]
        return self._assumed(self._become(trusted), arn)

    def _assumed(self, by: Credentials, arn: str) -> Credentials:
        sts = self._cloud.session(by).client("sts")
        keys = sts.assume_role(RoleArn=arn, RoleSessionName="replay")["Credentials"]
        return Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], arn)

    def denied(self) -> set[tuple[str, str]]:
        """Which roles are now denied which actions."""
        return {
            (role, decision.action)
            for role, decision in self._asked.values()
            if not self._allows(role, decision)
        }

    def _allows(self, role: str, decision: Decision) -> bool:
        keys = self._keys[role]
        try:
            if decision.action == _ASSUME:
                self._assumed(keys, decision.resource)
            else:
                account = str(account_of_arn(decision.principal_arn))
                call = Call(account, self._cloud.region, decision.principal_arn, keys.access_key)
                self._cloud.require(call, decision.action, decision.resource, decision.context)
        except (AwsError, ClientError) as error:
            if "not authorized" not in str(error):
                raise
            return False
        return True
