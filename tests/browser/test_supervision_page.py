"""The views of supervisors and approvers in a browser, against the made-up API."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_api import FakeCloud
from fake_supervision import WHO
from playwright.sync_api import Browser, Page, expect

HERE = Path(__file__).parent
AXE = HERE / "node_modules" / "axe-core" / "axe.min.js"
PICTURE = b"""<svg xmlns="http://www.w3.org/2000/svg" width="320" height="240">
<rect width="320" height="240" fill="#8d9aa5"/>
<rect x="40" y="30" width="240" height="180" rx="14" fill="#c9d2d8"/>
<path d="M95 80L225 108" stroke="#4b545c" stroke-width="3"/></svg>"""
WIDTHS = {"phone": (390, 844), "tablet": (820, 1180), "desktop": (1360, 900)}
VIEWS = {"supervision": "#/supervision", "round": "#/supervision/round/a1", "packages": "#/packages"}


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[FakeCloud]:
    (tmp_path / "picture.svg").write_bytes(PICTURE)
    with FakeCloud(tmp_path, who=WHO) as cloud:
        cloud.groups = {WHO: ["annotators", "supervisors", "approvers"], "ann": ["annotators"]}
        cloud.tasks.models = [{"model": "tags", "classes": [{"name": "scratch"}]}]
        cloud.supervision.picture = f"{cloud.images}/picture.svg"
        yield cloud


@pytest.fixture
def page(browser: Browser, cloud: FakeCloud) -> Iterator[Page]:
    page = browser.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
    yield page
    page.close()
    assert complaints == []


def enter(page: Page, cloud: FakeCloud, view: str) -> None:
    """Sign in, where need be, and go to a view."""
    page.goto(f"{cloud.page}/{view}")
    sign_in = page.get_by_role("button", name="Sign in")
    expect(sign_in.or_(page.get_by_role("button", name="Sign out"))).to_be_visible()
    if sign_in.is_visible():
        sign_in.click()
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        page.goto(f"{cloud.page}/{view}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_who_did_what_and_how_far_people_agree(page: Page, cloud: FakeCloud) -> None:
    enter(page, cloud, VIEWS["supervision"])
    people = page.get_by_role("region", name="Answers of each person")
    row = people.get_by_role("row").filter(has_text="ben")
    expect(row).to_have_text("ben16834 s31 %128.5 s0 %011")
    pairs = page.get_by_role("region", name="Pairs of people who saw the same pictures of tags")
    expect(pairs.get_by_role("row").filter(has_text="ada and cleo")).to_have_text(
        "ada and cleo480.8694 %0.83"
    )
    unknown = pairs.get_by_role("row").filter(has_text="ada and ben")
    expect(unknown).to_have_text("ada and ben6" + 3 * "\N{EN DASH}")
    expect(page.get_by_text("Counted are the newest 4 rounds with 519 answers")).to_be_visible()


def test_labeling_is_started_after_a_question(page: Page, cloud: FakeCloud) -> None:
    enter(page, cloud, VIEWS["supervision"])
    start = page.get_by_role("button", name="Start labeling tags")
    start.click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert cloud.supervision.started == []
    start.click()
    page.get_by_role("dialog").get_by_role("button", name="Start").click()
    expect(page.get_by_text("Labeling of tags has been started.").first).to_be_visible()
    assert cloud.supervision.started == ["tags"]


def test_a_start_that_is_refused_says_why(page: Page, cloud: FakeCloud) -> None:
    cloud.supervision.refusals["/supervision/rounds"] = (409, {"message": "labeling of tags runs already"})
    enter(page, cloud, VIEWS["supervision"])
    page.get_by_role("button", name="Start labeling tags").click()
    page.get_by_role("dialog").get_by_role("button", name="Start").click()
    expect(page.locator(".notice.bad")).to_have_text("Labeling of tags runs already.")


def test_a_round_is_closed_after_a_question_that_says_what_is_left(page: Page, cloud: FakeCloud) -> None:
    enter(page, cloud, VIEWS["supervision"])
    page.get_by_role("article", name="Labeling tags, round 1").get_by_role("button", name="Close now").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("69 pictures have no answer yet")
    question.get_by_role("button", name="Close the round").click()
    expect(page.get_by_role("article", name="Labeling tags, round 1")).to_have_count(0)
    assert cloud.supervision.closed == ["a1"]
    page.get_by_text("3 rounds that are over").click()
    expect(page.get_by_role("region", name="Rounds that are over").get_by_role("row")).to_have_count(4)


def test_every_picture_of_a_round_with_what_was_said(page: Page, cloud: FakeCloud) -> None:
    enter(page, cloud, VIEWS["supervision"])
    page.get_by_role("article", name="Labeling tags, round 1").get_by_role("link", name="Look at it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Labeling tags")
    pictures = page.locator("li.picture")
    expect(pictures).to_have_count(6)
    expect(pictures.nth(0)).to_contain_text("ada drew 1 box")
    expect(pictures.nth(0).locator("rect")).to_have_count(3)
    expect(pictures.nth(2)).to_contain_text("cleo mended it, to 1 box")
    expect(pictures.nth(3)).to_contain_text("The scratch goes on under the hole.")
    page.get_by_role("button", name="Show more").click()
    expect(pictures).to_have_count(9)
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()
    expect(pictures.nth(8)).to_contain_text("Left without an answer")
    look = page.get_by_role("button", name="Look closely at line-2-camera-0001.jpg")
    look.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="line-2-camera-0001.jpg")).to_be_visible()
    page.keyboard.press("Escape")
    expect(look).to_be_focused()


def test_a_picture_that_is_gone_says_so(page: Page, cloud: FakeCloud) -> None:
    cloud.supervision.picture = f"{cloud.images}/gone.svg"
    enter(page, cloud, VIEWS["round"])
    expect(page.get_by_text("The picture cannot be shown.").first).to_be_visible()


def test_a_model_is_approved_with_a_note_and_then_followed(page: Page, cloud: FakeCloud) -> None:
    enter(page, cloud, VIEWS["packages"])
    waiting = page.get_by_role("article", name="tags, version 8")
    expect(waiting).to_contain_text("0.910")
    expect(waiting.get_by_role("link", name="Read the report")).to_have_attribute("target", "_blank")
    waiting.get_by_role("button", name="Approve").click()
    expect(waiting.get_by_role("alert")).to_have_text("Say why, in a few words.")
    note = waiting.get_by_label("Your note")
    expect(note).to_be_focused()
    note.fill("better on thin scratches")
    waiting.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("dialog")).to_contain_text(f"Your name, {WHO}, and your note go into the record")
    page.get_by_role("dialog").get_by_role("button", name="Approve").click()
    decided = page.locator("section[aria-labelledby=decided]").get_by_role("article", name="tags, version 8")
    expect(decided).to_contain_text(f"{WHO}: better on thin scratches")
    expect(decided.get_by_role("listitem").nth(1)).to_contain_text("under way")
    [sent] = cloud.supervision.decided
    assert (sent["decision"], sent["note"]) == ("approve", "better on thin scratches")


def test_a_model_is_rejected_by_keyboard_alone(page: Page, cloud: FakeCloud) -> None:
    enter(page, cloud, VIEWS["packages"])
    page.get_by_role("article", name="tags, version 7").get_by_label("Your note").focus()
    page.keyboard.type("misses small ones")
    for key in ("Tab", "Tab", "Enter"):
        page.keyboard.press(key)
    expect(page.get_by_role("dialog")).to_contain_text("Reject version 7 of tags?")
    page.keyboard.press("Enter")
    rejected = page.locator("section[aria-labelledby=decided]").get_by_role("article", name="tags, version 7")
    expect(rejected).to_contain_text("Rejected")
    assert [sent["decision"] for sent in cloud.supervision.decided] == ["reject"]


def test_a_model_that_another_decided_on_meanwhile_is_shown_as_it_is(page: Page, cloud: FakeCloud) -> None:
    enter(page, cloud, VIEWS["packages"])
    cloud.supervision.packages[0] |= {"status": "Rejected", "remark": "cleo: no"}
    waiting = page.get_by_role("article", name="tags, version 8")
    waiting.get_by_label("Your note").fill("good")
    waiting.get_by_role("button", name="Approve").click()
    page.get_by_role("dialog").get_by_role("button", name="Approve").click()
    expect(page.locator(".notice.bad")).to_contain_text("it is Rejected (cleo: no)")
    expect(page.get_by_role("article", name="tags, version 8")).to_contain_text("cleo: no")


def test_who_is_in_no_such_group_is_shown_neither(page: Page, cloud: FakeCloud) -> None:
    cloud.who = "ann"
    page.goto(f"{cloud.page}/")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    expect(page.get_by_role("link", name="Supervision")).to_have_count(0)
    for view in ("supervision", "packages"):
        page.goto(f"{cloud.page}/{VIEWS[view]}")
        expect(page.get_by_text("There is nothing here.")).to_be_visible()
    assert not [path for _, path in cloud.requests if path.startswith(("/supervision", "/packages"))]


@pytest.mark.acceptance
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("width", WIDTHS)
def test_each_view_fits_and_is_accessible(
    browser: Browser, cloud: FakeCloud, view: str, width: str, scheme: str
) -> None:
    across, down = WIDTHS[width]
    page = browser.new_page(viewport={"width": across, "height": down}, color_scheme=scheme)  # type: ignore[arg-type]
    enter(page, cloud, VIEWS[view])
    expect(page.locator(".card").first).to_be_visible()
    for summary in page.locator("summary").all():
        summary.click()
    scrolled = page.evaluate(
        "[document.documentElement.scrollWidth, document.querySelector('main').scrollWidth]"
    )
    assert max(scrolled) <= across, "the page itself never scrolls sideways"
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert [
        (one["id"], one["impact"], one["nodes"][0]["html"][:120], one["nodes"][0].get("failureSummary"))
        for one in found["violations"]
    ] == []
    page.close()
