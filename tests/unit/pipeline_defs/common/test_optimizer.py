import pytest
import torch
from torch import nn

from pipeline_defs.common.averaged_weights import AveragedWeights
from pipeline_defs.common.optimizer import FINAL_RATE_SHARE, adamw_with_cosine


def network() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))


def test_the_rate_warms_up_and_then_falls_to_its_share() -> None:
    optimizer, schedule = adamw_with_cosine(
        network(), learning_rate=0.1, weight_decay=0.02, steps=100, warm_up_steps=10
    )
    rates = []
    for _ in range(101):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates[0] == pytest.approx(0.01)
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert max(rates) > 0.095
    assert rates[100] == pytest.approx(0.1 * FINAL_RATE_SHARE)


def test_biases_and_norms_do_not_decay() -> None:
    optimizer, _ = adamw_with_cosine(
        network(), learning_rate=0.1, weight_decay=0.02, steps=9, warm_up_steps=1
    )
    decays = {group["weight_decay"]: [p.ndim for p in group["params"]] for group in optimizer.param_groups}
    assert decays == {0.02: [2], 0.0: [1, 1, 1]}


def test_the_average_follows_fast_at_first_and_slowly_later() -> None:
    average = AveragedWeights(network(), max_decay=0.99)
    moved = network()
    with torch.no_grad():
        moved[0].weight.fill_(1.0)
        average.network[0].weight.fill_(0.0)
        moved[1].num_batches_tracked.fill_(7)
    average.update(moved)
    assert average.network[0].weight[0, 0].item() == pytest.approx(1 - 2 / 11)
    assert average.network[1].num_batches_tracked.item() == 7
    for _ in range(2000):
        average.update(moved)
    with torch.no_grad():
        moved[0].weight.fill_(2.0)
    average.update(moved)
    assert average.network[0].weight[0, 0].item() == pytest.approx(1.01, abs=1e-3)
