import pytest

from lambdas.labeling.models import UnknownModel, classes_of


def test_an_unknown_model_is_named_with_those_there_are() -> None:
    with pytest.raises(UnknownModel, match="'tag' is not a model; start the execution with one of tags, pcb"):
        classes_of("tag", {"tags": ["scratch"], "pcb": ["open"]})
