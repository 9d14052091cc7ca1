"""How many requests a second a local endpoint answers, beside those that its server answers by itself.

python benchmarks/invocations.py [SECONDS]        in the environment of `make test`

The reference is the endpoint's own process, asked by plain HTTP: what is between the two is the caller's
boto3 and signature, IAM, the routing to a variant and the counting. Both are asked by one caller, then by
eight at once.
"""

import http.client
import io
import json
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from local import monitoring, sagemaker
from local.cloud.server import LocalCloud

_NAME, _CALLERS = "benchmark", 8
_BODY = b"x" * 20_000  # a small picture
_INFERENCE = """
def model_fn(model_dir):
    return None
def transform_fn(model, body, content_type, accept):
    return '{"detections": []}', accept
"""
_TRUST = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}


def main(arguments: list[str]) -> None:
    """Measure both, and print their ratio."""
    seconds = float(arguments[0]) if arguments else 5.0
    with tempfile.TemporaryDirectory() as folder:
        plugins = [monitoring.plug, sagemaker.plug]
        with LocalCloud(Path(folder), plugins=plugins) as cloud:
            _serve(cloud)
            runtime = cloud.root_session().client("sagemaker-runtime")
            port = int(next(Path(folder).rglob("port")).read_text())
            for callers in (1, _CALLERS):
                api = _rate(lambda: _by_api(runtime), callers, seconds)
                direct = _rate(lambda: _directly(port), callers, seconds)
                rates = f"endpoint {api:.0f} requests/s, its server {direct:.0f} requests/s"
                print(f"{callers} callers: {rates}, ratio {direct / api:.1f}")


def _serve(cloud: LocalCloud) -> None:
    session = cloud.root_session()
    iam, s3, maker = session.client("iam"), session.client("s3"), session.client("sagemaker")
    trust = {"Version": "2012-10-17", "Statement": [_TRUST]}
    role = iam.create_role(RoleName=_NAME, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    own = [{"Effect": "Allow", "Action": ["s3:GetObject", "logs:*"], "Resource": "*"}]
    policy = json.dumps({"Version": "2012-10-17", "Statement": own})
    iam.put_role_policy(RoleName=_NAME, PolicyName="own", PolicyDocument=policy)
    s3.create_bucket(Bucket=_NAME, CreateBucketConfiguration={"LocationConstraint": cloud.region})
    s3.put_object(Bucket=_NAME, Key="model.tar.gz", Body=_archive())
    container = {
        "Image": "image",
        "ModelDataUrl": f"s3://{_NAME}/model.tar.gz",
        "Environment": {"SAGEMAKER_PROGRAM": "inference.py"},
    }
    maker.create_model(ModelName=_NAME, ExecutionRoleArn=role, PrimaryContainer=container)
    variant = {"VariantName": "all", "ModelName": _NAME, "InitialInstanceCount": 1}
    variant["InstanceType"] = "ml.m5.large"
    maker.create_endpoint_config(EndpointConfigName=_NAME, ProductionVariants=[variant])
    maker.create_endpoint(EndpointName=_NAME, EndpointConfigName=_NAME)
    while (status := maker.describe_endpoint(EndpointName=_NAME)["EndpointStatus"]) == "Creating":
        time.sleep(0.2)
    if status != "InService":
        sys.exit(f"the endpoint is {status}")


def _archive() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        entry = tarfile.TarInfo("code/inference.py")
        entry.size = len(_INFERENCE)
        archive.addfile(entry, io.BytesIO(_INFERENCE.encode()))
    return stream.getvalue()


def _by_api(runtime: Any) -> None:
    runtime.invoke_endpoint(EndpointName=_NAME, ContentType="image/jpeg", Body=_BODY)["Body"].read()


def _directly(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", "/invocations", _BODY, {"Content-Type": "image/jpeg"})
    connection.getresponse().read()
    connection.close()


def _rate(ask: Callable[[], None], callers: int, seconds: float) -> float:
    """Ask as often as `callers` can for a while; requests a second."""
    end = time.perf_counter() + seconds

    def repeat() -> int:
        asked = 0
        while time.perf_counter() < end:
            ask()
            asked += 1
        return asked

    ask()
    began = time.perf_counter()
    with ThreadPoolExecutor(callers) as pool:
        total = sum(pool.map(lambda _: repeat(), range(callers)))
    return total / (time.perf_counter() - began)


if __name__ == "__main__":
    main(sys.argv[1:])
