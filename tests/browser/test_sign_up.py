"""Signing up, approval, and each profile chosen in turn, in a browser, on a Hub whose servers are containers."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from browser_fixtures import SCREENSHOTS, SERVER_S, log_in
from class_fixtures import ClassHub, class_hub
from docker_fixtures import require_docker

from coursekit.config import image_tag
from coursekit.engine.daemon import LABEL, connect
from coursekit.engine.devices import device_label
from coursekit.hub.servers import servers

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.hub, pytest.mark.docker, pytest.mark.timeout(600)]
GPU = "GPU-that-is-not-there"
PASSWORD = "correct horse battery staple"
LOOKS = [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)]
# One GPU, which nobody has: whoever asks second for it stands in line.
PROFILES = """
[profiles.spark]
title = "Spark"
description = "A small server. Clusters that you start from a notebook run beside it."
memory = "2g"
reserved = "256m"
image = "spark"

[profiles.private]
title = "Private server"
description = "Many cores and much memory for one notebook."
cores = 2
memory = "4g"
reserved = "1g"
image = "notebook"
limit_minutes = 240

[profiles.gpu]
title = "GPU"
description = "One GPU of your own, for two hours. When all are taken you wait in line."
memory = "2g"
reserved = "256m"
image = "notebook"
gpus = 1
limit_minutes = 120

"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClassHub]:
    require_docker("notebook", "spark")

    def edit(text: str) -> str:
        text = re.sub(r"(?ms)^\[profiles\.spark\].*?(?=^# What the gateway)", PROFILES, text)
        text = text.replace('kind = "shared-password"', 'kind = "native"')
        return f'gpus = ["{GPU}"]\n{text}'

    with class_hub(tmp_path_factory.mktemp("hub") / "course", edit) as running:
        yield running


def in_every_look(browser: Browser, page: Page, name: str) -> None:
    """Take a picture of where a user is, in every look, and see that nothing sticks out."""
    for scheme, width in LOOKS:
        cookies = page.context.storage_state()
        context = browser.new_context(
            color_scheme=scheme, viewport={"width": width, "height": 900}, storage_state=cookies
        )
        other = context.new_page()
        other.goto(page.url)
        other.screenshot(path=SCREENSHOTS / f"{name}-{scheme}-{width}.png", full_page=True)
        assert other.evaluate("document.documentElement.scrollWidth") <= width
        context.close()


def sign_up(page: Page, url: str, name: str, *, again: str = PASSWORD) -> None:
    page.goto(f"{url}/hub/login")
    page.get_by_role("link", name=re.compile("sign ?up", re.IGNORECASE)).click()
    page.get_by_label("Username").fill(name)
    page.get_by_label("E-mail").fill(f"{name}@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password, once more").fill(again)
    page.get_by_role("button", name="Sign up").click()


def start(page: Page, hub: ClassHub, name: str, profile: str) -> None:
    """Choose a profile on the form."""
    page.goto(f"{hub.running.url}/hub/spawn/{name}")
    page.get_by_role("radio", name=re.compile(f"^{profile} ")).check()
    page.get_by_role("button", name="Start").click()


@contextlib.contextmanager
def somebody_has(hub: ClassHub, gpu: str) -> Iterator[None]:
    """Let a container of the class have a GPU: its label says so, as that of a worker of a cluster does."""
    labels = {f"{LABEL}.realm": hub.settings.realm, **device_label((gpu,))}
    container = connect().containers.create(image_tag("notebook"), ["true"], labels=labels)
    try:
        yield
    finally:
        container.remove(force=True)


def stop(page: Page, hub: ClassHub) -> None:
    page.goto(f"{hub.running.url}/hub/home")
    page.get_by_role("button", name="Stop My Server").or_(page.get_by_role("link", name="Stop My Server")).click()
    page.get_by_role("button", name="Start My Server").or_(page.get_by_role("link", name="Start My Server")).wait_for()


def test_a_student_signs_up_and_is_let_in_when_the_instructor_has_approved(hub, page, browser):
    url = hub.running.url
    page.goto(f"{url}/hub/signup")
    in_every_look(browser, page, "sign-up")
    sign_up(page, url, "ada", again="something else")
    page.get_by_role("alert").get_by_text("did not match").wait_for()
    sign_up(page, url, "ada")
    page.get_by_text("An instructor has to approve it").wait_for()
    page.screenshot(path=SCREENSHOTS / "sign-up-sent.png")
    sign_up(page, url, "zoe")

    page.context.clear_cookies()
    log_in(page, url, "instructor", hub.running.passwords.instructors)
    page.get_by_role("link", name="Sign-ups").click()
    page.get_by_text("ada@example.org").wait_for()
    in_every_look(browser, page, "approval")
    page.get_by_role("button", name="Approve ada").click()
    page.get_by_role("button", name="Withdraw the approval of ada").wait_for()
    page.get_by_role("button", name="Discard zoe").click()
    page.get_by_text("Nobody is waiting").wait_for()
    page.screenshot(path=SCREENSHOTS / "approval-done.png")

    page.context.clear_cookies()
    log_in(page, url, "ada", PASSWORD)
    assert page.get_by_role("link", name="Sign-ups").count() == 0
    page.context.clear_cookies()
    page.goto(f"{url}/hub/login")
    page.fill("#username_input", "zoe")
    page.fill("#password_input", PASSWORD)
    page.click("#login_submit")
    page.wait_for_selector("#login_submit")
    assert "/hub/login" in page.url


def test_each_profile_is_chosen_in_turn_and_a_gpu_that_is_taken_is_waited_for_in_line(hub, page, browser):
    url = hub.running.url
    log_in(page, url, "ada", PASSWORD)
    page.goto(f"{url}/hub/spawn/ada")
    page.get_by_text("Free now:").wait_for()
    in_every_look(browser, page, "profiles")
    for profile, name in (("Spark", "spark"), ("Private server", "private")):
        start(page, hub, "ada", profile)
        page.wait_for_url(re.compile("/user/ada/lab"), timeout=SERVER_S * 1000)
        page.wait_for_selector("#jp-top-panel", timeout=SERVER_S * 1000)
        assert [(one.user, one.profile) for one in servers(hub.settings)] == [("ada", name)]
        stop(page, hub)

    with somebody_has(hub, GPU):
        start(page, hub, "ada", "GPU")
        page.get_by_text("All GPUs are taken. You are number 1 in line").wait_for()
        page.goto(f"{url}/hub/spawn/ada")
        page.get_by_text("You are number 1 in line. Leave this page open").wait_for()
        in_every_look(browser, page, "profiles-line")
    page.get_by_text("It is your turn: start it now.").wait_for()  # the page looks again by itself
    start(page, hub, "ada", "GPU")
    page.get_by_text("This server cannot be started on this host.").first.wait_for()  # there is no such GPU in truth
    page.screenshot(path=SCREENSHOTS / "profiles-gpu-refused.png", full_page=True)
    assert servers(hub.settings) == ()
