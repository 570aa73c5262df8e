"""Signing up on a real Hub: nobody is in before an instructor approves, and nobody else approves."""

from __future__ import annotations

import re
from contextlib import contextmanager

import httpx
import pytest

from coursekit.hub.server import down, status, up
from coursekit.hub.settings import read_settings

pytestmark = [pytest.mark.hub, pytest.mark.timeout(300)]
PASSWORD = "correct horse battery staple"


@pytest.fixture
def native(course):
    path = course.hub / "course.toml"
    path.write_text(path.read_text().replace('kind = "shared-password"', 'kind = "native"'))
    settings = read_settings(course, port=0)
    running = up(settings)
    yield running
    down(settings)
    assert status(settings) == ()


@contextmanager
def browser(hub):
    with httpx.Client(base_url=hub.url, follow_redirects=True, timeout=60, trust_env=False) as client:
        yield client


def post(client, page, path, **form):
    shown = client.get(page)
    token = re.search(r'name="_xsrf" value="([^"]*)"', shown.text)
    return client.post(path, data={"_xsrf": token[1], **form})


def sign_up(hub, name, password=PASSWORD):
    with browser(hub) as client:
        form = {"signup_password": password, "signup_password_confirmation": password, "email": f"{name}@unito.it"}
        return post(client, "/hub/signup", "/hub/signup", username=name, **form)


def log_in(client, name, password=PASSWORD):
    post(client, "/hub/login", "/hub/login?next=/hub/home", username=name, password=password)
    return client.get("/hub/home").url.path == "/hub/home"


def test_a_student_who_signs_up_is_let_in_once_an_instructor_has_approved(native):
    assert "An instructor has to approve it" in sign_up(native, "ada").text
    with browser(native) as student:
        assert not log_in(student, "ada")
    with browser(native) as instructor:
        assert log_in(instructor, "instructor", native.passwords.instructors)
        page = instructor.get("/hub/authorize")
        assert "ada@unito.it" in page.text
        assert instructor.get("/hub/authorize/ada").status_code == 403, "a link of another page"
        click = instructor.get("/hub/authorize/ada", headers={"Referer": f"{native.url}/hub/authorize"})
        assert click.status_code == 200
        assert instructor.get("/hub/admin").status_code == 403, "they approve, and are no administrators"
    with browser(native) as student:
        assert not log_in(student, "ada", "another password")
        assert log_in(student, "ada")


def test_students_neither_approve_nor_become_instructors(native):
    for name in ("eve", "mallory"):
        sign_up(native, name)
    assert "went wrong" in sign_up(native, "instructor").text
    with browser(native) as instructor:
        assert log_in(instructor, "instructor", native.passwords.instructors)
        instructor.get("/hub/authorize/eve", headers={"Referer": f"{native.url}/hub/authorize"})
    with browser(native) as student:
        assert log_in(student, "eve")
        referer = {"Referer": f"{native.url}/hub/authorize"}
        refused = ("authorize", "authorize/mallory", "discard/mallory", "change-password/mallory", "admin")
        assert {path: student.get(f"/hub/{path}", headers=referer).status_code for path in refused} == dict.fromkeys(
            refused, 403
        )
    with browser(native) as student:
        assert not log_in(student, "mallory")
        assert not log_in(student, "instructor")
