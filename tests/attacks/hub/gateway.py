"""Attempts on the gateway: as somebody else, over the quota, and with requests that are no requests."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from attacks.hub.attempt import Act, Attack
from attacks.hub.scene import ATTACKER, VICTIM, Scene

_OWN = {"workers": 1, "cores": 1, "memory": 2**30}
_GRANTED = "^(200|202|204)"


def ask(method: str, path: str, **options: Any) -> Act:
    """Send the gateway a request with the attacker's token, unless ``token`` says another."""
    return lambda scene: scene.ask(method, f"{scene.gateway}/api/v1/{path}", **options)


def as_victim(**options: Any) -> Act:
    """Ask for the caller's clusters in a way that may make the gateway believe it is the victim."""
    return ask("GET", "clusters", **options)


_MINE = ask("GET", "clusters")
_IS_MINE = rf'^200 .*"owner": "{ATTACKER}"'
_IS_VICTIMS = rf'^200 .*"owner": "{VICTIM}"'


def _token(title: str, attempt: Act, seen: str = "^401") -> Attack:
    return Attack(title=f"use the gateway with {title}", attempt=attempt, seen=seen, control=_MINE, allowed="^200")


def _pose(title: str, attempt: Act, seen: str) -> Attack:
    """An attempt to be the victim: what comes back may be the attacker's own, never the victim's."""

    def control(scene: Scene) -> str:
        return scene.ask("GET", f"{scene.gateway}/api/v1/clusters", token=scene.victim.token)

    return Attack(title=f"be the victim by {title}", attempt=attempt, seen=seen, control=control, allowed=_IS_VICTIMS)


def _want(**changes: Any) -> Act:
    return ask("PUT", "clusters/more", content=json.dumps({**_OWN, **changes}), headers=_JSON)


def _raw(text: str, **headers: str) -> Act:
    return ask("PUT", "clusters/more", content=text, headers={**_JSON, **headers})


_JSON = {"Content-Type": "application/json"}


def _granted(scene: Scene) -> str:
    """Ask for what is the attacker's due, which they have, so that nothing changes."""
    return scene.ask("PUT", f"{scene.gateway}/api/v1/clusters/own", json=_OWN)


def _refused(title: str, attempt: Act, seen: str = "^400") -> Attack:
    return Attack(title=title, attempt=attempt, seen=seen, control=_granted, allowed=_GRANTED)


def _with_cookies(scene: Scene) -> str:
    """Send what a browser that has logged in would send, and no token."""
    return scene.browse(lambda bot: bot._client.get(f"{scene.hub.running.url}/services/gateway/api/v1/clusters"))


def _hoard(scene: Scene) -> str:
    """Ask for many clusters, and count the workers that are granted in all."""
    url = f"{scene.gateway}/api/v1/clusters"
    said = [scene.ask("PUT", f"{url}/hoard-{k}", json={**_OWN, "workers": 2})[:3] for k in range(12)]
    time.sleep(6)
    listed = json.loads(scene.ask("GET", url).partition(" ")[2])["clusters"]
    for k in range(12):
        scene.ask("DELETE", f"{url}/hoard-{k}")
    return f"answers {sorted(set(said))} granted {sum(each['granted'] or 0 for each in listed)}"


def _slowly(scene: Scene) -> str:
    """Announce a body, send none, and see whether the gateway serves others and hangs up."""
    parts = urlsplit(scene.gateway)
    connections = []
    for _ in range(200):
        connection = socket.create_connection((parts.hostname, parts.port), timeout=30)
        head = f"PUT {parts.path}/api/v1/clusters/own HTTP/1.1\r\nHost: gateway\r\nContent-Length: 100\r\n\r\n"
        connection.sendall(head.encode() + b"{")
        connections.append(connection)
    begin = time.monotonic()
    others = scene.ask("GET", f"{scene.gateway}/api/v1/quota", token=scene.victim.token)[:3]
    took = time.monotonic() - begin
    try:
        said = connections[0].recv(1000).decode() or "hung up"
    except TimeoutError:
        said = "kept waiting"
    for connection in connections:
        connection.close()
    return f"others: {others} at once: {took < 5}; the slow one: {said[:60]!r}"


def _victims(verb: str, path: str, **options: Any) -> Callable[[Scene], str]:
    return ask(verb, f"class/{VICTIM}/{path}", **options)


def _flood(scene: Scene) -> str:
    import httpx

    headers = {"Authorization": f"token {scene.attacker.token}"}
    url = f"{scene.gateway}/api/v1/quota"
    with httpx.Client(headers=headers, trust_env=False, timeout=60) as client:
        codes = [client.get(url).status_code for _ in range(1500)]
    others = scene.ask("GET", url, token=scene.victim.token)[:3]
    time.sleep(3)
    return f"{sorted(set(codes))} others: {others}"


_LONG = "a" * 300
GATEWAY = [
    _token("no token", as_victim(token="")),
    _token("a forged token", as_victim(token="0123456789abcdef0123456789abcdef")),
    _token("a token with a wildcard", as_victim(token="*")),
    _token("an empty token", as_victim(token="", headers={"Authorization": "token"})),
    _token("a token in the query", as_victim(token="", params={"token": "x"})),
    _token("a name for a token", as_victim(token="", headers={"Authorization": f"Basic {VICTIM}:x"})),
    _token("the cookies of a browser and no token", _with_cookies),
    _pose("a query", as_victim(params={"owner": VICTIM}), "^400"),
    _pose("a header of a proxy", as_victim(headers={"X-Forwarded-User": VICTIM, "X-Remote-User": VICTIM}), _IS_MINE),
    _pose("a forwarded address", as_victim(headers={"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "::1"}), _IS_MINE),
    _pose("a cookie", as_victim(headers={"Cookie": f"owner={VICTIM}; user={VICTIM}"}), _IS_MINE),
    _pose("a path", ask("GET", f"clusters/{VICTIM}/own"), "^404"),
    _pose("a path that goes up", ask("GET", f"clusters/..%2F..%2F{VICTIM}%2Fown"), "^404"),
    _pose("the name of the victim's node", ask("GET", f"clusters/{VICTIM}-own"), "^404"),
    _pose("the logs of the victim's cluster", ask("GET", f"clusters/{VICTIM}-own/logs"), "^404"),
    _pose("the secret of the victim's cluster", ask("GET", f"clusters/{VICTIM}-own/access"), "^404"),
    _refused("name an owner in the body", _want(owner=VICTIM)),
    _refused("name a command in the body", _want(command=["sleep", "1"])),
    _refused("name a mount in the body", _want(volumes={"/": "/host"})),
    _refused("name labels in the body", _want(labels={"org.coursekit.owner": VICTIM})),
    _refused("use an image that is not the course's", _want(image="debian:bookworm-slim")),
    _refused("use an image of another registry", _want(image="evil.example.org/spark:latest")),
    _refused("have a million workers", _want(workers=10**6)),
    _refused("have more workers than an int holds", _raw('{"workers": 1' + "0" * 400 + "}")),
    _refused("have fewer than no workers", _want(workers=-1)),
    _refused("have half a worker", _want(workers=1.5)),
    _refused("have true workers", _want(workers=True)),
    _refused("have workers that are text", _want(workers="2")),
    _refused("have NaN workers", _raw('{"workers": NaN}')),
    _refused("have infinite workers", _raw('{"workers": Infinity}')),
    _refused("have workers beyond a float", _raw('{"workers": 1e999}')),
    _refused("say it twice", _raw('{"workers": 1, "workers": 1000000}')),
    _refused("have more cores than the cap", _want(cores=64), "^(400|409)"),
    _refused("have workers without memory", _want(memory=1)),
    _refused("have more memory than the cap", _want(memory=2**50), "^(400|409)"),
    _refused("choose an assignment that is a path", _want(assignment="../../etc")),
    _refused("name a cluster that is a path", ask("PUT", "clusters/..%2Fx", json=_OWN), "^404"),
    _refused("name a cluster of 300 characters", ask("PUT", f"clusters/{_LONG}", json=_OWN), "^404"),
    _refused("name a cluster in other letters", ask("PUT", "clusters/clüster", json=_OWN), "^404"),
    _refused("send 10 MB", _raw(json.dumps({**_OWN, "image": "x" * 10**7})), "^(000|400|413)"),
    _refused("send what is nested 10,000 times", _raw("[" * 10_000), "^400"),  # a longer body is not read at all
    _refused("send JSON that says it is text", _raw('{"workers": 1}', **{"Content-Type": "text/plain"}), "^415"),
    _refused(
        "send what is no UTF-8", ask("PUT", "clusters/more", content=b'{"workers": 1, "x": "\xff"}', headers=_JSON)
    ),
    _refused("send a form, as another site could", ask("PUT", "clusters/more", data={"workers": "1"}), "^415"),
    _refused("send a header of 100 kB", as_victim(headers={"X-Long": "x" * 100_000}), "^(000|400|431)"),
    _refused(
        "put by a method in a header",
        ask("POST", "clusters/own", json=_OWN, headers={"X-HTTP-Method-Override": "PUT"}),
        "^405",
    ),
    _refused(
        "break the victim's worker",
        ask("POST", f"clusters/{VICTIM}-own/workers/0/faults", json={"action": "kill"}),
        "^404",
    ),
    _refused(
        "break a node with a command",
        ask("POST", "clusters/own/workers/0/faults", json={"action": "exec", "command": "id"}),
    ),
    _refused("see the whole class", ask("GET", "class"), "^403"),
    _refused("see somebody's cluster as instructors do", _victims("GET", "own"), "^(403|405)"),
    _refused("stop somebody's cluster as instructors do", _victims("DELETE", "own"), "^403"),
    Attack(
        title="have more than the cap by many clusters",
        attempt=_hoard,
        seen=r"granted [12]$",
        control=_granted,
        allowed=_GRANTED,
    ),
    Attack(
        title="keep the gateway from others by slow requests",
        attempt=_slowly,
        seen="others: 200 at once: True; the slow one: 'hung up",
        control=_granted,
        allowed=_GRANTED,
    ),
    Attack(
        title="keep the gateway from others by many requests",
        attempt=_flood,
        seen=r"429\] others: 200",
        control=ask("GET", "quota"),
        allowed="^200",
    ),
]
