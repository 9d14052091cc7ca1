"""A model that needs no training: the code that serves it, and the code that evaluates it."""

import io
import tarfile

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


def tar_gz(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content.encode()))
    return buffer.getvalue()
