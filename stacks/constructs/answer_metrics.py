"""What a model's answers look like, counted out of the lines that its containers print."""

from aws_cdk import aws_logs as logs
from constructs import Construct

# inference/endpoint_requests.py prints `ANSWER <1 if nothing was found, else 0> <best score or ->`. The model
# server puts its time, level, thread and logger before that: `...` takes any number of fields.
_ANSWERS = '[..., tag="ANSWER", empty, score]'
_ANSWERS_WITH_A_SCORE = '[..., tag="ANSWER", empty=0, score]'


class AnswerMetrics(Construct):
    """Metrics of an endpoint's answers: EmptyAnswers, 0 or 1 an answer, and Score, the best of the others.

    Their means compare with "answers" of the evaluation. They have no dimensions: the namespace is that of
    the endpoint, or component, that they are `of`.
    """

    def __init__(self, scope: Construct, construct_id: str, *, log_group: logs.ILogGroup, of: str) -> None:
        super().__init__(scope, construct_id)
        namespace = f"Edgeline/{of}"
        self._count(log_group, namespace, "EmptyAnswers", _ANSWERS, "$empty")
        self._count(log_group, namespace, "Score", _ANSWERS_WITH_A_SCORE, "$score")

    def _count(
        self, log_group: logs.ILogGroup, namespace: str, metric: str, pattern: str, value: str
    ) -> None:
        logs.CfnMetricFilter(
            self,
            metric,
            log_group_name=log_group.log_group_name,
            filter_pattern=pattern,
            metric_transformations=[
                logs.CfnMetricFilter.MetricTransformationProperty(
                    metric_name=metric, metric_namespace=namespace, metric_value=value
                )
            ],
        )
