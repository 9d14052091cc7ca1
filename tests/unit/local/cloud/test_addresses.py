import pytest

from local.cloud.addresses import Addresses, aws_host, reached, served_at

CLOUD = "http://127.0.0.1:4567"
PAGE, PAGE_HERE = "https://d1x.cloudfront.net", "http://d1x.cloudfront.net.localhost:4567"
BUCKET = "https://images.s3.eu-west-1.amazonaws.com"
BUCKET_HERE = "http://images.s3.eu-west-1.amazonaws.com.localhost:4567"


@pytest.fixture
def addresses() -> Addresses:
    return Addresses(CLOUD, "eu-west-1")


def test_stage_of_an_api_is_served_at_the_endpoint() -> None:
    found = served_at(CLOUD, "https://abc123.execute-api.eu-west-1.amazonaws.com/api/me")
    assert found == f"{CLOUD}/restapis/abc123/api/_user_request_/me"


def test_host_of_aws_is_served_under_localhost() -> None:
    assert served_at(CLOUD, f"{PAGE}/a?b=c") == f"{PAGE_HERE}/a?b=c"
    sign_in = "https://line-1.auth.eu-west-1.amazoncognito.com"
    assert (
        served_at(CLOUD, f"{sign_in}/login")
        == "http://line-1.auth.eu-west-1.amazoncognito.com.localhost:4567/login"
    )


def test_what_is_not_served_has_no_address_here() -> None:
    with pytest.raises(ValueError, match=r"https://example\.com/: nothing is served"):
        served_at(CLOUD, "https://example.com/")


def test_program_without_a_resolver_asks_the_endpoint_by_name() -> None:
    assert reached(f"{PAGE_HERE}/a?b") == (
        "http://127.0.0.1:4567/a?b",
        {"Host": "d1x.cloudfront.net.localhost:4567"},
    )
    assert reached(f"{CLOUD}/restapis/x") == (f"{CLOUD}/restapis/x", {})


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("d1x.cloudfront.net.localhost:4567", "d1x.cloudfront.net"),
        ("D1X.cloudfront.net.localhost", "d1x.cloudfront.net"),
        ("127.0.0.1:4567", None),
        ("localhost:4567", None),
        ("d1x.cloudfront.net", None),
    ],
)
def test_local_host_has_a_name_at_aws(host: str, name: str | None) -> None:
    assert aws_host(host) == name


def test_texts_change_where_they_name_what_is_served_and_back(addresses: Addresses) -> None:
    text = f'{{"page": "{PAGE}/", "picture": "{BUCKET}/a?X=1", "help": "https://docs.aws.amazon.com/"}}'
    here = f'{{"page": "{PAGE_HERE}/", "picture": "{BUCKET_HERE}/a?X=1", "help": "https://docs.aws.amazon.com/"}}'
    assert addresses.to_local(text) == here
    assert addresses.to_aws(here) == text


@pytest.mark.parametrize(
    "text",
    [
        "https://d1x.cloudfront.net.evil.example/",
        "https://images.s3.us-east-2.amazonaws.com/",
        "http://d1x.cloudfront.net/",
        "https://d1x.cloudfront.net:8443/",
        "https://evil.example/https-d1x.cloudfront.net",
    ],
)
def test_what_only_looks_like_it_is_left_alone(addresses: Addresses, text: str) -> None:
    assert addresses.to_local(text) == text


def test_address_of_another_port_is_not_ours(addresses: Addresses) -> None:
    other = "http://d1x.cloudfront.net.localhost:45678/"
    assert addresses.to_aws(other) == other


def test_policy_names_hosts_with_a_scheme_or_bare(addresses: Addresses) -> None:
    policy = f"img-src 'self' images.s3.eu-west-1.amazonaws.com; connect-src {PAGE}"
    assert addresses.sources_to_local(policy) == f"img-src 'self' {BUCKET_HERE}; connect-src {PAGE_HERE}"


def test_object_that_is_addressed_by_the_endpoints_path_gets_its_buckets_host(addresses: Addresses) -> None:
    assert addresses.objects_to_local(f'"{CLOUD}/images/a/b?X=1"') == f'"{BUCKET_HERE}/a/b?X=1"'
    assert addresses.objects_to_local("http://127.0.0.1:9999/images/a") == "http://127.0.0.1:9999/images/a"
