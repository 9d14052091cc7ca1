"""A person at the page: what they see and do, with mouse, keyboard or finger."""

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, sync_playwright

Rect = tuple[float, float, float, float]  # left, top, width, height


@dataclass
class Person:
    """A browser of their own; `complaints` has its errors, violations of the policy too."""

    page: Page
    address: str
    complaints: list[str]

    @property
    def stage(self) -> Locator:
        return self.page.locator(".stage")

    def sign_in(self, account: tuple[str, str] | None = None) -> "Person":
        """Come to the rounds; `account` (name and password) where the sign-in page asks for it."""
        self.page.goto(self.address)
        self.page.get_by_role("button", name="Sign in").click()
        if account:
            self.page.get_by_label("Username").fill(account[0])
            self.page.get_by_label("Password").fill(account[1])
            self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("heading", name="Rounds").wait_for()
        return self

    def start(self, kind: str = "Draw") -> "Person":
        self.page.get_by_role("link", name=kind, exact=True).first.click()
        return self.ready()

    def ready(self) -> "Person":
        """Wait until a picture can be worked on."""
        self.page.locator(".work[data-mode]:not([data-mode=busy]) .cover[hidden]").wait_for(state="attached")
        return self

    def at(self, task: str) -> "Person":
        """Wait until this task is the one that is shown."""
        self.page.locator(f'.stage[data-task="{task}"]').wait_for()
        return self.ready()

    @property
    def task(self) -> str:
        """The id of the task that is shown."""
        return self.ready().stage.get_attribute("data-task") or ""

    def next_after(self, ending: str) -> None:
        """Wait until another task than that whose id ends so, or the end, is shown."""
        other = self.page.locator(f'.stage[data-task]:not([data-task$="{ending}"]), #end')
        other.first.wait_for(state="attached")
        if not self.at_the_end():
            self.ready()

    def at_the_end(self) -> bool:
        return self.page.locator("#end").count() > 0

    def answer(self, name: str) -> None:
        self.page.get_by_role("group", name="Answer").get_by_role("button", name=name).click()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag with the mouse from one place of the window to another."""
        self.page.mouse.move(*start)
        self.page.mouse.down()
        self.page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, steps=3)
        self.page.mouse.move(*end, steps=3)
        self.page.mouse.up()

    def swipe(self, *fingers: tuple[tuple[float, float], tuple[float, float]], steps: int = 6) -> None:
        """Move fingers over the screen, each from one place to another."""
        devices = self.page.context.new_cdp_session(self.page)

        def send(kind: str, share: float) -> None:
            points = [
                {"x": a[0] + (b[0] - a[0]) * share, "y": a[1] + (b[1] - a[1]) * share, "id": number}
                for number, (a, b) in enumerate(fingers)
            ]
            devices.send(
                "Input.dispatchTouchEvent",
                {"type": kind, "touchPoints": points if kind != "touchEnd" else []},
            )

        send("touchStart", 0)
        for step in range(1, steps + 1):
            send("touchMove", step / steps)
        # A finger that is lifted in motion flings, and a tap right after only stops the fling.
        self.page.wait_for_timeout(150)
        send("touchMove", 1)
        send("touchEnd", 1)
        devices.detach()

    def middle(self) -> tuple[float, float]:
        box = self.stage.bounding_box()
        assert box is not None
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def still(self) -> None:
        """Wait until the picture has stopped moving."""
        self.page.evaluate(
            """() => new Promise(done => {
                let last = "", same = 0;
                const look = () => {
                    const lines = [...document.querySelectorAll(".boxes .line")];
                    const now = document.querySelector(".zoom").textContent
                        + document.querySelector(".viewer canvas").getBoundingClientRect().width
                        + lines.map(line => line.getAttribute("x") + line.getAttribute("y"));
                    same = now === last ? same + 1 : 0;
                    last = now;
                    same > 20 ? done() : requestAnimationFrame(look);
                };
                look();
            })"""
        )

    def seen(self) -> Rect:
        """Where the screen shows the target of the picture: measured on a screenshot, in CSS pixels."""
        self.still()
        ratio = self.page.evaluate("devicePixelRatio")
        screen = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        red, green, blue = screen.split()
        strong = red.point(lambda v: 255 * (v > 170))
        weak = Image.merge(
            "RGB", (strong, green.point(lambda v: 255 * (v < 90)), blue.point(lambda v: 255 * (v < 90)))
        )
        mask = weak.convert("L").point(lambda v: 255 * (v > 250))
        found = mask.getbbox()
        assert found is not None, "the target is not to be seen"
        left, top, right, bottom = (value / ratio for value in found)
        return left, top, right - left, bottom - top

    def saved(self) -> None:
        """Wait until the API has what is drawn."""
        self.page.locator(".state[data-state=saved]").wait_for(state="attached")

    def list(self) -> list[str]:
        """The boxes in the list beside the picture."""
        return self.page.locator(".list .pick").all_inner_texts()

    def close(self) -> None:
        self.page.context.close()


@contextmanager
def debians_chromium() -> Iterator[Browser]:
    """The browser, as long as the block lasts."""
    chromium = shutil.which("chromium")
    assert chromium, "chromium is not installed: apt-get install chromium"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


def arrive(browser: Browser, address: str, **options: Any) -> Person:
    """A new person with a browser that has never been used."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
    context.set_default_timeout(60_000)
    complaints: list[str] = []
    page = context.new_page()

    def of_the_page(message: ConsoleMessage) -> bool:
        """Errors, without the browser's lines on requests that tests let fail: the API's, the pictures'."""
        url = message.location["url"]
        of_a_request = message.text.startswith("Failed to load resource")
        own = url.startswith(address) and "/api/" not in url
        return message.type == "error" and (own or not of_a_request)

    page.on("console", lambda message: complaints.append(message.text) if of_the_page(message) else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return Person(page, address, complaints)
