"""The files that the Hub's servers need before they start: configuration per role, and users' homes."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any, Final, Literal

from coursekit.grading import prepare, write_config_file
from coursekit.hub.places import HOME, Place, account, feedback, inbound, nbgraders_places, passwd_file, places
from coursekit.hub.settings import HubSettings
from coursekit.server import LABEXTENSIONS
from coursekit.server.lessons import copy_lessons

Role = Literal["student", "instructor", "grader"]

# nbgrader switches all its parts on for everybody; what a role does not use is switched off again, in the
# server (left) and in JupyterLab (right).
_PARTS: Final = {
    "nbgrader.server_extensions.assignment_list": "@jupyter/nbgrader:assignment-list",
    "nbgrader.server_extensions.course_list": "@jupyter/nbgrader:course-list",
    "nbgrader.server_extensions.formgrader": "@jupyter/nbgrader:formgrader",
    "nbgrader.server_extensions.validate_assignment": "@jupyter/nbgrader:validate-assignment",
}
# What runs beside kernels: Spark's pages; lessons and the warning before an idle server is stopped.
_OURS: Final = ("coursekit.pages", "coursekit.server")
_CREATE_ASSIGNMENT: Final = "@jupyter/nbgrader:create-assignment"
_NEVER_CHECK: Final = "jupyterlab.handlers.announcements.NeverCheckForUpdate"
_USED: Final[dict[Role, tuple[str, ...]]] = {
    "student": ("assignment_list", "validate_assignment"),
    "instructor": ("assignment_list", "course_list", "validate_assignment"),
    "grader": ("formgrader", "validate_assignment"),
}


def config_path(settings: HubSettings, role: Role, name: str) -> str:
    """Give a server's ``JUPYTER_CONFIG_PATH``: what the user needs, then what the role needs."""
    return os.pathsep.join([str(_user_dir(settings, name)), str(_role_dir(settings, role))])


def lay_out(settings: HubSettings) -> None:
    """Make the folders, and the configuration of every role."""
    for folder in (settings.homes, settings.runs, settings.state / "grader"):
        folder.mkdir(parents=True, exist_ok=True)
    settings.state.chmod(0o700)  # passwords, cookie secret, database
    prepare(settings.grading)
    if settings.runs_containers:
        settings.datasets.mkdir(parents=True, exist_ok=True)
        names = f"root:x:0:0:root:/root:/bin/bash\nstudent:x:{account()}:{account()}::{HOME}:/bin/bash\n"
        passwd_file(settings).parent.mkdir(parents=True, exist_ok=True)
        passwd_file(settings).write_text(names)
    for role in _USED:
        _lay_out_role(settings, role)


def _lay_out_role(settings: HubSettings, role: Role) -> None:
    """Write the Jupyter configuration of a role."""
    folder = _role_dir(settings, role)
    shutil.rmtree(folder, ignore_errors=True)
    _write_json(folder / "jupyter_server_config.d" / "coursekit.json", server_extensions(role))
    _write_json(folder / "jupyter_server_config.json", server_config(role))
    _write_json(folder / "labconfig" / "page_config.json", page_config(role))
    if role == "grader":
        write_config_file(settings.grading, folder)
    if role == "instructor":
        plugin = {"Authenticator": {"plugin_class": "nbgrader.auth.JupyterHubAuthPlugin"}}
        _write_json(folder / "nbgrader_config.json", plugin)


def server_extensions(role: Role) -> dict[str, Any]:
    """Switch on the parts of nbgrader that a role uses, and no others; and ours where there are kernels."""
    used = {name: name.rpartition(".")[2] in _USED[role] for name in _PARTS}
    return {"ServerApp": {"jpserver_extensions": {**used, **dict.fromkeys(_OURS, role != "grader")}}}


def server_config(role: Role) -> dict[str, Any]:
    """Configure a role's Jupyter server."""
    # Whoever starts the Hub as root has said so already; Jupyter would refuse to start.
    server: dict[str, Any] = {"allow_root": os.geteuid() == 0}
    if role == "grader":
        # JupyterLab shows formgrader in a frame, which the Hub forbids since 4.1 (nbgrader issue 1870).
        headers = {"Content-Security-Policy": "frame-ancestors 'self'"}
        server["tornado_settings"] = {"headers": headers}
    lab = {
        "news_url": None,
        "check_for_updates_class": _NEVER_CHECK,
        "extra_labextensions_path": [str(LABEXTENSIONS)],  # of a checkout; images have them among their own
    }
    return {"ServerApp": server, "LabApp": lab}


def page_config(role: Role) -> dict[str, Any]:
    """Switch off the parts of JupyterLab that a role does not use, and its news (they need the Internet)."""
    off = [lab for name, lab in _PARTS.items() if name.rpartition(".")[2] not in _USED[role]]
    if role == "student":
        off.append(_CREATE_ASSIGNMENT)
    off.append("@jupyterlab/apputils-extension:announcements")
    return {"disabledExtensions": dict.fromkeys(off, True)}


def lay_out_home(settings: HubSettings, name: str) -> Path:
    """Make a user's home with a copy of the lessons; what they have changed stays as it is."""
    home = settings.home(name)
    copy_lessons(settings.root / "lessons", home / "lessons")
    write_config_file(settings.grading, _user_dir(settings, name), student=name)
    return home


def lay_out_places(settings: HubSettings, role: Role, name: str) -> tuple[Place, ...]:
    """Make the folders that a user's container sees, theirs and nobody else's, and give them.

    Nothing in the home is touched: whoever it belongs to could have put a link there that leads elsewhere. The server
    in the container copies the lessons.
    """
    grading = settings.grading
    for folder in (settings.home(name), inbound(grading, name)):
        if not folder.exists():
            folder.mkdir(mode=0o700, parents=True)
            os.chown(folder, account(), account())
    feedback(grading, name).mkdir(parents=True, exist_ok=True)
    write_config_file(nbgraders_places(settings), _user_dir(settings, name), student=name)
    return places(settings, _role_dir(settings, role), _user_dir(settings, name), name)


def _role_dir(settings: HubSettings, role: Role) -> Path:
    return settings.state / "jupyter" / role


def _user_dir(settings: HubSettings, name: str) -> Path:
    return settings.state / "jupyter" / "users" / name


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n")
