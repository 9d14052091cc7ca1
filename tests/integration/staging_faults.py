"""What may be wrong with the code behind an endpoint: appended to the inference.py that is shipped."""

MOVED = """
import dataclasses
from served_code import serving
def predict_fn(request, model):
    answer = serving.predict_fn(request, model)
    found = [dataclasses.replace(d, box=(d.box[0] + 3, *d.box[1:])) for d in answer.detections]
    return dataclasses.replace(answer, detections=found)
"""
MISSING = """
import dataclasses
from served_code import serving
def predict_fn(request, model):
    answer = serving.predict_fn(request, model)
    return dataclasses.replace(answer, detections=answer.detections[1:])
"""
SLOW = """
import time
from served_code import serving
def predict_fn(request, model):
    time.sleep(0.15)
    return serving.predict_fn(request, model)
"""
SERVER_ERROR = """
from served_code import endpoint_requests, serving
def input_fn(body, content_type, context):
    try:
        return serving.input_fn(body, content_type, context)
    except endpoint_requests.RequestError as error:
        raise ValueError(error.message)
"""
DIES = """
import os
from served_code import endpoint_requests, serving
def input_fn(body, content_type, context):
    try:
        return serving.input_fn(body, content_type, context)
    except endpoint_requests.RequestError as error:
        os._exit(9)
"""
