"""A classifier that needs no training: the code that serves it, the code that evaluates it."""

TOP1 = 0.9

INFERENCE = """
import json, pathlib
def model_fn(model_dir, context=None):
    {on_load}
    return json.loads((pathlib.Path(model_dir) / "model.onnx").read_text())
def input_fn(body, content_type, context=None):
    return body
def predict_fn(picture, model, context=None):
    labels = [{{"label": model["labels"][0], "score": model["top1"]}}]
    told = {{"label_map_sha256": model["label_map_sha256"], "run": model["run"]}}
    return {{"labels": labels, "width": 4, "height": 3, "children": {{}}, **told}}
def output_fn(prediction, accept, context=None):
    print(f"ANSWER 0 {{prediction['labels'][0]['score']}}", flush=True)
    return json.dumps(prediction), "application/json"
"""
EVALUATE = """
import argparse, boto3, json, pathlib, time
parser = argparse.ArgumentParser()
for name in ("--test", "--dataset", "--output-dir", "--evaluation", "--settings"):
    parser.add_argument(name, type=pathlib.Path)
for name in ("--endpoint", "--role", "--session"):
    parser.add_argument(name)
parser.add_argument("--component", type=json.loads)
given = parser.parse_args()
assert json.loads(given.settings.read_text())["name"] == "{model}"
{first}
keys = boto3.client("sts").assume_role(RoleArn=given.role, RoleSessionName=given.session)["Credentials"]
tester = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
which = {{"InferenceComponentName": given.component}} if given.component else {{}}
began = time.perf_counter()
answer = tester.client("sagemaker-runtime").invoke_endpoint(
    EndpointName=given.endpoint, ContentType="image/jpeg", Body=b"picture", **which
)
took = (time.perf_counter() - began) * 1000
top1 = json.loads(answer["Body"].read())["labels"][0]["score"]
report = {{
    "task": "classification", "top1": top1, "top5": 1.0, "images": 1, "requests": 1,
    "latency_ms": {{"p50": took, "p95": took}}, "source": "endpoint:" + given.endpoint,
    "dataset": {{"manifest_sha256": json.loads((given.dataset / "manifest.json").read_text())["sha256"]}},
    "contract": [{{"case": "a picture", "expected": "200", "status": 200, "reason": "", "passed": True}}],
    "equality": {{"passed": True, "pictures": 1, "compared": 1, "different": 0, "allowed": 0,
                 "differences": [], "largest_score": 0.0}},
}}
given.output_dir.mkdir(parents=True, exist_ok=True)
(given.output_dir / "evaluation.json").write_text(json.dumps(report))
"""
