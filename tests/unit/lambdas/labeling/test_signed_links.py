from urllib.parse import urlsplit

import pytest

from lambdas.labeling.signed_links import signing_client


@pytest.mark.parametrize("region", ["us-east-1", "us-west-2", "eu-central-1"])
def test_an_address_is_at_the_host_that_the_page_may_load_from(
    region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    picture = {"Bucket": "pictures", "Key": "images/tags/a b.jpg"}
    url = signing_client().generate_presigned_url("get_object", Params=picture, ExpiresIn=600)
    # As stacks/constructs/page_headers.py writes it.
    assert urlsplit(url).netloc == f"pictures.s3.{region}.amazonaws.com"
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in url
