"""What holds for the image `notebook`, and so for every image built on it."""

from __future__ import annotations

from coursekit.image_checks import Box

# jupyter's lists of extensions are written to stderr.
LISTS = r".*"


def the_servers_jupyterhub_is_that_of_the_lock_file(box: Box) -> None:
    assert box.run("jupyterhub-singleuser", "--version") == box.locked_version("jupyterhub")


def nbgraders_extensions_of_jupyterlab_are_enabled(box: Box) -> None:
    shown = box.run("jupyter", "labextension", "list", noise=LISTS)
    lines = [line for line in shown.splitlines() if "nbgrader" in line]
    assert lines, shown
    assert all("enabled" in line and "OK" in line for line in lines), lines


def users_see_what_memory_they_use(box: Box) -> None:
    shown = box.run("jupyter", "server", "extension", "list", noise=LISTS)
    assert any("jupyter_resource_usage" in line and "enabled" in line for line in shown.splitlines()), shown


def a_kernel_runs_a_cell(box: Box) -> None:
    code = """
    from jupyter_client.manager import run_kernel
    with run_kernel() as client:
        answer = client.execute_interactive("print(6 * 7)", timeout=60)
    print(answer["content"]["status"])
    """
    assert box.python(code, noise=r".*encryption.*").split() == ["42", "ok"]
