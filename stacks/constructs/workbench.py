"""Where people label: the API that the page calls, and the function behind its tasks."""

from collections.abc import Mapping

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.constructs.drawing_guide import EXAMPLES
from stacks.constructs.labeling_table import grant_table, labeling_table
from stacks.constructs.logged_api import LoggedApi
from stacks.constructs.python_function import PythonFunction
from stacks.grants import read_objects

# The page calls /api/... on its own host, and that path is passed on as it is.
STAGE = "api"
_REQUESTS_PER_SECOND = 100
_STRING, _INTEGER = apigateway.JsonSchemaType.STRING, apigateway.JsonSchemaType.INTEGER
_KIND = apigateway.JsonSchema(type=_STRING, enum=["label", "verify", "settle"])
_LIMIT = apigateway.JsonSchema(type=_INTEGER, minimum=1, maximum=50)
_CLAIM = apigateway.JsonSchema(
    type=apigateway.JsonSchemaType.OBJECT,
    properties={
        "kind": _KIND,
        "limit": _LIMIT,
        "model": apigateway.JsonSchema(type=_STRING),
        "round": apigateway.JsonSchema(type=_STRING),
    },
    required=["kind"],
)
_ROUTES: Mapping[tuple[str, str], apigateway.JsonSchema | None] = {
    ("GET", "/me"): None,
    ("GET", "/rounds"): None,
    ("POST", "/tasks/claim"): _CLAIM,
    ("PUT", "/tasks/{task_id}/draft"): None,
    ("POST", "/tasks/{task_id}/answer"): None,
    ("POST", "/tasks/{task_id}/skip"): None,
    ("POST", "/tasks/{task_id}/release"): None,
}


class Workbench(Construct):
    """Tasks in DynamoDB behind a REST API that only people of the pool get through to.

    `method` lets other parts serve paths of the same API. What a caller may do beyond coming in, the
    functions decide by the groups in the caller's token.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        images: s3.IBucket,
        key: kms.IKey,
        keep: bool,
        pool: cognito.IUserPool,
    ) -> None:
        super().__init__(scope, construct_id)
        self.table = labeling_table(self, key, keep=keep)
        self.function = PythonFunction(
            self,
            "ServeWorkbench",
            handler="lambdas.labeling.serve_workbench.handler",
            environment={"TABLE": self.table.table_name, "IMAGES_BUCKET": images.bucket_name},
            timeout_seconds=29,  # API Gateway waits no longer
            memory_mb=512,
        )
        grant_table(self.table, key, self.function)
        # What a presigned URL opens is what its signer may read; what is listed is there still.
        read_objects(self.function, images, key, "images/", EXAMPLES)
        self.api = self._api()
        self._authorizer = apigateway.CognitoUserPoolsAuthorizer(self, "SignedIn", cognito_user_pools=[pool])
        self._validator = self.api.add_request_validator(
            "Validator", validate_request_body=True, validate_request_parameters=True
        )
        self._any_object = self.api.add_model(
            "Object",
            schema=apigateway.JsonSchema(type=apigateway.JsonSchemaType.OBJECT),
            content_type="application/json",
        )
        for (verb, path), body in _ROUTES.items():
            self.method(path, verb, self.function, body=body)

    def accept_only(self, client: cognito.IUserPoolClient) -> None:
        """Turn away tokens that the pool made for another client than the page's."""
        described = self._authorizer.node.default_child
        if not isinstance(described, apigateway.CfnAuthorizer):
            raise TypeError(f"{self._authorizer.node.path} is not an authorizer of this stack")
        described.identity_validation_expression = client.user_pool_client_id

    def method(
        self,
        path: str,
        verb: str,
        function: PythonFunction,
        *,
        body: apigateway.JsonSchema | None = None,
    ) -> apigateway.Method:
        """Let a function answer a path such as `/tasks/{task_id}/answer`, for people who are signed in.

        API Gateway turns away what is not a JSON object, or not like `body`, in words that say no more:
        what a person can get wrong is for the function to explain.
        """
        resource = self.api.root.resource_for_path(path)
        models = None if verb == "GET" else {"application/json": self._model(path, body)}
        return resource.add_method(
            verb,
            apigateway.LambdaIntegration(function, allow_test_invoke=False),
            authorization_type=apigateway.AuthorizationType.COGNITO,
            authorizer=self._authorizer,
            request_models=models,
            request_validator=self._validator,
        )

    def _model(self, path: str, body: apigateway.JsonSchema | None) -> apigateway.IModel:
        if body is None:
            return self._any_object
        name = "".join(word.capitalize() for word in path.split("/") if word.isalpha())
        return self.api.add_model(f"{name}Body", schema=body, content_type="application/json")

    def _api(self) -> LoggedApi:
        """The API; its log says the person's id in the pool."""
        return LoggedApi(
            self,
            "Api",
            description="Labeling: tasks, rounds, supervision, model packages",
            stage=STAGE,
            requests_per_second=_REQUESTS_PER_SECOND,
            who={"person": apigateway.AccessLogField.context_authorizer_claims("sub")},
            open_to="only who has a token of the pool gets through, nobody signs up, and the rate is limited",
        )
