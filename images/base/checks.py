"""What holds for the image `base`, and so for every image built on it."""

from __future__ import annotations

from coursekit.image_checks import Box


def an_account_that_is_not_root_runs_everything(box: Box) -> None:
    assert box.run("id", "-u") == "1000"
    assert box.run("whoami") == "student"


def the_home_is_writable_and_the_packages_are_not(box: Box) -> None:
    box.run("sh", "-c", 'echo hello > "$HOME/file" && rm "$HOME/file"')
    assert box.run("find", "/opt", "-writable", "-not", "-type", "l") == ""


def no_program_gives_its_user_another_account(box: Box) -> None:
    # Root without capabilities may not look into the folder of apt's own account, which is empty (see below).
    closed = "/var/cache/apt/archives/partial"
    command = f"find / -xdev -path {closed} -prune -o -type f -perm /6000 -print"
    found = box.run(*command.split(), user="root")
    assert found == "", found


def there_is_no_compiler_and_no_build_tool(box: Box) -> None:
    tools = "cc gcc g++ clang make cmake ld as dpkg-buildpackage git uv"
    found = box.run("sh", "-c", f"for tool in {tools}; do command -v $tool; done; true")
    assert found == "", found


def nothing_that_was_downloaded_or_logged_is_left(box: Box) -> None:
    places = "/var/lib/apt/lists /var/cache/apt /root/.cache /home/student/.cache /tmp /var/tmp"
    found = box.run("sh", "-c", f"find {places} -type f -size +0 2>/dev/null; true", user="root")
    assert found == "", found


def tls_knows_the_authorities(box: Box) -> None:
    code = "import ssl; print(ssl.create_default_context().cert_store_stats()['x509_ca'])"
    assert int(box.python(code)) > 100


def the_packages_fit_together(box: Box) -> None:
    assert box.run("pip", "check") == "No broken requirements found."


def coursekit_is_that_of_the_checkout(box: Box) -> None:
    assert box.run("coursekit", "--version") == f"coursekit {box.wanted_version}"


def the_image_says_what_it_is(box: Box) -> None:
    assert box.labels["org.opencontainers.image.title"] == box.image.title
    assert box.labels["org.opencontainers.image.version"] == box.wanted_version


def the_first_process_forwards_signals_and_reaps(box: Box) -> None:
    assert box.run("cat", "/proc/1/comm") == "tini"
