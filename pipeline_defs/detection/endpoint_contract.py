"""What a detector's endpoint promises its callers, case by case."""

from pipeline_defs.common import endpoint_contract
from pipeline_defs.common.endpoint import Request
from pipeline_defs.common.endpoint_contract import Case, picture


def contract() -> list[Case]:
    """List the cases: those of every model, and a least score that the caller asks for."""
    wrong = Request("image/jpeg", picture("JPEG"), "min_score=2")
    return [
        *endpoint_contract.contract(holds="detections"),
        Case("a min_score that is none", "400", wrong),
    ]
