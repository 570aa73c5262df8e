"""How long a class waits for its servers: this Hub on Docker, beside a plain JupyterHub with DockerSpawner.

Both Hubs start a container of the same image for each of a number of bots, all at once, one Hub after the other in the
same run, and in turn for as many rounds as are asked for. A server counts as started when the Hub's progress says that
it is ready and its JupyterLab page has come. The plain Hub has DockerSpawner's defaults, a network, time limits and our
proxy: PyPI's own passes ten requests on at a time, and answers some of thirty bots with 503.

Examples
--------
    python benchmarks/spawn.py
    python benchmarks/spawn.py --students 10 --rounds 2 --json
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import httpx

from coursekit.config import find_course, image_tag
from coursekit.hub.bots import Bot
from coursekit.hub.server import down, up
from coursekit.hub.settings import read_settings
from coursekit.ports import free_port

NETWORK = "coursekit-benchmark-spawn"
PLAIN = """
c = get_config()
c.JupyterHub.bind_url = {url!r}
c.JupyterHub.hub_bind_url = "http://{gateway}:{inner}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.ConfigurableHTTPProxy.command = [{python!r}, "-m", "coursekit.hub.proxy"]
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = {password!r}
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "docker"
c.JupyterHub.concurrent_spawn_limit = 100
c.DockerSpawner.image = {image!r}
c.DockerSpawner.pull_policy = "never"
c.DockerSpawner.network_name = {network!r}
c.DockerSpawner.use_internal_ip = True
c.DockerSpawner.remove = True
c.DockerSpawner.prefix = "coursekit-benchmark-spawn"
c.Spawner.start_timeout = 300
c.Spawner.http_timeout = 300
"""


def main() -> None:
    options = _parse()
    ours: list[float] = []
    plain: list[float] = []
    for _ in range(options.rounds):
        with our_hub() as (url, password):
            ours += start_all(url, password, options.students)
        with plain_hub() as (url, password):
            plain += start_all(url, password, options.students)
    figures: dict[str, Any] = {
        "students": options.students,
        "rounds": options.rounds,
        "coursekit_median_s": round(statistics.median(ours), 1),
        "coursekit_longest_s": round(max(ours), 1),
        "plain_median_s": round(statistics.median(plain), 1),
        "plain_longest_s": round(max(plain), 1),
        "start_over_plain_dockerspawner": round(statistics.median(ours) / statistics.median(plain), 2),
    }
    if options.json:
        print(json.dumps(figures))
        return
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, image {image_tag('spark')}")
    for key, value in figures.items():
        print(f"  {key:34}{value}")


def start_all(url: str, password: str, students: int) -> list[float]:
    """Log all bots in, start all their servers at once, and give how long each took, s."""
    bots = [Bot(url=url, name=f"bot-{number:03d}", password=password, course_id="none") for number in range(students)]

    async def start(bot: Bot) -> float:
        async with bot.browsing():
            await bot.log_in()
            began = time.monotonic()
            await bot.start_server()
            return time.monotonic() - began

    async def stop(bot: Bot) -> None:
        async with bot.browsing():
            await bot.log_in()
            await bot.stop_server()

    async def all_of_them() -> list[float]:
        took = await asyncio.gather(*map(start, bots))
        await asyncio.gather(*map(stop, bots))
        return list(took)

    return asyncio.run(all_of_them())


@contextlib.contextmanager
def our_hub() -> Iterator[tuple[str, str]]:
    """Run the course's Hub with containers."""
    settings = replace(read_settings(find_course(), port=0), engine="docker")
    running = up(settings)
    try:
        yield running.url, running.passwords.students
    finally:
        down(settings)


@contextlib.contextmanager
def plain_hub() -> Iterator[tuple[str, str]]:
    """Run a JupyterHub with DockerSpawner, and nothing of the course's."""
    client = docker.from_env()
    network = client.networks.create(NETWORK, driver="bridge")
    network.reload()
    password, url = secrets.token_hex(16), f"http://127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        values = {
            "url": url,
            "gateway": network.attrs["IPAM"]["Config"][0]["Gateway"],
            "inner": free_port(),
            "api": free_port(),
            "password": password,
            "image": image_tag("spark"),
            "python": sys.executable,
            "network": NETWORK,
        }
        (folder / "config.py").write_text(PLAIN.format(**values))
        command = [sys.executable, "-m", "jupyterhub", "-f", "config.py"]
        environment = {**os.environ, "CONFIGPROXY_AUTH_TOKEN": secrets.token_hex(16)}
        with (folder / "hub.log").open("wb") as log:
            hub = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            _await(url, hub, folder / "hub.log")
            yield url, password
        finally:
            hub.terminate()
            hub.wait(60)
            for container in client.containers.list(all=True, filters={"network": NETWORK}):
                container.remove(force=True)
            network.remove()
            client.close()


def _await(url: str, hub: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(120):
        if hub.poll() is not None:
            break
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/hub/api/", trust_env=False).status_code == 200:
                return
        time.sleep(0.5)
    sys.exit("the plain Hub does not answer:\n" + "\n".join(log.read_text().splitlines()[-15:]))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=30, help="bots of each Hub")
    parser.add_argument("--rounds", type=int, default=1, help="how often both Hubs take their turn")
    parser.add_argument("--json", action="store_true", help="one line of figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
