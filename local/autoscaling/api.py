"""The Application Auto Scaling API as one object, put together from its parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.autoscaling.book import Book
from local.autoscaling.resource import resource_of
from local.cloud.call import Call
from local.cloud.parts import Parts

_ON_A_TARGET = {
    "RegisterScalableTarget",
    "DeregisterScalableTarget",
    "PutScalingPolicy",
    "DeleteScalingPolicy",
}
_ON_AN_ARN = {"TagResource", "UntagResource", "ListTagsForResource"}


class AutoScalingApi(Parts):
    """Its operations, each on the resources that IAM checks."""

    def __init__(self, book: Book, *parts: object) -> None:
        super().__init__(*parts)
        self._book = book

    def resource_arns(self, call: Call, operation: str, parameters: Mapping[str, Any]) -> list[str]:
        """Give the scalable target that a call is about; one that is new has no id yet."""
        if operation in _ON_AN_ARN:
            return [parameters["ResourceARN"]]
        if operation not in _ON_A_TARGET:
            return ["*"]
        target = self._book.find(resource_of(parameters))
        return [target.arn if target else call.arn("application-autoscaling", "scalable-target/*")]

    def conditions(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, str]:
        """Give the condition keys that a call has a value for."""
        if operation not in _ON_A_TARGET:
            return {}
        return {
            "application-autoscaling:service-namespace": parameters["ServiceNamespace"],
            "application-autoscaling:scalable-dimension": parameters["ScalableDimension"],
        }
