"""The page where people label, on one host with its API: a private bucket behind a distribution."""

from collections.abc import Mapping
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from config_table import ConfigError
from stacks.acknowledgements import acknowledge
from stacks.constructs.folder_publisher import FolderPublisher
from stacks.constructs.page_headers import page_headers
from stacks.constructs.teardown import Teardown
from stacks.constructs.workbench import STAGE

_ROOT = Path(__file__).parents[2]
_APP = _ROOT / "labeling_app"
# The one library of the page, at the address that it has there.
_LIBRARY = "node_modules/openseadragon/build/openseadragon/openseadragon.min.js"
_NOT_PUBLISHED = ("package.json", "package-lock.json", ".npmrc", "jsconfig.json", "node_modules")
_ERRORS = (400, 403, 404, 405, 414, 500, 501, 502, 503, 504)
_PUBLIC = "it holds the page's files and nothing else, which anyone may read who finds the page"


class LabelingPage(Construct):
    """`url` is where the page is; `/api/*` of it is the API, so that no other origin is ever asked.

    CloudFront's name and certificate are its own; docs/adr/0026 says what that leaves to a user's domain.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        api: apigateway.RestApi,
        images: s3.IBucket,
        sign_in_url: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self._bucket = self._page_bucket()
        headers = page_headers(self, "Headers", images=images, sign_in_url=sign_in_url)
        self.distribution = self._distribution(api, headers)
        self.url = f"https://{self.distribution.distribution_domain_name}/"

    def publish(self, publisher: FolderPublisher, *, settings: Mapping[str, str]) -> None:
        """Publish the page's files, with the settings that it reads first; no secret belongs in these."""
        if not (_APP / _LIBRARY).is_file():
            raise ConfigError(f"labeling_app/{_LIBRARY}: no such file; run npm ci --prefix labeling_app")
        asset = s3_assets.Asset(
            self,
            "Files",
            path=str(_APP),
            exclude=[*_NOT_PUBLISHED, f"!{_LIBRARY}"],
            ignore_mode=cdk.IgnoreMode.DOCKER,
        )
        publisher.publish(
            "Page", bucket=self._bucket, prefix="", asset=asset, documents={"settings.json": dict(settings)}
        )

    def _page_bucket(self) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "Bucket",
            # Our key is of another stack, and would have to name the distribution for CloudFront to read.
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        acknowledge(bucket, "AwsSolutions-S1", _PUBLIC)
        Teardown.of_objects(bucket)
        return bucket

    def _distribution(
        self, api: apigateway.RestApi, headers: cloudfront.ResponseHeadersPolicy
    ) -> cloudfront.Distribution:
        # Not the stage's URL: the stage waits for the pool, whose invitations name this distribution.
        api_host = f"{api.rest_api_id}.execute-api.{cdk.Aws.REGION}.{cdk.Aws.URL_SUFFIX}"
        distribution = cloudfront.Distribution(
            self,
            "Distribution",
            comment="The labeling page and its API",
            default_root_object="index.html",
            default_behavior=cloudfront.BehaviorOptions(
                origin=origins.S3BucketOrigin.with_origin_access_control(self._bucket),
                viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
                cache_policy=cloudfront.CachePolicy.CACHING_OPTIMIZED,
                response_headers_policy=headers,
            ),
            additional_behaviors={
                f"/{STAGE}/*": cloudfront.BehaviorOptions(
                    origin=origins.HttpOrigin(
                        api_host, origin_ssl_protocols=[cloudfront.OriginSslPolicy.TLS_V1_2]
                    ),
                    # A token that came in the clear is lost, redirected or not.
                    viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
                    allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
                    cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
                    origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
                    response_headers_policy=headers,
                )
            },
            # By itself CloudFront answers everybody who asks within ten seconds with one person's refusal.
            error_responses=[
                cloudfront.ErrorResponse(http_status=status, ttl=cdk.Duration.seconds(0))
                for status in _ERRORS
            ],
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            # What few people ask for is within what costs nothing, wherever it is served from.
            price_class=cloudfront.PriceClass.PRICE_CLASS_ALL,
        )
        acknowledge(distribution, "AwsSolutions-CFR1", "who invites people knows where they are")
        acknowledge(
            distribution,
            "AwsSolutions-CFR2",
            "the page's files are public, the API behind takes only tokens of the pool and limits its rate",
        )
        acknowledge(distribution, "AwsSolutions-CFR3", "calls are in the API's access log; " + _PUBLIC)
        acknowledge(
            distribution,
            "AwsSolutions-CFR4",
            "under CloudFront's own name the minimum is CloudFront's; browsers of today take TLS 1.3",
        )
        return distribution
