"""Attempts on the Hub: its interface with a server's token, others' servers, the instructor's pages, other sites."""

from __future__ import annotations

import asyncio
from typing import Any

from attacks.hub.attempt import Act, Attack
from attacks.hub.scene import ATTACKER, INSTRUCTOR, VICTIM, Scene

from coursekit.errors import HubError

_GRADERS, _COURSE = "formgrade-ml-resources", "ml-resources"
_DONE, _REFUSED = "^20[0-9]", "^(401|403|404)"


def api(method: str, path: str, **options: Any) -> Act:
    """Ask the Hub's interface with the token of the attacker's server."""
    return lambda scene: scene.ask(method, f"{scene.hub_api}/{path}", **options)


def visit(path: str, *, method: str = "GET", user: str = ATTACKER, knows_xsrf: bool = True, **options: Any) -> Act:
    """Ask as a browser that has logged in; with ``knows_xsrf`` false as another site makes it ask."""

    def act(scene: Scene) -> str:
        async def send(bot: Any) -> Any:
            given = bot._headers() if path.startswith("/user/") else bot._hub_headers()
            headers = {**(given if knows_xsrf else _FOREIGN), **options.pop("headers", {})}
            return await bot._client.request(method, path, headers=headers, **options)

        return scene.browse(send, user=user)

    return act


_FOREIGN = {
    "Origin": "https://evil.example.org",
    "Referer": "https://evil.example.org/",
    "Sec-Fetch-Site": "cross-site",
}


def _with_token(title: str, method: str, path: str, **options: Any) -> Attack:
    """An attempt with the token of the attacker's server; the control is what that token is for."""
    own = api("POST", f"users/{ATTACKER}/activity", json={"servers": {"": {"last_activity": "2020-01-01T00:00:00Z"}}})
    attempt = api(method, path, **options)
    return Attack(title=f"{title} with its token", attempt=attempt, seen=_REFUSED, control=own, allowed=_DONE)


def _with_browser(title: str, method: str, path: str, *, seen: str = _REFUSED, **options: Any) -> Attack:
    return Attack(
        title=f"{title} with its browser",
        attempt=visit(path, method=method, **options),
        seen=seen,
        control=visit(f"/hub/api/users/{ATTACKER}/tokens", method="POST", json={"note": "own", "expires_in": 60}),
        allowed=_DONE,
    )


def _from_elsewhere(title: str, method: str, path: str, user: str, *, allowed: str = _DONE, **options: Any) -> Attack:
    """What another site makes a logged-in browser send; the control is the same from the Hub's own page."""
    return Attack(
        title=f"{title} from another site",
        attempt=visit(path, method=method, user=user, knows_xsrf=False, **options),
        seen="^403",
        control=visit(path, method=method, user=user, **options),
        allowed=allowed,
    )


def _log_in(name: str, *, instructors: bool = False) -> Act:
    """Fill in the login page with the password of the class."""

    def act(scene: Scene) -> str:
        async def try_it() -> str:
            bot = scene.hub.bot(name)
            if instructors:
                bot._password = scene.hub.running.passwords.instructors
            async with bot.browsing():
                try:
                    await bot.log_in()
                except HubError as error:
                    return f"refused: {error.message}"
                answer = await bot._client.get("/hub/api/user", headers=bot._hub_headers())
                return f"is {answer.json()['name']} {answer.json()['groups']}"

        return asyncio.run(try_it())

    return act


def _impostor(title: str, name: str) -> Attack:
    return Attack(
        title=f"log in as the instructor {title}",
        attempt=_log_in(name),
        seen=rf"^refused|^is (?!{INSTRUCTOR}\b)",
        control=_log_in(INSTRUCTOR, instructors=True),
        allowed=_GRADERS,
    )


def _cookies_of_the_instructor(scene: Scene) -> str:
    """Take what an instructor's browser would send to a page of the attacker's server, and use it on the Hub."""

    async def act(bot: Any) -> Any:
        import httpx

        await bot._client.get("/services/ml-resources/formgrader")
        request = bot._client.build_request("GET", f"/user/{ATTACKER}/evil")
        stolen = {"Cookie": request.headers.get("cookie", "")}
        async with httpx.AsyncClient(base_url=scene.url, trust_env=False, follow_redirects=True) as thief:
            return await thief.get("/hub/api/user", headers={**stolen, "Referer": f"{scene.url}/hub/home"})

    return scene.browse(act, user=INSTRUCTOR)


def _other_site(scene: Scene) -> str:
    """Log in by a link that should lead to another site afterwards."""

    async def act(bot: Any) -> Any:
        return await bot._client.get("/hub/login?next=%2F%2Fevil.example.org%2Fhub%2F", follow_redirects=True)

    return scene.browse(act)


HUB = [
    _with_token("list users", "GET", "users"),
    _with_token("see the victim", "GET", f"users/{VICTIM}"),
    _with_token("make a token of the victim", "POST", f"users/{VICTIM}/tokens", json={}),
    _with_token("make a better token of its own", "POST", f"users/{ATTACKER}/tokens", json={"roles": ["admin"]}),
    _with_token("list groups", "GET", "groups"),
    _with_token("join the instructors", "POST", f"groups/{_GRADERS}/users", json={"users": [ATTACKER]}),
    _with_token("make a group", "POST", "groups/evil", json={}),
    _with_token("see services", "GET", "services"),
    _with_token("see the proxy", "GET", "proxy"),
    _with_token("stop the Hub", "POST", "shutdown", json={}),
    _with_token("make a user", "POST", "users", json={"usernames": ["evil"]}),
    _with_token("become an administrator", "PATCH", f"users/{ATTACKER}", json={"admin": True}),
    _with_token("stop the victim's server", "DELETE", f"users/{VICTIM}/server"),
    _with_token("start a server of another name", "POST", f"users/{ATTACKER}/servers/evil", json={}),
    _with_token(
        "say that the victim is idle",
        "POST",
        f"users/{VICTIM}/activity",
        json={"last_activity": "2020-01-01T00:00:00Z"},
    ),
    Attack(
        title="stay for ever by being active in a hundred years",
        attempt=api("POST", f"users/{ATTACKER}/activity", json={"last_activity": "2126-01-01T00:00:00Z"}),
        seen="^400 .*future",
        control=api("POST", f"users/{ATTACKER}/activity", json={"last_activity": "2026-01-01T00:00:00Z"}),
        allowed=_DONE,
    ),
    _with_browser("list users", "GET", "/hub/api/users"),
    _with_browser("become an administrator", "PATCH", f"/hub/api/users/{ATTACKER}", json={"admin": True}),
    _with_browser("join the instructors", "POST", f"/hub/api/groups/{_GRADERS}/users", json={"users": [ATTACKER]}),
    _with_browser("make a token of the victim", "POST", f"/hub/api/users/{VICTIM}/tokens", json={}),
    _with_browser(
        "make a token of an administrator",
        "POST",
        f"/hub/api/users/{ATTACKER}/tokens",
        seen="^40[03]",
        json={"roles": ["admin"]},
    ),
    _with_browser(
        "make a token that sees the class",
        "POST",
        f"/hub/api/users/{ATTACKER}/tokens",
        seen="^40[03]",
        json={"scopes": ["custom:gateway:class"]},
    ),
    _with_browser("stop the victim's server", "DELETE", f"/hub/api/users/{VICTIM}/server"),
    _with_browser("open the administrator's page", "GET", "/hub/admin"),
    _with_browser("open the list of those who wait for approval", "GET", "/hub/authorize"),
    _with_browser("open the victim's server", "GET", f"/user/{VICTIM}/lab"),
    _with_browser("read the victim's files", "GET", f"/user/{VICTIM}/files/secret"),
    _with_browser("start the victim's server anew", "POST", f"/hub/spawn/{VICTIM}", data={"profile": "spark"}),
    Attack(
        title="open formgrader",
        attempt=visit(f"/services/{_COURSE}/formgrader"),
        seen=_REFUSED,
        control=visit(f"/services/{_COURSE}/formgrader", user=INSTRUCTOR),
        allowed=_DONE,
    ),
    Attack(
        title="use formgrader's interface",
        attempt=visit(f"/services/{_COURSE}/formgrader/api/assignments"),
        seen=_REFUSED,
        control=visit(f"/services/{_COURSE}/formgrader/api/assignments", user=INSTRUCTOR),
        allowed=_DONE,
    ),
    Attack(
        title="use formgrader's interface with the token of its server",
        attempt=lambda scene: scene.ask("GET", f"{scene.url}/services/{_COURSE}/formgrader/api/assignments"),
        seen="^(302|401|403)",
        control=visit(f"/services/{_COURSE}/formgrader/api/assignments", user=INSTRUCTOR),
        allowed=_DONE,
    ),
    Attack(
        title="use the victim's server with the token of its own",
        attempt=lambda scene: scene.ask("GET", f"{scene.url}/user/{VICTIM}/api/contents"),
        seen="^(302|401|403)",
        control=lambda scene: scene.ask("GET", f"{scene.url}/user/{ATTACKER}/api/contents"),
        allowed=_DONE,
    ),
    Attack(
        title="use the victim's server with a token in the address",
        attempt=lambda scene: scene.ask(
            "GET", f"{scene.url}/user/{VICTIM}/api/kernels?token={scene.attacker.token}", token=""
        ),
        seen="^(302|401|403)",
        control=lambda scene: scene.ask("GET", f"{scene.url}/user/{ATTACKER}/api/kernels"),
        allowed=_DONE,
    ),
    Attack(
        title="reach the victim's server by a path that goes up from its own",
        attempt=lambda scene: scene.ask("GET", f"{scene.url}/user/{ATTACKER}/..%2f{VICTIM}/api/contents"),
        seen=_REFUSED,
        control=lambda scene: scene.ask("GET", f"{scene.url}/user/{ATTACKER}/api/contents"),
        allowed=_DONE,
    ),
    Attack(
        title="use the cookies that an instructor's browser sends to its server",
        attempt=_cookies_of_the_instructor,
        seen="^403",
        control=visit("/hub/api/user", user=INSTRUCTOR),
        allowed=_DONE,
    ),
    _impostor("with the password of the class", INSTRUCTOR),
    _impostor("in capitals", INSTRUCTOR.upper()),
    _impostor("with a space", f"{INSTRUCTOR} "),
    _impostor("with a letter that looks the same", "\u0456nstructor"),
    _impostor("with a letter that nobody sees", f"{INSTRUCTOR}\u200b"),
    _impostor("by a path", f"x/../{INSTRUCTOR}"),
    _from_elsewhere(
        "start a server",
        "POST",
        "/hub/spawn",
        ATTACKER,
        allowed="(?s)^400 .*already running",
        data={"profile": "spark"},
    ),
    _from_elsewhere("make a token", "POST", f"/hub/api/users/{VICTIM}/tokens", VICTIM, json={"expires_in": 60}),
    _from_elsewhere("run code in the victim's server", "POST", f"/user/{VICTIM}/api/kernels", VICTIM, json={}),
    _from_elsewhere(
        "write to the victim's home",
        "PUT",
        f"/user/{VICTIM}/api/contents/x",
        VICTIM,
        json={"type": "file", "format": "text", "content": "x"},
    ),
    _from_elsewhere(
        "submit for the victim",
        "POST",
        f"/user/{VICTIM}/assignments/submit",
        VICTIM,
        data={"course_id": _COURSE, "assignment_id": "a1"},
    ),
    Attack(
        title="lead people to another site by a link to the Hub",
        attempt=_other_site,
        seen="^200 /",
        control=lambda scene: scene.browse(lambda bot: bot._client.get("/hub/login?next=%2Fhub%2Ftoken")),
        allowed="^200 /hub/token",
    ),
]
