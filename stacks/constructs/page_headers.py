"""What the browser is told beside the page: what it may load, and from where."""

import aws_cdk as cdk
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_s3 as s3
from constructs import Construct

_UNUSED = (
    "accelerometer",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "microphone",
    "payment",
    "usb",
)


def page_headers(
    scope: Construct, construct_id: str, *, images: s3.IBucket, sign_in_url: str
) -> cloudfront.ResponseHeadersPolicy:
    """Make the policy: scripts and styles of the page's own files only, pictures also from the images bucket.

    The bucket's host is the one of its region, for which the pictures' addresses are signed.
    """
    return cloudfront.ResponseHeadersPolicy(
        scope,
        construct_id,
        comment="The labeling page",
        security_headers_behavior=cloudfront.ResponseSecurityHeadersBehavior(
            content_security_policy=cloudfront.ResponseHeadersContentSecurityPolicy(
                content_security_policy=_content_security_policy(images, sign_in_url), override=True
            ),
            content_type_options=cloudfront.ResponseHeadersContentTypeOptions(override=True),
            frame_options=cloudfront.ResponseHeadersFrameOptions(
                frame_option=cloudfront.HeadersFrameOption.DENY, override=True
            ),
            referrer_policy=cloudfront.ResponseHeadersReferrerPolicy(
                referrer_policy=cloudfront.HeadersReferrerPolicy.SAME_ORIGIN, override=True
            ),
            strict_transport_security=cloudfront.ResponseHeadersStrictTransportSecurity(
                access_control_max_age=cdk.Duration.days(365), include_subdomains=True, override=True
            ),
        ),
        custom_headers_behavior=cloudfront.ResponseCustomHeadersBehavior(
            custom_headers=[
                cloudfront.ResponseCustomHeader(
                    header="Permissions-Policy",
                    value=", ".join(f"{feature}=()" for feature in _UNUSED),
                    override=True,
                ),
                cloudfront.ResponseCustomHeader(
                    header="Cross-Origin-Opener-Policy", value="same-origin", override=True
                ),
            ]
        ),
    )


def _content_security_policy(images: s3.IBucket, sign_in_url: str) -> str:
    pictures = f"https://{images.bucket_name}.s3.{cdk.Aws.REGION}.{cdk.Aws.URL_SUFFIX}"
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src 'self' blob: data: {pictures}",
            f"connect-src 'self' {sign_in_url}",
            "font-src 'self'",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )
