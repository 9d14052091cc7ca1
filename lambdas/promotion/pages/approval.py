"""The page for the person who approves a model package."""

from lambdas.promotion.pages import classified, decide
from lambdas.promotion.pages.document import code, document, facts, section, sheet, soft
from lambdas.promotion.pages.markup import Content, Markup, element
from lambdas.promotion.pages.mistakes import CONFUSED, MISPLACED, Compared, worst
from lambdas.promotion.pages.numbers import of
from lambdas.promotion.pages.plates import Names, Picture, hatching, plate
from lambdas.promotion.pages.review import PICTURES, Changes, Review, changes, listed
from lambdas.promotion.pages.scores import key_numbers, quality
from lambdas.promotion.tasks import CLASSIFICATION, task_of


def approval_page(review: Review) -> str:
    """Return the page as one HTML document."""
    answers = review.answers()
    title = f"{review.model}, {review.new.name.lower()}"
    return document(
        f"{title}: approve?",
        element(
            "header",
            element("p", element("b", "Edgeline"), " asks for an approval", class_="brand"),
            element("h1", title),
            element("p", verdict(review, answers), class_="lede"),
            element("p", element("a", "How to approve or reject", href="#decide"), class_="jump"),
        ),
        element(
            "main",
            *_measured(review, answers),
            _identity(review),
            _changes(review),
            _decide(review),
        ),
        element("footer", element("p", f"This page was written once, to {review.page_uri}.")),
    )


def _measured(review: Review, answers: list[Compared]) -> list[Markup | None]:
    """What was measured, from the numbers that a decision begins with down to the mistakes."""
    of_labels = task_of(review.new.evaluation) is CLASSIFICATION
    numbers = classified.key_numbers(review) if of_labels else key_numbers(review, answers)
    first = section("numbers", "Key numbers", _compared_how(review), numbers)
    if of_labels:
        return [first, classified.quality(review), classified.routing(review), classified.mistakes(review)]
    return [first, quality(review), _mistakes(review, answers)]


def verdict(review: Review, answers: list[Compared]) -> str:
    """Say in a sentence or two how the version compares; without adjectives, for a person decides."""
    old = review.compared_with
    if old is None:
        return review.remark
    metric, title = next(iter(task_of(review.new.evaluation).metrics.items()))
    now, before = review.new.evaluation.get(metric), old.evaluation.get(metric)
    if now is None or before is None:
        return review.remark
    how = "higher than" if now > before else "lower than" if now < before else "the same as"
    mended = sum(pair.worsening < 0 for pair in answers)
    broken = sum(pair.worsening > 0 for pair in answers)
    said = f"{title} is {now:.3f}, {how} {before:.3f} of {old.name.lower()} in prod on the same pictures."
    if answers and old.predictions:
        said += f" It answers {of(mended, 'picture')} better and {broken} worse."
    return said


def _compared_how(review: Review) -> Markup | None:
    old = review.compared_with
    if old is None:
        return None
    return soft(
        f"The difference is to {old.name.lower()}, which prod serves now: it was evaluated for this page, by"
        " the same code, on the same frozen test set."
    )


def _mistakes(review: Review, answers: list[Compared]) -> Markup:
    worse, others = worst(answers, PICTURES)
    old = review.compared_with
    anything = _legend(review, [*worse, *others]) if worse or others else None
    names = Names(
        new=review.new.name,
        prod=f"{old.name}, in prod" if old else "",
        classes=len(review.new.evaluation.get("by_class") or {}) > 1,
    )
    wrong = sum(pair.new.badness > 0 for pair in answers)
    if not answers:
        said = "There are no predictions to show."
    elif not wrong:
        said = f"No mistake on {of(len(answers), 'picture')}."
    else:
        shown = len(worse) + len(others)
        said = f"{of(wrong, 'picture')} of {len(answers)} have mistakes; these are the worst {shown}."
    rows: list[Content] = []
    headings = (f"Where {old.name.lower()} does better" if old else "", "The worst others" if worse else "")
    number = 0
    for heading, pairs in zip(headings, (worse, others), strict=True):
        if pairs and heading:
            rows.append(element("h3", heading))
        plates = []
        for pair in pairs:
            number += 1
            picture = review.pictures.get(pair.new.file, _LEFT_OUT)
            plates.append(plate(pair, picture, number, names))
        rows.append(element("div", *plates, class_="plates") if plates else None)
    return section(
        "mistakes", "The worst mistakes", soft(said), hatching() if wrong else None, anything, rows
    )


_LEFT_OUT = Picture("", None, "it could not be read")


def _legend(review: Review, shown: list[Compared]) -> Markup:
    verdicts = {mark.verdict for pair in shown for mark in (*pair.new.objects, *pair.new.answers)}
    keys = [("object found", "object, found"), ("object missed", "object, missed")]
    if MISPLACED in verdicts:
        keys.append(("object misplaced", "object, answered in the wrong place"))
    if CONFUSED in verdicts:
        keys.append(("object confused", "object, taken for another class"))
    keys += [("answer right", "answer, right"), ("answer false", "answer, wrong, with its score")]
    return element("ul", *(_sample(kind, text) for kind, text in keys), class_="legend")


def _sample(kind: str, text: str) -> Markup:
    place = {"x": 3, "y": 3, "width": 26, "height": 14}
    crossed = element("path", d="M3 3L29 17M29 3L3 17") if kind == "answer false" else None
    drawn = element(
        "svg",
        element("rect", class_="ground", width=32, height=20),
        element("g", element("rect", class_="line", **place), crossed, class_=kind),
        viewBox="0 0 32 20",
        class_="key",
        aria_hidden="true",
    )
    return element("li", drawn, text)


def _identity(review: Review) -> Markup:
    new = review.new
    splits = new.pictures_by_split()
    pictures = ", ".join(f"{splits[name]} {words}" for name, words in _SPLITS) if splits else None
    aside = len(new.manifest.get("set_aside") or ())
    listed_apart = classified.pictures(new.manifest)
    return section(
        "identity",
        "Where it comes from",
        sheet(
            facts(
                ("Model package", code(new.arn)),
                ("Registered", new.registered_at),
                ("Git commit", code(new.git_commit) if new.git_commit else "not known"),
                ("Dataset manifest", code(new.manifest_uri)),
                ("SHA-256 of it", code(str(new.manifest["sha256"])) if new.manifest.get("sha256") else None),
                ("Labels as of", str(new.manifest.get("as_of") or "")),
                ("Pictures", pictures or listed_apart),
                ("Set aside", f"{of(aside, 'picture')}, with the reasons in the manifest" if aside else None),
            )
        ),
    )


_SPLITS = (("train", "to train"), ("validation", "to choose by"), ("test", "to test"))


def _changes(review: Review) -> Markup | None:
    new, old = review.new, review.prod
    if old is None or old.arn == new.arn:
        return None
    of_labels = task_of(new.evaluation) is CLASSIFICATION
    found = changes(new.manifest, old.manifest) if new.manifest and old.manifest and not of_labels else None
    commits = _commits(new.git_commit, old.git_commit)
    size = classified.pictures_before(new.manifest, old.manifest) if of_labels else None
    if found:
        now, before = (len(listed(version.manifest)) for version in (new, old))
        size = f"{of(now, 'picture')}, before {before}"
    return section(
        "changes",
        f"What changed since {old.name.lower()}",
        sheet(
            facts(
                ("In prod", code(old.arn)),
                ("Registered", old.registered_at),
                ("Data set", size or "the manifest of one of them could not be read"),
                ("Pictures", _of_pictures(found) if found else None),
                ("Labels", classified.labels_before(new.evaluation, old.evaluation) if of_labels else None),
                ("Git commit", commits),
            ),
            _warning(found, old.name) if found else None,
        ),
    )


def _of_pictures(found: Changes) -> str:
    return f"{found.added} new, {found.removed} no longer there, {found.relabeled} with other boxes"


def _commits(new: str, old: str) -> Content:
    if not new or not old:
        return "not known of one of them"
    if new == old:
        return ["the same, ", code(new)]
    return [code(old), " \N{RIGHTWARDS ARROW} ", code(new)]


def _warning(found: Changes, name: str) -> Markup | None:
    if not found.tested_on_known:
        return None
    known = of(found.tested_on_known, "picture")
    said = f"{name} was trained or chosen with {known} of this test set: its numbers here flatter it."
    return element("p", said, class_="note")


def _decide(review: Review) -> Markup:
    arn = review.new.arn
    return section(
        "decide",
        "Approve or reject",
        soft(
            "An approval deploys exactly this package: to staging, where it is tested, then to prod. Say in"
            " the description why; the record of the release keeps who approved, when and what."
        ),
        element(
            "div",
            sheet(element("h3", "Approve"), element("pre", code(decide.approve(arn)))),
            sheet(element("h3", "Reject"), element("pre", code(decide.reject(arn)))),
            class_="stack",
        ),
    )
