"""What holds for the image `hub`."""

from __future__ import annotations

from coursekit.image_checks import Box


def the_hub_is_that_of_the_lock_file(box: Box) -> None:
    assert box.run("jupyterhub", "--version") == box.locked_version("jupyterhub")


def what_starts_users_servers_is_there(box: Box) -> None:
    code = "import dockerspawner, jupyterhub_idle_culler, nativeauthenticator, oauthenticator, ltiauthenticator"
    assert box.python(code, noise=r".*Deprecat.*|.*getdefaultlocale.*|.*encoding = .*") == ""


def the_course_can_be_configured(box: Box) -> None:
    assert box.python("import coursekit.hub.configure, coursekit.hub.proxy, coursekit.hub.culling") == ""
