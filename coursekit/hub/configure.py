"""`HubSettings` -> JupyterHub's configuration, one concern to a function; each only sets, none appends.

With the engine ``process`` every server is a process of one Unix user: that is made for a laptop, a workshop among
people who trust each other, and tests. With ``docker`` and ``swarm`` each student has a container (``containers.py``).
"""

from __future__ import annotations

import os
import sys
import sysconfig
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from coursekit.gateway.quota_text import write_quotas
from coursekit.hub.admission import Admission
from coursekit.hub.containers import node_images, update_containers
from coursekit.hub.culling import COMMAND as CULLER_COMMAND
from coursekit.hub.culling import SCOPES as CULLER_SCOPES
from coursekit.hub.culling import SERVICE as CULLER
from coursekit.hub.layout import Role, config_path, lay_out, lay_out_home
from coursekit.hub.logins import APPROVE, PASSWORD_LENGTH, update_login
from coursekit.hub.page.message import Announcement, message_file
from coursekit.hub.page.service_entry import course_page, visitor_scopes
from coursekit.hub.passwords import make_passwords, read_passwords
from coursekit.hub.roster import read_roster
from coursekit.hub.routes import CourseProxy
from coursekit.hub.servers import ensure_network
from coursekit.hub.settings import HubSettings
from coursekit.ports import LOOPBACK, free_port, stable_port

LABEL: Final = "COURSEKIT_HUB"
"""Environment variable that marks every process of a Hub; its value is the Hub's state folder."""

GATEWAY: Final = "gateway"
"""The gateway's name among the Hub's services."""
CLASS: Final = "custom:gateway:class"
"""The Hub's scope of those who see the clusters of the whole class."""

# NativeAuthenticator's own pages are for another release of Bootstrap, and offer instructors what they may not do.
_TEMPLATES: Final = Path(__file__).parent / "templates"
_USE_GATEWAY: Final = f"access:services!service={GATEWAY}"
_SINGLE_USER: Final = [sys.executable, "-m", "jupyterhub.singleuser"]
_ENV_KEEP: Final = [
    "COURSEKIT_CONTAINER",  # of a Hub on a Swarm: the gateway beside it joins clusters' networks with it
    "COURSEKIT_GATEWAY_ABSENT_S",
    "COURSEKIT_IDLE_S",
    "COURSEKIT_REALM",
    "COURSEKIT_REPOSITORY",
    "COURSEKIT_SWARM_CONSTRAINTS",
    "DOCKER_HOST",
    "JAVA_HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "TZ",
    "VIRTUAL_ENV",
]


def configure(c: Any, settings: HubSettings) -> None:
    """Configure a JupyterHub and lay out its folders.

    Parameters
    ----------
    c : traitlets.config.Config
        JupyterHub's configuration, changed in place.
    settings : HubSettings
        What the Hub should be.
    """
    lay_out(settings)
    if not (settings.state / "passwords.json").exists():
        make_passwords(settings)
    inner = inner_addresses(settings)
    update_addresses(c, settings, inner)
    update_state(c, settings)
    update_login(c, settings, read_passwords(settings), read_roster(settings))
    update_page(c, settings)
    if settings.runs_containers:
        update_containers(c, settings, Admission(settings), gateway_url=inner.gateway)
    else:
        update_servers(c, settings)
    c.Spawner.server_token_scopes = _server_token_scopes(settings, has_gateway=bool(inner.gateway))
    update_services(c, settings, inner)
    update_roles(c, settings, has_gateway=bool(inner.gateway))


@dataclass(frozen=True, kw_only=True, slots=True)
class InnerAddresses:
    """Where the Hub and the gateway are for users' servers.

    Parameters
    ----------
    hub : str
        Where the Hub listens.
    connect : str
        Where servers find it, if that is another address.
    gateway : str
        Where servers find the gateway; empty where there is none.
    """

    hub: str
    connect: str = ""
    gateway: str = ""


def inner_addresses(settings: HubSettings) -> InnerAddresses:
    """Choose where the Hub listens for users' servers.

    Containers reach this host at its address on their own network. They outlive a Hub that is started again, so its
    ports stay the same.
    """
    if not settings.runs_containers:
        return InnerAddresses(hub=f"http://{LOOPBACK}:{free_port()}")
    # The Hub of a Swarm is in a container itself, and has a name on the servers' network.
    swarm = settings.engine == "swarm"
    host = "0.0.0.0" if swarm else ensure_network(settings)  # noqa: S104
    name = os.environ.get("COURSEKIT_HUB_HOST", "hub") if swarm else host
    ports = settings.state / "ports.json"
    hub, gateway = (stable_port(ports, part, host) for part in ("hub", "gateway"))
    return InnerAddresses(
        hub=f"http://{host}:{hub}",
        connect=f"http://{name}:{hub}" if swarm else "",
        gateway=f"http://{name}:{gateway}/services/{GATEWAY}" if settings.is_gateway_there else "",
    )


def update_addresses(c: Any, settings: HubSettings, inner: InnerAddresses) -> None:
    """Listen where the settings say; everything but the public port takes one of its own."""
    c.JupyterHub.bind_url = f"http://{settings.network.address}:{settings.port or free_port()}"
    c.JupyterHub.subdomain_host = settings.network.site
    c.JupyterHub.hub_bind_url = inner.hub
    c.JupyterHub.proxy_class = CourseProxy
    if inner.connect:
        c.JupyterHub.hub_connect_url = inner.connect
    proxy = os.environ.get("COURSEKIT_PROXY_API")  # one that is started beside the Hub, as hub/compose.yaml does
    c.ConfigurableHTTPProxy.should_start = not proxy
    c.ConfigurableHTTPProxy.api_url = proxy or f"http://127.0.0.1:{free_port()}"
    c.ConfigurableHTTPProxy.command = [sys.executable, "-m", "coursekit.hub.proxy"]


def update_state(c: Any, settings: HubSettings) -> None:
    """Keep everything that the Hub writes in its state folder."""
    state = settings.state
    c.JupyterHub.db_url = settings.db_url
    c.JupyterHub.cookie_secret_file = str(state / "cookie_secret")
    c.ConfigurableHTTPProxy.pid_file = str(state / "proxy.pid")
    c.JupyterHub.cleanup_servers = True
    c.JupyterHub.shutdown_on_logout = False


def update_page(c: Any, settings: HubSettings) -> None:
    """Say on every page which course it is, and what the mode does not give."""
    said = f"<b>{escape(settings.title)}</b>"
    if not settings.runs_containers:
        said += "<br>For trying the course out: users are not protected from each other here."
    c.JupyterHub.template_paths = [str(_TEMPLATES)]
    c.JupyterHub.logo_file = str(_TEMPLATES / "logo.svg")
    c.JupyterHub.template_vars = {
        "announcement": Announcement(message_file(settings.state), always=said),
        "password_length": PASSWORD_LENGTH,
        "takes_sign_ups": settings.login.kind == "native",
    }


def update_servers(c: Any, settings: HubSettings) -> None:
    """Start each user's JupyterLab as a process in a home of its own."""
    c.JupyterHub.spawner_class = "simple"
    c.SimpleLocalProcessSpawner.home_dir_template = str(settings.homes / "{username}")
    c.Spawner.cmd = _SINGLE_USER
    c.Spawner.default_url = "/lab"
    c.Spawner.start_timeout = int(settings.start_timeout_s)
    c.Spawner.http_timeout = int(settings.start_timeout_s)
    c.Spawner.env_keep = _ENV_KEEP
    c.Spawner.environment = environment(settings)

    def prepare_server(spawner: Any) -> None:
        name = spawner.user.name
        lay_out_home(settings, name)
        role: Role = "instructor" if name in settings.instructors else "student"
        spawner.environment = {**spawner.environment, "JUPYTER_CONFIG_PATH": config_path(settings, role, name)}

    c.Spawner.pre_spawn_hook = prepare_server


def update_services(c: Any, settings: HubSettings, inner: InnerAddresses) -> None:
    """Run formgrader; and with containers, what stops idle servers, and the gateway where there is one."""
    services = [formgrader(settings)]
    if settings.runs_containers:
        services.append({"name": CULLER, "command": list(CULLER_COMMAND), "environment": service_environment(settings)})
    if inner.gateway:
        services.append(gateway(settings, inner))
    page = course_page(
        f"http://127.0.0.1:{free_port()}", gateway_url=inner.gateway, environment=service_environment(settings)
    )
    c.JupyterHub.services = [*services, page]


def formgrader(settings: HubSettings) -> dict[str, Any]:
    """Describe nbgrader's formgrader: a service named as the course, which is where nbgrader looks for it.

    It runs in the operator's account, on folders that no student's container has; submissions run in sandboxes.
    """
    return {
        "name": settings.course_id,
        "url": f"http://127.0.0.1:{free_port()}",
        "command": _SINGLE_USER,
        "cwd": str(settings.grading.course_dir),
        "environment": {
            **service_environment(settings),
            "HOME": str(settings.state / "grader"),
            "JUPYTER_CONFIG_PATH": config_path(settings, "grader", "grader"),
            "JUPYTERHUB_DEFAULT_URL": "/formgrader",
            "JUPYTERHUB_USER": f"grader-{settings.course_id}",
        },
        "oauth_no_confirm": True,
        "display": True,
    }


def gateway(settings: HubSettings, inner: InnerAddresses) -> dict[str, Any]:
    """Describe the service that gives the class its clusters; it alone has the engine."""
    parts = urlsplit(inner.gateway)
    return {
        "name": GATEWAY,
        "url": f"{parts.scheme}://{parts.netloc}",
        "command": [sys.executable, "-m", "coursekit.gateway"],
        "environment": {
            **service_environment(settings),
            "COURSEKIT_ENGINE": settings.engine,
            "COURSEKIT_GATEWAY_IMAGES": ",".join(node_images(settings)),
            "COURSEKIT_GATEWAY_INSTRUCTORS": settings.graders,
            "COURSEKIT_GATEWAY_QUOTAS": write_quotas(settings.quotas),
            **_capacity(settings),
            **({"COURSEKIT_GPUS": ",".join(settings.gpus)} if settings.gpus else {}),
            "COURSEKIT_REALM": settings.realm,
        },
        "display": False,
    }


def _capacity(settings: HubSettings) -> dict[str, str]:
    given = settings.capacity
    if given is None:
        return {}
    return {
        "COURSEKIT_GATEWAY_CORES": f"{given.cores:g}",
        "COURSEKIT_GATEWAY_MEMORY": str(given.memory),
        "COURSEKIT_GATEWAY_GPUS": str(given.gpus),
    }


def update_roles(c: Any, settings: HubSettings, *, has_gateway: bool = False) -> None:
    """Give instructors formgrader, the approval of those who sign up and the view of the class, and nothing else."""
    own = {
        APPROVE: {"description": "Approve those who sign up"},
        CLASS: {"description": "See and stop the clusters of the whole class"},
    }
    graders = {
        "name": settings.graders,
        "description": f"Grade {settings.course_id}",
        "groups": [settings.graders],
        "scopes": [*_grader_scopes(settings), *own],
    }
    culler = {"name": CULLER, "services": [CULLER], "scopes": list(CULLER_SCOPES)}
    c.JupyterHub.custom_scopes = own
    c.JupyterHub.load_groups = {settings.graders: {"users": list(settings.instructors)}}
    user = {"name": "user", "scopes": ["self", *visitor_scopes(has_gateway=has_gateway)]}
    c.JupyterHub.load_roles = [
        graders,
        *([culler] if settings.runs_containers else []),
        user,
    ]


def environment(settings: HubSettings) -> dict[str, str]:
    """Give the variables that every server of this Hub gets."""
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)])
    return {
        LABEL: str(settings.state),
        "COURSEKIT_ENGINE": os.environ.get("COURSEKIT_ENGINE") or "process",
        "COURSEKIT_ROOT": str(settings.root),
        "COURSEKIT_RUN": str(settings.runs),
        "COURSEKIT_CACHE": os.environ.get("COURSEKIT_CACHE") or str(settings.root / "build" / "cache"),
        "PATH": path,
    }


def service_environment(settings: HubSettings) -> dict[str, str]:
    """Give the variables that every service of this Hub gets: JupyterHub itself hands on little of its own."""
    kept = {name: os.environ[name] for name in (*_ENV_KEEP, "COURSEKIT_SANDBOX") if name in os.environ}
    return {**kept, **environment(settings)}


def _grader_scopes(settings: HubSettings) -> list[str]:
    course = settings.course_id
    return [f"access:services!service={course}", "list:services", f"read:services!service={course}"]


def _server_token_scopes(settings: HubSettings, *, has_gateway: bool = False) -> Any:
    """Let the instructors' servers, and only theirs, find formgrader, for nbgrader's Course List; and see the class."""
    gateway, view = ([_USE_GATEWAY], [CLASS]) if has_gateway else ([], [])
    own = ["users:activity!user", "access:servers!server", *gateway]

    def scopes(spawner: Any) -> list[str]:
        if spawner.user.name not in settings.instructors:
            return own
        return [*own, "read:users!user", *_grader_scopes(settings), *view]

    return scopes
