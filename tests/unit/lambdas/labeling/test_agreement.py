import pytest

from lambdas.labeling.agreement import Agreement, Judgement, cohens_kappa, matched


def box(left: float, width: float = 10, label: str = "scratch") -> dict[str, object]:
    return {"label": label, "left": left, "top": 0, "width": width, "height": 10}


def test_a_box_has_one_match_the_best_of_its_class() -> None:
    one = [box(0), box(100)]
    other = [box(2), box(1), box(0, label="dent"), box(101)]
    assert matched(one, other, least_iou=0.5) == pytest.approx([9 / 11, 9 / 11])
    assert matched(one, [box(9)], least_iou=0.5) == []


def test_complete_agreement_is_kappa_one_and_chance_is_none() -> None:
    assert cohens_kappa({("a", "a"): 5, ("b", "b"): 5}) == 1
    assert cohens_kappa({("a", "a"): 9}) is None, "they never had a choice"
    assert cohens_kappa({}) is None


def test_kappa_of_the_textbook() -> None:
    # 50 grants, two readers: both yes 20, both no 15, 5 and 10 apart: observed .7, by chance .5.
    verdicts = {("yes", "yes"): 20, ("yes", "no"): 5, ("no", "yes"): 10, ("no", "no"): 15}
    assert cohens_kappa(verdicts) == pytest.approx(0.4)


def test_two_people_are_one_pair_whoever_comes_first() -> None:
    agreement = Agreement(least_iou=0.5)
    agreement.add(Judgement("bob", [box(0)]), Judgement("ann", [box(0)]))
    agreement.add(Judgement("ann", []), Judgement("bob", [box(0)]))
    agreement.add(Judgement("ann", []), Judgement("ann", []))
    agreement.add(Judgement("bob", None), Judgement("ann", []))
    found = agreement.document()
    [pair] = found["pairs"]
    assert (pair["a"], pair["b"], pair["images"]) == ("ann", "bob", 3)
    assert (pair["mean_iou"], pair["matched_share"]) == (1, pytest.approx(2 / 3))
    # ann: scratch, nothing, nothing; bob: scratch, scratch, unusable.
    assert pair["kappa"] == pytest.approx((1 / 3 - 2 / 9) / (1 - 2 / 9))
    assert found["mean_iou"] == 1


def test_without_two_people_there_is_nothing_to_say() -> None:
    assert Agreement(least_iou=0.5).document() == {"pairs": [], "mean_iou": None}
