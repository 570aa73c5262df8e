"""A Hub whose students' servers have names of their own: what a student shows is of another origin than the Hub."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browser_fixtures import log_in
from hub_fixtures import HubUnderTest, copy_course

from coursekit.hub.server import down, status, up
from coursekit.hub.settings import read_settings
from coursekit.ports import free_port

pytestmark = [pytest.mark.browser, pytest.mark.hub, pytest.mark.timeout(600)]

# What a page of a student's would try: open one of the Hub's, with the visitor's cookies, and read the token in it.
READ = """async (home) => {
  const hub = window.open(home);
  for (let times = 0; times < 100; times++) {
    await new Promise(done => setTimeout(done, 100));
    try { if (hub.jhdata) return "read " + Boolean(hub.jhdata.xsrf_token); } catch (error) { return error.name; }
  }
  return "nothing";
}"""


@pytest.fixture(scope="module")
def site(places, grader_image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, HubUnderTest]]:
    """Chromium finds every name below ``localhost`` on this machine."""
    course, port = copy_course(tmp_path_factory.mktemp("site") / "course"), free_port()
    url = f"http://hub.localhost:{port}"
    path = course.hub / "course.toml"
    path.write_text(path.read_text().replace("[network]\n", f'[network]\nsite = "{url}"\n'))
    settings = read_settings(course, port=port)
    running = up(settings)
    try:
        yield url, HubUnderTest(course=course, settings=settings, running=running)
    finally:
        down(settings)
    assert status(settings) == ()


def test_a_page_of_a_students_server_cannot_read_the_hubs(site, page):
    url, hub = site
    log_in(page, url, "ada", hub.running.passwords.students)
    page.goto(f"{url}/hub/spawn/ada")
    page.wait_for_url(f"{url.replace('//', '//ada.')}/user/ada/lab**", timeout=180_000)
    assert page.evaluate(READ, f"{url}/hub/home") == "SecurityError"
    page.goto(f"{url}/hub/home")
    assert page.evaluate(READ, f"{url}/hub/home") == "read true", "the Hub's own pages do read each other"


def test_services_have_names_of_their_own_too(site, page):
    url, hub = site
    log_in(page, url, "ben", hub.running.passwords.students)
    page.goto(f"{url.replace('//', '//course--service.')}/services/course/")
    page.get_by_text("Your clusters").first.wait_for()
    assert "ben" in page.inner_text("body")
