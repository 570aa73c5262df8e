"""Attempts over the network: other containers, this host, the cloud's metadata; from the server and from executors."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlsplit

from attacks.hub.attempt import Act, Attack, reach, reach_from_executor, shell
from attacks.hub.scene import ATTACKER, VICTIM, Scene

Of = Callable[[Scene], str]
_CLOSED, _REACHED = r"closed: (timed out|.*No route|.*unreachable|.*refused)", r"(?m)^reached$"
_ONE_HOST = (
    "a host's services that listen on all its addresses are reached from its containers: Docker filters what leaves "
    "a network, not what comes to the host itself. The host's firewall has to (chain INPUT)"
)


def own_master(scene: Scene) -> str:
    return scene.node_address(ATTACKER, "master")


def victims(role: str) -> Of:
    return lambda scene: scene.node_address(VICTIM, role)


def victims_server(network: str) -> Of:
    return lambda scene: scene.victim.address(network)


def always(address: str) -> Of:
    return lambda scene: address


def _driver_port(scene: Scene) -> str:
    return str(scene.victim.driver.started["driver"])


_TARGETS: tuple[tuple[str, Of, int | Callable[[Scene], str | int]], ...] = (
    ("the victim's Jupyter on the servers' network", victims_server("-hub"), 8888),
    ("the victim's Jupyter on the network of the victim's cluster", victims_server(f"-{VICTIM}-own"), 8888),
    ("the pages of the victim's driver", victims_server(f"-{VICTIM}-own"), 4040),
    ("the victim's driver", victims_server(f"-{VICTIM}-own"), _driver_port),
    ("the victim's Spark master", victims("master"), 7077),
    ("the pages of the victim's Spark master", victims("master"), 8080),
    ("the pages of the victim's worker", victims("worker"), 8081),
    ("the cloud's metadata", always("169.254.169.254"), 80),
    ("the cloud's metadata of containers", always("169.254.170.2"), 80),
    ("the Internet", always("1.1.1.1"), 443),
    ("the engine's TCP port on this host", lambda scene: scene.host, 2375),
    ("the engine's TLS port on this host", lambda scene: scene.host, 2376),
    ("the port of the Hub's public address, which is not the servers'", lambda scene: scene.host, lambda s: s.port),
)


def _from(kind: str, reaching: Callable[..., Act]) -> list[Attack]:
    return [
        Attack(
            title=f"reach {what} from {kind}",
            attempt=reaching(host, port),
            seen=_CLOSED,
            control=reaching(own_master, 7077),
            allowed=_REACHED,
        )
        for what, host, port in _TARGETS
    ]


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"a service of this host")

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


def _with_a_service(bind: str, reaching: Callable[..., Act]) -> Act:
    """Reach a service of this host that listens on an address."""

    def act(scene: Scene) -> str:
        address = scene.host if bind == "host" else bind
        server = HTTPServer((address, 0), _Answers)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            return reaching(lambda scene: scene.host, server.server_address[1])(scene)
        finally:
            server.shutdown()
            server.server_close()

    return act


def _of(url: Of) -> tuple[Of, Callable[[Scene], str | int]]:
    return lambda scene: str(urlsplit(url(scene)).hostname), lambda scene: int(urlsplit(url(scene)).port or 0)


NETWORK = [
    *_from("the server", reach),
    *_from("an executor", reach_from_executor),
    Attack(
        title="reach a service of this host that listens on its loopback alone",
        attempt=_with_a_service("127.0.0.1", reach),
        seen=_CLOSED,
        control=reach(*_of(lambda scene: scene.gateway)),
        allowed=_REACHED,
    ),
    Attack(
        title="reach a service of this host that listens everywhere",
        attempt=_with_a_service("0.0.0.0", reach),
        seen=_CLOSED,
        control=reach(own_master, 7077),
        allowed=_REACHED,
        open=_ONE_HOST,
    ),
    Attack(
        title="reach a service of this host that listens everywhere from an executor",
        attempt=_with_a_service("0.0.0.0", reach_from_executor),
        seen=_CLOSED,
        control=reach_from_executor(own_master, 7077),
        allowed=_REACHED,
        open=_ONE_HOST,
    ),
    Attack(
        title="send packets that it makes itself, to be taken for another host",
        attempt=shell(
            "python -c 'import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW); print(\"opened\")' 2>&1"
        ),
        seen="PermissionError",
        control=shell(
            "python -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM); print(\"opened\")'"
        ),
        allowed="(?m)^opened$",
    ),
    Attack(
        title="find the engine's socket",
        attempt=shell("ls -l /var/run/docker.sock /run/docker.sock /run/containerd/containerd.sock 2>&1"),
        seen="No such file",
        control=shell("ls -l ~/secret"),
        allowed="^[s-]rw",
    ),
    Attack(
        title="find a socket of anybody else anywhere",
        attempt=shell("find / -xdev -type s -not -path '/tmp/*' -not -path '/home/student/*' 2>/dev/null; echo looked"),
        seen=r"^looked\n",
        control=shell(
            "python -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"/home/student/s\")'; "
            "find /home/student -type s; rm -f /home/student/s"
        ),
        allowed="(?m)^/",
    ),
]
