"""The functions that only releases of trees call: what fits, what waits, who is next."""

from collections.abc import Mapping

from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.constructs.promotion_functions import MODELS_FILE, PromotionFunctions
from stacks.constructs.python_function import PythonFunction
from stacks.constructs.release_ledger import ReleaseLedger
from stacks.grants import allow, read_objects


class TreeFunctions(Construct):
    """They know packages and the ledger, and are nothing to any endpoint."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        functions: PromotionFunctions,
        ledger: ReleaseLedger,
        artifacts: s3.IBucket,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        table = {"RELEASES_TABLE": ledger.table.table_name}
        self.check_tree = self._function("check_tree", {"MODELS": MODELS_FILE, **table})
        self.find_set = self._function("find_set", {"MODELS": MODELS_FILE, **table})
        self.keep_held = self._function("keep_held", table)
        self.next_member = self._function("next_member", {})
        read_objects(self.check_tree, artifacts, key, "runs/*/test/label_map.json")
        for function in (self.check_tree, self.find_set):
            functions.grant_describe_packages(function)
            allow(function, "dynamodb:Query", "dynamodb:DeleteItem", on=[ledger.table.table_arn])
        allow(self.keep_held, "dynamodb:PutItem", "dynamodb:DeleteItem", on=[ledger.table.table_arn])

    @property
    def all(self) -> list[lambda_.Function]:
        """Every function here."""
        return [self.check_tree, self.find_set, self.keep_held, self.next_member]

    def _function(self, name: str, environment: Mapping[str, str]) -> PythonFunction:
        return PythonFunction(
            self,
            "".join(word.capitalize() for word in name.split("_")),
            handler=f"lambdas.promotion.{name}.handler",
            environment=environment,
            timeout_seconds=60,
        )
