from __future__ import annotations

import asyncio
import json
import os
import stat
from dataclasses import replace
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from traitlets.config import Config

from coursekit.config import GiB
from coursekit.gateway.quotas import Resources
from coursekit.gateway.settings import read_settings
from coursekit.hub import configure as configuring
from coursekit.hub.authenticator import CoursePasswordAuthenticator
from coursekit.hub.layout import lay_out, lay_out_home, page_config, server_extensions
from coursekit.hub.passwords import make_passwords, read_passwords
from coursekit.hub.settings import HubSettings

ROLES = ("student", "instructor", "grader")


@pytest.fixture
def settings(tmp_path):
    lessons = tmp_path / "lessons"
    (lessons / "figures").mkdir(parents=True)
    (lessons / "01-first.ipynb").write_text("new")
    (lessons / "figures" / "a.svg").write_text("<svg/>")
    return HubSettings(root=tmp_path, title="T", instructors=("ina", "ole"))


@pytest.fixture
def configured(settings):
    c = Config()
    configuring.configure(c, settings)
    return c


def spawner(settings, name):
    return SimpleNamespace(user=SimpleNamespace(name=name), environment={"KEPT": "yes"})


def test_everything_listens_on_this_machine_only_and_on_ports_of_its_own(configured):
    addresses = [
        configured.JupyterHub.bind_url,
        configured.JupyterHub.hub_bind_url,
        configured.ConfigurableHTTPProxy.api_url,
        configured.JupyterHub.services[0]["url"],
    ]
    assert {urlsplit(address).hostname for address in addresses} == {"127.0.0.1"}
    assert len({urlsplit(address).port for address in addresses}) == 4


def test_the_gateway_is_told_which_gpus_there_are_and_how_many_workers_may_use(settings):
    capacity = Resources(cores=8, memory=GiB, gpus=1)
    with_gpus = replace(settings, gpus=("GPU-a", "GPU-b"), capacity=capacity)
    inner = configuring.InnerAddresses(hub="http://127.0.0.1:1", gateway="http://127.0.0.1:2")
    variables = configuring.gateway(with_gpus, inner)["environment"]
    assert variables["COURSEKIT_GPUS"] == "GPU-a,GPU-b"
    assert read_settings(variables).capacity == capacity
    assert "COURSEKIT_GPUS" not in configuring.gateway(settings, inner)["environment"], "the driver is asked then"


def test_nobody_is_administrator_and_only_instructors_reach_formgrader(configured, settings):
    assert "admin_users" not in configured.CoursePasswordAuthenticator
    assert configured.JupyterHub.load_groups == {settings.graders: {"users": ["ina", "ole"]}}
    role = next(role for role in configured.JupyterHub.load_roles if role["name"] == settings.graders)
    assert role["groups"] == [settings.graders]
    assert not any(scope.startswith("admin") for scope in role["scopes"])


def test_only_an_instructors_server_may_ask_the_hub_for_formgrader(configured, settings):
    scopes = configured.Spawner.server_token_scopes
    assert scopes(spawner(settings, "ada")) == ["users:activity!user", "access:servers!server"]
    assert f"access:services!service={settings.course_id}" in scopes(spawner(settings, "ina"))


def test_configuring_twice_gives_the_same_and_appends_nothing(configured, settings):
    again = Config()
    configuring.configure(again, settings)
    configuring.configure(again, settings)
    names = [service["name"] for service in configured.JupyterHub.services]
    assert [service["name"] for service in again.JupyterHub.services] == names == [settings.course_id, "course"]
    assert again.JupyterHub.load_roles == configured.JupyterHub.load_roles
    assert again.Spawner.environment == configured.Spawner.environment


def test_a_server_gets_its_users_configuration_and_keeps_the_label(configured, settings):
    started = spawner(settings, "ada")
    configured.Spawner.pre_spawn_hook(started)
    user, role = started.environment["JUPYTER_CONFIG_PATH"].split(os.pathsep)
    assert started.environment["KEPT"] == "yes"
    assert "'ada'" in (settings.state / "jupyter" / "users" / "ada" / "nbgrader_config.py").read_text()
    assert user.endswith("/users/ada")
    assert role.endswith("/student")
    assert configured.Spawner.environment[configuring.LABEL] == str(settings.state)


def test_a_home_gets_the_lessons_and_keeps_what_the_student_changed(settings):
    home = lay_out_home(settings, "ada")
    mine = home / "lessons" / "01-first.ipynb"
    assert mine.read_text() == "new"
    assert (home / "lessons" / "figures" / "a.svg").exists()
    mine.write_text("my work")
    (settings.root / "lessons" / "02-second.ipynb").write_text("later")
    lay_out_home(settings, "ada")
    assert mine.read_text() == "my work"
    assert (home / "lessons" / "02-second.ipynb").read_text() == "later"
    assert not (settings.homes / "ben").exists()


def test_students_have_the_assignment_list_and_graders_formgrader():
    student = server_extensions("student")["ServerApp"]["jpserver_extensions"]
    grader = server_extensions("grader")["ServerApp"]["jpserver_extensions"]
    assert [name.rpartition(".")[2] for name, on in student.items() if on] == [
        "assignment_list",
        "validate_assignment",
        "pages",
        "server",
    ]
    assert grader["nbgrader.server_extensions.formgrader"]
    assert not grader["nbgrader.server_extensions.assignment_list"]


def test_sparks_pages_are_served_where_there_are_kernels():
    served = {role: server_extensions(role)["ServerApp"]["jpserver_extensions"]["coursekit.pages"] for role in ROLES}
    assert served == {"student": True, "instructor": True, "grader": False}


@pytest.mark.parametrize("role", ROLES)
def test_nobody_is_shown_jupyterlabs_news(role):
    assert page_config(role)["disabledExtensions"]["@jupyterlab/apputils-extension:announcements"]


def test_only_the_grader_may_be_framed(settings):
    lay_out(settings)
    for role, framed in (("student", False), ("instructor", False), ("grader", True)):
        text = (settings.state / "jupyter" / role / "jupyter_server_config.json").read_text()
        assert ("frame-ancestors" in text) == framed
        json.loads(text)


def test_passwords_differ_each_time_and_only_the_operator_can_read_them(settings):
    first, second = make_passwords(settings), make_passwords(settings)
    assert len({first.students, first.instructors, second.students, second.instructors}) == 4
    assert read_passwords(settings) == second
    assert stat.S_IMODE((settings.state / "passwords.json").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("name", "password", "is_let_in"),
    [
        ("ada", "students-password", True),
        ("ada", "instructors-password", False),
        ("ada", "", False),
        ("ada", "pässword", False),
        ("ina", "instructors-password", True),
        ("INA", "students-password", False),
        ("ina", "students-password", False),
        ("ina", "", False),
    ],
)
def test_each_role_has_its_own_password(name, password, is_let_in):
    authenticator = CoursePasswordAuthenticator(
        user_password="students-password", instructor_password="instructors-password", instructors={"ina"}
    )
    model = asyncio.run(authenticator.authenticate(None, {"username": name, "password": password}))
    assert (model is not None) == is_let_in
    assert not (model or {}).get("admin")


def test_without_a_password_no_instructor_is_let_in():
    authenticator = CoursePasswordAuthenticator(user_password="students-password", instructors={"ina"})
    assert asyncio.run(authenticator.authenticate(None, {"username": "ina", "password": ""})) is None


def test_services_have_what_the_hub_was_started_with(settings, monkeypatch):
    given = {"COURSEKIT_REPOSITORY": "registry.example.org/course", "DOCKER_HOST": "unix:///run/site.sock"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    c = Config()
    configuring.configure(c, settings)
    for service in c.JupyterHub.services:
        assert given.items() <= service["environment"].items(), service["name"]
