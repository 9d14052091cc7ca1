from local.cloud.gateway import Signature, read_signature


def test_signature_of_the_header() -> None:
    header = "AWS4-HMAC-SHA256 Credential=AKIA1/20260102/eu-west-1/sagemaker/aws4_request, SignedHeaders=host"
    assert read_signature({"authorization": header}, "") == Signature("AKIA1", "eu-west-1", "sagemaker")


def test_signature_of_a_presigned_url() -> None:
    query = "X-Amz-Credential=ASIA2%2F20260102%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Expires=60"
    assert read_signature({}, query) == Signature("ASIA2", "eu-west-1", "s3")


def test_unsigned_request() -> None:
    assert read_signature({}, "") is None
    assert read_signature({"authorization": "Bearer abc"}, "a=b") is None
