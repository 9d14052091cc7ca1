"""Who may sign in: the pool of those who label, verify, supervise and approve, and their sign-in page."""

import hashlib

import aws_cdk as cdk
from aws_cdk import aws_cognito as cognito
from constructs import Construct

from stacks.acknowledgements import acknowledge

# Read by the functions behind the API, in the claim `cognito:groups`.
GROUPS = {
    "annotators": "Label pictures, and verify what others labelled",
    "supervisors": "See who did what, start and close rounds, have the last word on a label",
    "approvers": "Decide which model packages may be promoted",
}
_TAKEN_WORDS = ("aws", "amazon", "cognito")
_NO_THREAT_PROTECTION = (
    "threat protection is of the Plus plan, paid for each person from the first on, and distrusts the shared "
    "addresses of a factory; nobody signs up by themselves, and a second factor can be required (ADR 0026)"
)
_INVITED = "You are invited to label pictures"


class People(Construct):
    """A user pool without self sign-up, a group for each part that people play, a hosted sign-in page.

    Answers name the people, so the pool outlives the stack if `keep`. `sign_in_url` begins the addresses of
    the sign-in page; nothing but text is in it, so that the page's own headers can name it.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, name: str, keep: bool, require_mfa: bool
    ) -> None:
        super().__init__(scope, construct_id)
        self.pool = self._pool(keep, require_mfa)
        for group, description in GROUPS.items():
            self.pool.add_group(group.capitalize(), group_name=group, description=description)
        prefix = _domain_prefix(name)
        self._domain = self.pool.add_domain(
            "SignIn",
            cognito_domain=cognito.CognitoDomainOptions(domain_prefix=prefix),
            managed_login_version=cognito.ManagedLoginVersion.NEWER_MANAGED_LOGIN,
        )
        self.sign_in_url = f"https://{prefix}.auth.{cdk.Aws.REGION}.amazoncognito.com"

    def come_to(self, page_url: str, *, name: str) -> cognito.UserPoolClient:
        """Let people sign in on their way to a page, and tell it to who is invited; the page's client."""
        self._invite(page_url, name)
        client = self.pool.add_client(
            "Page",
            generate_secret=False,  # a page keeps none; the code is tied to it by PKCE
            auth_flows=cognito.AuthFlow(user_srp=True),
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(authorization_code_grant=True),
                scopes=[cognito.OAuthScope.OPENID],
                callback_urls=[page_url],
                logout_urls=[page_url],
            ),
            # Whoever is taken out of a group keeps what it allows until the token is renewed.
            id_token_validity=cdk.Duration.minutes(30),
            access_token_validity=cdk.Duration.minutes(30),
            refresh_token_validity=cdk.Duration.hours(12),
            enable_token_revocation=True,
            prevent_user_existence_errors=True,
        )
        style = cognito.CfnManagedLoginBranding(
            self,
            "Style",
            user_pool_id=self.pool.user_pool_id,
            client_id=client.user_pool_client_id,
            use_cognito_provided_values=True,
        )
        style.node.add_dependency(self._domain)
        return client

    def _pool(self, keep: bool, require_mfa: bool) -> cognito.UserPool:
        pool = cognito.UserPool(
            self,
            "Pool",
            self_sign_up_enabled=False,
            sign_in_aliases=cognito.SignInAliases(username=True),
            sign_in_case_sensitive=False,
            auto_verify=cognito.AutoVerifiedAttrs(email=True),
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            feature_plan=cognito.FeaturePlan.ESSENTIALS,
            mfa=cognito.Mfa.REQUIRED if require_mfa else cognito.Mfa.OPTIONAL,
            mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=False),
            password_policy=cognito.PasswordPolicy(
                min_length=12,
                require_lowercase=True,
                require_uppercase=True,
                require_digits=True,
                require_symbols=True,
                temp_password_validity=cdk.Duration.days(7),
            ),
            deletion_protection=keep,
            removal_policy=cdk.RemovalPolicy.RETAIN if keep else cdk.RemovalPolicy.DESTROY,
        )
        if not require_mfa:
            acknowledge(pool, "AwsSolutions-COG2", "who signs in with one factor is for require_mfa to say")
        for rule in ("AwsSolutions-COG3", "AwsSolutions-COG8"):
            acknowledge(pool, rule, _NO_THREAT_PROTECTION)
        return pool

    def _invite(self, page_url: str, name: str) -> None:
        described = self.pool.node.default_child
        if not isinstance(described, cognito.CfnUserPool):
            raise TypeError(f"{self.pool.node.path} is not a pool of this stack")
        described.admin_create_user_config = cognito.CfnUserPool.AdminCreateUserConfigProperty(
            allow_admin_create_user_only=True,
            invite_message_template=cognito.CfnUserPool.InviteMessageTemplateProperty(
                email_subject=f"{_INVITED} for {name}",
                email_message=f"{_INVITED} for {name} at {page_url} - your name there is {{username}}, "
                "your first password is {####}",
            ),
        )


def _domain_prefix(name: str) -> str:
    """The first label of the sign-in page's host: one for each project, account and region.

    Cognito refuses its own and Amazon's names in it, also as part of a longer word.
    """
    if any(word in name for word in _TAKEN_WORDS):
        name = f"line-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return f"{name}-{cdk.Aws.ACCOUNT_ID}"
