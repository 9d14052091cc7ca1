"""The page behind sign-in in a real browser, which resolves, redirects and forbids as browsers do."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import page_stack
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from local.cloud.addresses import served_at
from local.cloud.deploy import deploy
from local.cloud.pool_users import add_user
from local.cloud.server import LocalCloud

pytestmark = pytest.mark.acceptance

SCRIPT = Path(__file__).with_name("page_script.js")
INDEX = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Page</title>
<p id="who"></p><p id="size"></p><p id="width"></p><p id="elsewhere"></p><img alt="">
<script type="module" src="/page_script.js"></script>"""


@pytest.fixture(scope="module")
def outputs(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    assembly = page_stack.write_assembly(tmp_path_factory.mktemp("assembly"))
    found = deploy(assembly, cloud)[page_stack.STACK]
    settings = json.dumps({"sign_in": found["SignInUrl"], "client_id": found["UserPoolClientId"]}).encode()
    s3 = cloud.root_session().client("s3")
    for key, content, kind in (
        ("index.html", INDEX, "text/html"),
        ("page_script.js", SCRIPT.read_bytes(), "text/javascript"),
        ("settings.json", settings, "application/json"),
    ):
        s3.put_object(Bucket=found["Site"], Key=key, Body=content, ContentType=kind)
    s3.put_object(Bucket=found["Pictures"], Key="picture", Body=picture(), ContentType="image/png")
    return found


def picture() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (7, 5)).save(content, "PNG")
    return content.getvalue()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def test_person_signs_in_in_a_browser_and_sees_a_picture(
    cloud: LocalCloud, outputs: dict[str, str], page: Page
) -> None:
    password = add_user(
        cloud.root_session().client("cognito-idp"), outputs["UserPoolId"], "zoe", ["annotators"]
    )
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(served_at(cloud.url, outputs["PageUrl"]))
    page.get_by_label("Username").fill("zoe")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("Incorrect username or password.")
    page.get_by_label("Username").fill("zoe")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#who")).to_have_text("zoe")
    expect(page.locator("#size")).to_have_text(str(len(picture())))
    expect(page.locator("#width")).to_have_text("7")
    expect(page.locator("#elsewhere")).to_have_text("refused")
    assert [text for text in said if "Content Security Policy" in text and "elsewhere" not in text] == []


def test_page_that_signs_in_again_asks_for_no_password(
    cloud: LocalCloud, outputs: dict[str, str], page: Page
) -> None:
    home = served_at(cloud.url, outputs["PageUrl"])
    password = add_user(
        cloud.root_session().client("cognito-idp"), outputs["UserPoolId"], "yan", ["annotators"]
    )
    page.goto(home)
    page.get_by_label("Username").fill("yan")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#who")).to_have_text("yan")
    page.goto(home)
    expect(page.locator("#who")).to_have_text("yan")
