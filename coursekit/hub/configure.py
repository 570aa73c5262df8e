"""`HubSettings` -> JupyterHub's configuration, one concern to a function; each only sets, none appends.

In this mode every server is a process of one Unix user: it is made for a laptop, a workshop among people who
trust each other, and tests. Students are not isolated from each other or from the instructor.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from html import escape
from typing import Any, Final

from coursekit.hub.layout import Role, config_path, lay_out, lay_out_home
from coursekit.hub.passwords import Passwords, make_passwords, read_passwords
from coursekit.hub.settings import HubSettings
from coursekit.ports import free_port

LABEL: Final = "COURSEKIT_HUB"
"""Environment variable that marks every process of a Hub; its value is the Hub's state folder."""

_SINGLE_USER: Final = [sys.executable, "-m", "jupyterhub.singleuser"]
_ENV_KEEP: Final = [
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
    update_addresses(c, settings)
    update_state(c, settings)
    update_login(c, settings, read_passwords(settings))
    update_servers(c, settings)
    update_formgrader(c, settings)
    update_roles(c, settings)


def update_addresses(c: Any, settings: HubSettings) -> None:
    """Listen on this machine only; everything but the public port takes a free one."""
    c.JupyterHub.bind_url = f"http://127.0.0.1:{settings.port or free_port()}"
    c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{free_port()}"
    c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{free_port()}"
    c.ConfigurableHTTPProxy.command = [sys.executable, "-m", "coursekit.hub.proxy"]


def update_state(c: Any, settings: HubSettings) -> None:
    """Keep everything that the Hub writes in its state folder."""
    state = settings.state
    c.JupyterHub.db_url = f"sqlite:///{state / 'jupyterhub.sqlite'}"
    c.JupyterHub.cookie_secret_file = str(state / "cookie_secret")
    c.ConfigurableHTTPProxy.pid_file = str(state / "proxy.pid")
    c.JupyterHub.cleanup_servers = True
    c.JupyterHub.shutdown_on_logout = False


def update_login(c: Any, settings: HubSettings, passwords: Passwords) -> None:
    """Let students choose their names and share a password; instructors have another one. Nobody is administrator."""
    from coursekit.hub.authenticator import CoursePasswordAuthenticator

    c.JupyterHub.authenticator_class = CoursePasswordAuthenticator
    c.CoursePasswordAuthenticator.allow_all = True
    c.CoursePasswordAuthenticator.username_pattern = r"^[a-z][a-z0-9-]{0,29}$"
    c.CoursePasswordAuthenticator.user_password = passwords.students
    c.CoursePasswordAuthenticator.instructor_password = passwords.instructors
    c.CoursePasswordAuthenticator.instructors = set(settings.instructors)
    said = (
        f"<b>{escape(settings.title)}</b><br>For trying the course out: users are not protected from each other here."
    )
    c.JupyterHub.template_vars = {"announcement": said}


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
    c.Spawner.server_token_scopes = _server_token_scopes(settings)

    def prepare_server(spawner: Any) -> None:
        name = spawner.user.name
        lay_out_home(settings, name)
        role: Role = "instructor" if name in settings.instructors else "student"
        spawner.environment = {**spawner.environment, "JUPYTER_CONFIG_PATH": config_path(settings, role, name)}

    c.Spawner.pre_spawn_hook = prepare_server


def update_formgrader(c: Any, settings: HubSettings) -> None:
    """Run nbgrader's formgrader as a service named as the course, which is where nbgrader looks for it."""
    c.JupyterHub.services = [
        {
            "name": settings.course_id,
            "url": f"http://127.0.0.1:{free_port()}",
            "command": _SINGLE_USER,
            "cwd": str(settings.grading.course_dir),
            "environment": {
                **environment(settings),
                "HOME": str(settings.state / "grader"),
                "JUPYTER_CONFIG_PATH": config_path(settings, "grader", "grader"),
                "JUPYTERHUB_DEFAULT_URL": "/formgrader",
                "JUPYTERHUB_USER": f"grader-{settings.course_id}",
            },
            "oauth_no_confirm": True,
            "display": True,
        }
    ]


def update_roles(c: Any, settings: HubSettings) -> None:
    """Give instructors access to formgrader, and nothing else that a student does not have."""
    c.JupyterHub.load_groups = {settings.graders: {"users": list(settings.instructors)}}
    c.JupyterHub.load_roles = [
        {
            "name": settings.graders,
            "description": f"Grade {settings.course_id}",
            "groups": [settings.graders],
            "scopes": _grader_scopes(settings),
        }
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


def _grader_scopes(settings: HubSettings) -> list[str]:
    course = settings.course_id
    return [f"access:services!service={course}", "list:services", f"read:services!service={course}"]


def _server_token_scopes(settings: HubSettings) -> Any:
    """Let the instructors' servers, and only theirs, find formgrader: nbgrader's Course List asks the Hub for it."""
    own = ["users:activity!user", "access:servers!server"]

    def scopes(spawner: Any) -> list[str]:
        if spawner.user.name not in settings.instructors:
            return own
        return [*own, "read:users!user", *_grader_scopes(settings)]

    return scopes
