"""A bot student: does over HTTP what a student's browser does, with the same cookies and the same checks."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from coursekit.errors import HubError
from coursekit.hub.kernels import run_code

if TYPE_CHECKING:
    import httpx

_TIMEOUT_S: Final = 300.0
# The heading that nbgrader's feedback page begins with: "<h4>a1 (Score: 5.0 / 10.0)</h4>".
_SCORE: Final = re.compile(r"\(Score:\s*([0-9.]+)\s*/\s*([0-9.]+)\)")
_START: Final = """from coursekit import GiB, SparkCluster
cluster = SparkCluster(workers={workers}, memory=GiB, name="rehearsal")
spark = cluster.session("rehearsal")"""
_JOB: Final = "print(spark.sparkContext.parallelize(range(1000), 4).map(lambda n: n * n).sum())"
_RESULT: Final = str(sum(n * n for n in range(1000)))
_CLOSE: Final = "cluster.close()"


class Bot:
    """One student with a name, a password and a browser's worth of cookies.

    Parameters
    ----------
    url : str
        The Hub's address, without a slash at the end.
    name, password : str
        What the student logs in with.
    course_id : str
        nbgrader's name of the course.

    Attributes
    ----------
    seconds : dict of str to float
        How long each step took, s.
    """

    def __init__(self, *, url: str, name: str, password: str, course_id: str) -> None:
        import httpx

        self.name = name
        self.seconds: dict[str, float] = {}
        self._url = url
        self._password = password
        self._course_id = course_id
        self._cookies = httpx.Cookies()
        self._client: httpx.AsyncClient | None = None

    @asynccontextmanager
    async def browsing(self) -> AsyncIterator[Bot]:
        """Open connections; the cookies stay for the next time."""
        import httpx

        async with httpx.AsyncClient(
            base_url=self._url, cookies=self._cookies, timeout=_TIMEOUT_S, follow_redirects=True, trust_env=False
        ) as self._client:
            try:
                yield self
            finally:
                self._cookies = self._client.cookies
        self._client = None

    async def log_in(self) -> None:
        """Fill in the login page."""
        with self._timed("log in"):
            await self._ask("GET", "/hub/login")
            form = {"username": self.name, "password": self._password, "_xsrf": self._xsrf("/hub/")}
            answer = await self._ask("POST", "/hub/login?next=/hub/home", accept=(200, 403), data=form)
        if answer.status_code == 403 or answer.url.path == "/hub/login":
            raise HubError(
                f"the Hub does not let {self.name!r} in.",
                fix="compare the password with the one that `coursekit hub up` printed",
            )

    async def start_server(self, profile: str = "") -> None:
        """Start the student's server and follow its progress until it is ready; the first profile if none is named."""
        with self._timed("start server"):
            api = f"/hub/api/users/{self.name}/server"
            # With a body, for the proxy calls an empty one a form, which the Hub's API refuses.
            chosen = {"user_options": {"profile": profile}} if profile else {}
            started = await self._ask("POST", api, accept=(201, 202, 400), headers=self._hub_headers(), json=chosen)
            if started.status_code == 400 and "already running" not in started.text:
                raise self._refused("POST", api, started)
            await self._follow_progress(f"{api}/progress")
            # The page of JupyterLab sends a browser through the Hub's OAuth and comes back with the server's cookies.
            await self._ask("GET", f"/user/{self.name}/lab")

    async def stop_server(self) -> None:
        """Stop the student's server, as "Hub Control Panel" does."""
        api = f"/hub/api/users/{self.name}/server"
        await self._ask("DELETE", api, accept=(202, 204, 404), headers=self._hub_headers())

    async def fetch(self, assignment: str) -> None:
        """Fetch an assignment, unless it was fetched before."""
        with self._timed("fetch"):
            listed = await self._assignments()
            own = [each for each in listed if each["assignment_id"] == assignment]
            if not own:
                raise HubError(
                    f"{self.name!r} does not see the assignment {assignment!r} in the Assignment List.",
                    fix=f"release it: coursekit assignment release {assignment}",
                )
            if not any(each["status"] == "fetched" for each in own):
                await self._act("fetch", assignment)

    async def use_cluster(self, workers: int) -> None:
        """Start a Spark cluster from a kernel, run a job on it, and give it back."""
        kernels = f"/user/{self.name}/api/kernels"
        started = await self._ask("POST", kernels, accept=(201,), json={"name": "python3"}, headers=self._headers())
        kernel = f"{kernels}/{started.json()['id']}"
        try:
            with self._timed("start cluster"):
                await self._run(kernel, _START.format(workers=workers))
            with self._timed("Spark job"):
                found = await self._run(kernel, _JOB)
        finally:
            with suppress(HubError):  # there may be none to close
                await self._run(kernel, _CLOSE)
            await self._ask("DELETE", kernel, accept=(204, 404), headers=self._headers())
        if found.strip() != _RESULT:
            raise HubError(f"the Spark job of {self.name!r} gave {found.strip()!r}.", fix="run it in a notebook there")

    async def _run(self, kernel: str, code: str) -> str:
        assert self._client is not None
        url = f"{self._url}{kernel}/channels".replace("http", "ws", 1)
        cookies = self._client.build_request("GET", f"{kernel}/channels").headers.get("cookie", "")
        headers = {"Cookie": cookies, "Origin": self._url, "X-XSRFToken": self._xsrf(f"/user/{self.name}/")}
        return await run_code(url, code, headers=headers, timeout_s=2 * _TIMEOUT_S)

    async def read_notebook(self, path: str) -> dict[str, Any]:
        """Read a notebook through the Contents API."""
        answer = await self._ask("GET", self._contents(path), params={"content": "1"}, headers=self._headers())
        notebook: dict[str, Any] = answer.json()["content"]
        return notebook

    async def save_notebook(self, path: str, notebook: dict[str, Any]) -> None:
        """Save a notebook through the Contents API."""
        with self._timed("answer"):
            model = {"type": "notebook", "format": "json", "content": notebook}
            await self._ask("PUT", self._contents(path), accept=(200, 201), json=model, headers=self._headers())

    async def submit(self, assignment: str) -> None:
        """Submit an assignment."""
        with self._timed("submit"):
            listed = await self._act("submit", assignment)
        if not any(each["status"] == "submitted" and each["assignment_id"] == assignment for each in listed):
            raise HubError(
                f"the submission of {self.name!r} does not show in the Assignment List.",
                fix="read the log of the student's server: build/hub/hub.log",
            )

    async def read_feedback(self, assignment: str) -> tuple[float, float]:
        """Fetch the feedback on the latest submission and read the score on its page.

        Returns
        -------
        tuple of float
            Points, and how many there are.
        """
        with self._timed("read feedback"):
            listed = await self._act("fetch_feedback", assignment)
            path = _latest_feedback(listed, assignment)
            if path is None:
                raise HubError(
                    f"there is no feedback for {self.name!r} on {assignment!r}.",
                    fix=f"publish it: coursekit assignment feedback {assignment}",
                )
            parameters = {"type": "file", "format": "text", "content": "1"}
            answer = await self._ask("GET", self._contents(path), params=parameters, headers=self._headers())
        found = _SCORE.search(answer.json()["content"])
        if found is None:
            raise HubError(f"the feedback page {path!r} of {self.name!r} shows no score.", fix="look at the page")
        return float(found[1]), float(found[2])

    async def _assignments(self) -> list[dict[str, Any]]:
        parameters = {"course_id": self._course_id}
        answer = await self._ask("GET", f"/user/{self.name}/assignments", params=parameters, headers=self._headers())
        return self._listed(answer.json())

    async def _act(self, action: str, assignment: str) -> list[dict[str, Any]]:
        form = {"course_id": self._course_id, "assignment_id": assignment}
        path = f"/user/{self.name}/assignments/{action}"
        answer = await self._ask("POST", path, data=form, headers=self._headers())
        return self._listed(answer.json())

    def _listed(self, answer: dict[str, Any]) -> list[dict[str, Any]]:
        if not answer["success"]:
            said = str(answer["value"]).strip().splitlines()[-1]
            raise HubError(f"nbgrader refuses {self.name!r}: {said}", fix="read build/hub/hub.log")
        listed: list[dict[str, Any]] = answer["value"]
        return listed

    async def _follow_progress(self, api: str) -> None:
        """Read the events of a start until one says how it ended; ask again if the stream breaks, as a browser does."""
        import httpx

        deadline = time.monotonic() + _TIMEOUT_S
        while time.monotonic() < deadline:
            try:
                event = await self._last_event(api)
            except httpx.HTTPError:
                event = {}
            if event.get("failed"):
                said = event.get("message")
                raise HubError(f"the server of {self.name!r} does not start: {said}", fix="read build/hub/hub.log")
            if event.get("ready"):
                return
            await asyncio.sleep(0.5)
        raise HubError(
            f"the server of {self.name!r} did not start within {_TIMEOUT_S:.0f} s.",
            fix="rehearse with fewer students, or on more cores",
        )

    async def _last_event(self, api: str) -> dict[str, Any]:
        assert self._client is not None
        last: dict[str, Any] = {}
        headers = {**self._hub_headers(), "Accept": "text/event-stream"}
        async with self._client.stream("GET", api, headers=headers) as events:
            async for line in events.aiter_lines():
                if line.startswith("data:"):
                    last = json.loads(line.removeprefix("data:"))
        return last

    async def _ask(self, method: str, path: str, *, accept: tuple[int, ...] = (200,), **options: Any) -> httpx.Response:
        import httpx

        assert self._client is not None, "inside `async with bot.browsing()` only"
        try:
            answer = await self._client.request(method, path, **options)
        except httpx.HTTPError as error:
            raise HubError(
                f"the Hub did not answer {self.name!r} at {method} {path}: {error or type(error).__name__}.",
                fix="see whether it runs: coursekit hub status",
            ) from error
        if answer.status_code not in accept:
            raise self._refused(method, path, answer)
        return answer

    def _refused(self, method: str, path: str, answer: httpx.Response) -> HubError:
        said = answer.text[:200].strip() if "json" in answer.headers.get("content-type", "") else answer.reason_phrase
        return HubError(
            f"the Hub answers {self.name!r} with {answer.status_code} at {method} {path}: {said}",
            fix="read build/hub/hub.log",
        )

    def _contents(self, path: str) -> str:
        return f"/user/{self.name}/api/contents/{path}"

    def _hub_headers(self) -> dict[str, str]:
        # The Hub refuses requests with cookies whose sender does not know the token, or comes from elsewhere.
        return {"X-XSRFToken": self._xsrf("/hub/"), "Referer": f"{self._url}/hub/home"}

    def _headers(self) -> dict[str, str]:
        prefix = f"/user/{self.name}/"
        return {"X-XSRFToken": self._xsrf(prefix), "Referer": f"{self._url}{prefix}lab"}

    def _xsrf(self, path: str) -> str:
        """Find the token of a part of the site: the Hub and each server have their own."""
        assert self._client is not None
        tokens = [cookie.value for cookie in self._client.cookies.jar if (cookie.name, cookie.path) == ("_xsrf", path)]
        return tokens[-1] or "" if tokens else ""

    def _timed(self, step: str) -> _Timer:
        return _Timer(self.seconds, step)


class _Timer:
    """Puts the time that a block takes under the name of its step."""

    def __init__(self, seconds: dict[str, float], step: str) -> None:
        self._seconds = seconds
        self._step = step

    def __enter__(self) -> None:
        self._begin = time.monotonic()

    def __exit__(self, *trouble: object) -> None:
        self._seconds[self._step] = time.monotonic() - self._begin


def _latest_feedback(listed: list[dict[str, Any]], assignment: str) -> str | None:
    """Find the page of the newest submission that has feedback here."""
    submissions = [
        submission
        for each in listed
        if each["assignment_id"] == assignment and each["status"] == "submitted"
        for submission in each["submissions"]
    ]
    for submission in sorted(submissions, key=lambda each: str(each["timestamp"]), reverse=True):
        for notebook in submission["notebooks"]:
            if notebook.get("has_local_feedback") and submission.get("local_feedback_path"):
                return f"{submission['local_feedback_path']}/{notebook['notebook_id']}.html"
    return None
