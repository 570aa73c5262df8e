"""A real Hub whose students have containers: what they can do, what they cannot, and what survives."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import re
import signal
import time
from contextlib import asynccontextmanager

import psutil
import pytest
from docker_fixtures import require_docker
from hub_fixtures import copy_course

from coursekit.engine.daemon import connect
from coursekit.errors import HubError
from coursekit.grading import collect, prepare, release
from coursekit.hub.bots import Bot
from coursekit.hub.form import chosen
from coursekit.hub.server import down, running_hub, status, up
from coursekit.hub.servers import container_name, free_now, network_name, servers
from coursekit.hub.settings import read_settings

pytestmark = [pytest.mark.hub, pytest.mark.docker, pytest.mark.timeout(900)]
EXCHANGE = "/srv/coursekit/exchange/ml-resources"
PROFILES = """
[profiles.small]
title = "Small"
memory = "1g"
image = "notebook"

[profiles.large]
title = "Large"
cores = 2
memory = "2g"
image = "notebook"
limit_minutes = 60

[profiles.brief]
title = "Brief"
memory = "1g"
image = "notebook"
idle_minutes = 1

[profiles.gpu]
title = "GPU"
memory = "1g"
image = "notebook"
gpus = 1
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    require_docker("notebook")
    os.environ["COURSEKIT_REALM"] = f"test{os.getpid()}"
    course = copy_course(tmp_path_factory.mktemp("hub") / "course")
    path = course.hub / "course.toml"
    text = re.sub(r"(?ms)^\[profiles\.spark\].*?(?=^# What the gateway)", PROFILES, path.read_text())
    path.write_text('gpus = ["GPU-that-is-not-there"]\n' + text)
    settings = read_settings(course, port=0, engine="docker")
    prepare(settings.grading)
    release(settings.grading, "a1", gated=False)
    running = up(settings)
    try:
        yield dataclasses.make_dataclass("Hub", ["settings", "running", "course"])(settings, running, course)
    finally:
        down(settings)
        del os.environ["COURSEKIT_REALM"]
    assert status(settings) == ()
    assert servers(settings) == ()
    assert not connect().networks.list(names=[network_name(settings)])


@asynccontextmanager
async def student(hub, name, *, password=""):
    passwords = hub.running.passwords
    bot = Bot(
        url=hub.running.url,
        name=name,
        password=password or passwords.students,
        course_id=hub.settings.course_id,
    )
    async with bot.browsing():
        await bot.log_in()
        yield bot


def start(hub, name, profile=""):
    async def act():
        async with student(hub, name) as bot:
            await bot.start_server(profile)

    asyncio.run(act())
    return connect().containers.get(container_name(hub.settings, name))


def stop(hub, name):
    async def act():
        async with student(hub, name) as bot:
            await bot.stop_server()

    asyncio.run(act())


def run(container, command):
    """Do something as the student would in a terminal, and give the exit code and what was printed."""
    done = container.exec_run(["bash", "-c", command])
    return done.exit_code, done.output.decode(errors="replace")


@pytest.fixture(scope="module")
def ada(hub):
    return start(hub, "ada", "small")


@pytest.fixture(scope="module")
def ben(hub):
    return start(hub, "ben", "large")


def test_each_profile_gives_a_server_its_limits(ada, ben):
    for container, memory, cores in ((ada, 2**30, 1), (ben, 2**31, 2)):
        limits = container.attrs["HostConfig"]
        assert limits["Memory"] == limits["MemorySwap"] == memory
        assert limits["CpuQuota"] == cores * limits["CpuPeriod"]
        assert limits["CapDrop"] == ["ALL"]
        assert limits["ReadonlyRootfs"]


def test_a_profile_that_cannot_start_says_why_and_leaves_nothing(hub):
    with pytest.raises(HubError):
        start(hub, "gus", "gpu")
    assert "gus" not in {server.user for server in servers(hub.settings)}
    assert free_now(hub.settings).devices == ("GPU-that-is-not-there",)


def test_the_form_shows_what_is_free(hub):
    async def look():
        async with student(hub, "fay") as bot:
            return (await bot._ask("GET", "/hub/spawn")).text

    page = asyncio.run(look())
    assert "Free now:" in page
    assert [name for name in ("small", "large", "gpu") if f'value="{name}"' not in page] == []
    assert chosen({"profile": ["small"]}) == {"profile": "small"}


def test_lessons_are_there_and_are_the_students_own(hub, ada):
    code, listed = run(ada, "ls ~/lessons && echo mine >> ~/lessons/note && stat -c %U ~/lessons/*.ipynb | sort -u")
    assert code == 0
    assert ".ipynb" in listed
    assert listed.splitlines()[-1] == "student"
    assert run(ada, "echo x > /srv/coursekit/lessons/x")[0] != 0


@pytest.mark.parametrize(
    "attempt",
    [
        "echo x > /etc/x",
        "echo x > /opt/venv/x",
        f"echo x > {EXCHANGE}/outbound/x",
        f"rm -rf {EXCHANGE}/outbound/a1",
        f"echo x > {EXCHANGE}/feedback/x",
        "ls /var/run/docker.sock",
        "cat /proc/1/root/root/x",
        "test \"$(grep CapEff /proc/self/status | tr -d '[:space:]')\" != CapEff:0000000000000000",
        "timeout 5 bash -c 'echo > /dev/tcp/169.254.169.254/80'",
        "timeout 5 bash -c 'echo > /dev/tcp/1.1.1.1/53'",
        "mount -t tmpfs none /mnt",
        "unshare --user --map-root-user true",
        "env | grep -i -e CONFIGPROXY -e DOCKER_HOST -e COOKIE_SECRET",
        "find / -name gradebook.db -not -path '/opt/venv/*' -not -path '/proc/*' 2>/dev/null | grep .",
    ],
)
def test_a_student_cannot(ada, attempt):
    code, said = run(ada, attempt)
    assert code != 0, said


def test_students_do_not_reach_each_other_but_the_hub(hub, ada, ben):
    ben.reload()
    address = ben.attrs["NetworkSettings"]["Networks"][network_name(hub.settings)]["IPAddress"]
    assert run(ada, f"timeout 5 bash -c 'echo > /dev/tcp/{address}/8888'")[0] != 0
    assert run(ada, "python -c \"import os, urllib.request as r; r.urlopen(os.environ['JUPYTERHUB_API_URL'])\"")[0] == 0


def test_a_student_sees_their_own_submissions_and_home_and_no_others(hub, ada, ben):
    run(ben, f"mkdir -p {EXCHANGE}/inbound/secret; echo answers > ~/secret")
    assert run(ada, f"ls -A {EXCHANGE}/inbound")[1] == ""
    assert run(ada, "ls /home")[1].split() == ["student"]
    assert (
        run(ada, "find / -name secret -not -path '/proc/*' -not -path '/sys/*' 2>/dev/null | grep -v python")[1] == ""
    )
    run(ben, f"rm -r {EXCHANGE}/inbound/secret")


def test_an_assignment_goes_out_and_comes_back_by_the_students_own_folder(hub, ada):
    async def act():
        async with student(hub, "ada") as bot:
            await bot.start_server()
            await bot.fetch("a1")
            await bot.submit("a1")

    asyncio.run(act())
    (found,) = collect(hub.settings.grading, "a1")
    assert found.student == "ada"
    assert not (hub.settings.grading.inbound / "ada").stat().st_mode & 0o077


def test_servers_survive_a_hub_that_is_killed(hub, ada):
    before = ada.id

    async def ask():
        async with student(hub, "ada") as bot:
            await bot._ask("GET", "/user/ada/api/status", headers=bot._headers())

    os.kill(hub.running.pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(hub.running.pid)] if psutil.pid_exists(hub.running.pid) else [], timeout=10)
    assert connect().containers.get(before).status == "running"
    hub.running = up(dataclasses.replace(hub.settings, port=int(hub.running.url.rpartition(":")[2])))
    assert running_hub(hub.settings).passwords == hub.running.passwords
    assert connect().containers.get(container_name(hub.settings, "ada")).id == before

    async def wait():
        async with student(hub, "ada") as bot:
            deadline = time.monotonic() + 60
            while True:
                try:
                    await bot.start_server()  # it runs already: the page alone is fetched
                    await bot._ask("GET", "/user/ada/api/status", headers=bot._headers())
                    return
                except HubError:
                    assert time.monotonic() < deadline
                    await asyncio.sleep(0.5)

    asyncio.run(wait())
    assert connect().containers.get(container_name(hub.settings, "ada")).id == before


def test_a_server_that_nobody_uses_is_stopped_and_one_with_a_running_cell_is_not(hub):
    async def leave_a_cell_running():
        async with student(hub, "dee") as bot:
            await bot.start_server("brief")
            kernels = await bot._ask("POST", "/user/dee/api/kernels", accept=(201,), json={}, headers=bot._headers())
            return kernels.json()["id"]

    kernel = asyncio.run(leave_a_cell_running())
    dee = connect().containers.get(container_name(hub.settings, "dee"))
    work = "from jupyter_client import BlockingKernelClient as C; "
    work += "from jupyter_core.paths import jupyter_runtime_dir as d; "
    work += f"c = C(connection_file=d() + '/kernel-{kernel}.json'); c.load_connection_file(); c.start_channels(); "
    work += "c.wait_for_ready(60); c.execute('import time; time.sleep(600)')"
    code, said = run(dee, f'python -c "{work}"')
    assert code == 0, said
    start(hub, "cal", "brief")
    deadline = time.monotonic() + 240
    while "cal" in {server.user for server in servers(hub.settings)}:
        assert time.monotonic() < deadline
        time.sleep(1)
    assert "dee" in {server.user for server in servers(hub.settings)}


def test_a_server_that_is_stopped_leaves_its_home_and_nothing_else(hub, ben):
    run(ben, "echo answers > ~/secret")
    stop(hub, "ben")
    deadline = time.monotonic() + 60
    while "ben" in {server.user for server in servers(hub.settings)}:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert (hub.settings.home("ben") / "secret").read_text() == "answers\n"
