"""A model that needs no training: its package, the code that serves it, the code that evaluates it."""

from typing import Any

SCORE = 0.9

# An endpoint's process runs in a folder that is named after the endpoint.
INFERENCE = """
import json, os, pathlib, time
PROD = "-prod" in os.getcwd()
def model_fn(model_dir, context=None):
    {on_load}
    return json.loads((pathlib.Path(model_dir) / "model.onnx").read_text())
def input_fn(body, content_type, context=None):
    return body
def predict_fn(picture, model, context=None):
    {on_picture}
    return {{**model, "width": 4, "height": 3, "detections": []}}
def output_fn(prediction, accept, context=None):
    empty = prediction.get("empty", False)
    print("ANSWER 1 -" if empty else f"ANSWER 0 {{prediction.get('score', 0)}}", flush=True)
    return json.dumps(prediction), "application/json"
"""
EVALUATE = """
import argparse, boto3, json, os, pathlib, signal, time
parser = argparse.ArgumentParser()
for name in ("--test", "--dataset", "--output-dir"):
    parser.add_argument(name, type=pathlib.Path)
for name in ("--endpoint", "--role", "--session"):
    parser.add_argument(name)
parser.add_argument("--component", type=json.loads)
parser.add_argument("--evaluation", type=pathlib.Path)
given = parser.parse_args()
{first}
picture = (given.test / "images" / "a.jpg").read_bytes()
keys = boto3.client("sts").assume_role(RoleArn=given.role, RoleSessionName=given.session)["Credentials"]
tester = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
runtime = tester.client("sagemaker-runtime")
which = {{"InferenceComponentName": given.component}} if given.component else {{}}
began = time.perf_counter()
answer = runtime.invoke_endpoint(
    EndpointName=given.endpoint, ContentType="image/jpeg", Body=picture, **which
)
took = (time.perf_counter() - began) * 1000
score = json.loads(answer["Body"].read())["score"]
report = {{
    "map50": score, "map50_95": score, "images": 1, "requests": 1, "latency_ms": {{"p50": took, "p95": took}},
    "dataset": {{"manifest_sha256": json.loads((given.dataset / "manifest.json").read_text())["sha256"]}},
    "source": "endpoint:" + given.endpoint,
    "answers": {{"empty_share": 0.0, "mean_score": score}},
    "contract": [{{"case": "a picture", "expected": "200", "status": 200, "reason": "", "passed": True}}],
    "equality": {{"passed": True, "pictures": 1, "compared": 0, "different": 0, "allowed": 0,
                 "differences": [], "largest_box_pixels": 0.0, "largest_score": 0.0}},
}}
given.output_dir.mkdir(parents=True, exist_ok=True)
(given.output_dir / "evaluation.json").write_text(json.dumps(report))
"""


def package_of(group: str, bucket: str, run: str, code: str) -> dict[str, Any]:
    """Describe the package of a run as the line's pipeline registers it; `bucket` is s3://NAME."""
    return {
        "ModelPackageGroupName": group,
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {
            "Containers": [
                {
                    "Image": "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-inference:cpu",
                    "ModelDataUrl": f"{bucket}/{run}/model/train/output/model.tar.gz",
                    "Environment": {
                        "SAGEMAKER_PROGRAM": "inference.py",
                        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                    },
                }
            ],
            "SupportedContentTypes": ["image/jpeg", "image/png"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
        "CustomerMetadataProperties": {
            "dataset_manifest": f"{bucket}/{run}/dataset/manifest.json",
            "evaluation": f"{bucket}/{run}/evaluation/evaluation.json",
            "test_set": f"{bucket}/{run}/test",
            "dataset": f"{bucket}/{run}/dataset",
            "code": f"{bucket}/{code}",
            "git_commit": "0123abc",
            "model": "tags",
        },
    }
