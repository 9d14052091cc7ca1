"""What is sent to the people who approve: plain text, since it comes by e-mail."""

from lambdas.common.objects import split_uri
from lambdas.promotion.pages import decide
from lambdas.promotion.pages.numbers import score
from lambdas.promotion.pages.review import Review
from lambdas.promotion.tasks import task_of

_LONGEST_SUBJECT = 100


def approval_notice(review: Review) -> dict[str, str]:
    """Give {"subject", "message"} of a request for approval; a subject is ASCII on one line."""
    new, old = review.new, review.compared_with
    title = f"{review.model}, {new.name.lower()}"
    lines = [f"{title} waits for your approval.", ""]
    for key, name in task_of(new.evaluation).metrics.items():
        beside = f", in prod ({old.name.lower()}) {score(old.evaluation.get(key))}" if old else ""
        lines.append(f"{name:9} {score(new.evaluation.get(key))}{beside}")
    lines += ["", review.remark] if review.remark else []
    lines += ["", "Read the page before you decide:", review.page_uri, decide.read(review.page_uri)]
    lines += [console(review.page_uri, new.arn), "", "Approve, which promotes it:", decide.approve(new.arn)]
    lines += ["", "Reject:", decide.reject(new.arn), ""]
    return {"subject": _subject(f"Approve {title}?"), "message": "\n".join(lines)}


def console(uri: str, arn: str) -> str:
    """The address of an object in the console of the region that the package is in."""
    bucket, key = split_uri(uri)
    region = arn.split(":")[3]
    return f"https://{region}.console.aws.amazon.com/s3/object/{bucket}?region={region}&prefix={key}"


def _subject(text: str) -> str:
    plain = "".join(letter if " " <= letter <= "~" else "?" for letter in text)
    return plain[:_LONGEST_SUBJECT]
