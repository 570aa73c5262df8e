"""Several hosts on one machine: real Docker daemons in network namespaces of their own, which form a real Swarm.

A bridge in a namespace of its own is the switch; each host is a network namespace with a cable to it, a host name, a
mount namespace and a daemon. What is pulled or killed here is a cable or a daemon, never a mock. Needs root and Linux.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import docker
from waiting import until

SUBNET = "10.77.0"
DATA = Path("/var/lib/docker")


class Host:
    """One host: its namespace, its daemon, and a client of it."""

    def __init__(self, number: int, folder: Path, prefix: str) -> None:
        self.name = f"host{number}"
        self.address = f"{SUBNET}.{10 + number}"
        self.namespace = f"{prefix}{number}"
        self.cable = f"{prefix}c{number}"
        self.folder = folder / self.name
        self.socket = self.folder / "run" / "docker.sock"
        self._daemon: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where its daemon listens."""
        return f"unix://{self.socket}"

    @property
    def client(self) -> docker.DockerClient:
        """A client of its daemon."""
        return docker.DockerClient(base_url=self.url, timeout=120)

    def boot(self, *, gpus: int = 0) -> None:
        """Start the daemon; images of the machine's own daemon are there already."""
        for name in ("run", "exec", "data/overlay2/l", "data/image/overlay2"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        generic = ["--node-generic-resource", f"gpu={gpus}"] if gpus else []
        dockerd = [
            *("dockerd", "--data-root", str(self.folder / "data"), "--exec-root", str(self.folder / "exec")),
            *("--pidfile", str(self.folder / "run" / "docker.pid"), "--cgroup-parent", f"/{self.namespace}"),
            *("-H", "unix:///run/docker.sock", *generic),
        ]
        inside = [sys.executable, __file__, json.dumps({"name": self.name, "folder": str(self.folder), "run": dockerd})]
        enter = ["nsenter", f"--net=/run/netns/{self.namespace}", "unshare", "--uts", "--mount"]
        with (self.folder / "log").open("ab") as log:
            self._daemon = subprocess.Popen([*enter, *inside], stdout=log, stderr=log, start_new_session=True)
        until(lambda: self.socket.exists() and self._answers(), "its daemon answers", within_s=60)

    def kill(self) -> None:
        """Cut the power: the daemon and all that it runs die at once."""
        self._kill_processes()
        if self._daemon is not None:
            self._daemon.wait()
        (self.folder / "run" / "docker.pid").unlink(missing_ok=True)

    def stop_daemon(self) -> None:
        """Stop the daemon as an operator does, with all containers; other processes of the host go on."""
        if self._daemon is not None:
            self._daemon.terminate()
            self._daemon.wait()

    def unplug(self) -> None:
        """Pull the network cable."""
        run("ip", "-n", self.namespace, "link", "set", "eth0", "down")

    def plug(self) -> None:
        """Put the network cable back."""
        run("ip", "-n", self.namespace, "link", "set", "eth0", "up")

    def _answers(self) -> bool:
        with contextlib.suppress(Exception):
            return bool(self.client.ping())
        return False

    def _kill_processes(self) -> None:
        """Kill whatever is in the host's network namespace or below one of its containers."""
        mine = Path(f"/run/netns/{self.namespace}").stat().st_ino
        for _ in range(50):
            found = [pid for pid in _pids() if _is_of(pid, mine, self.namespace)]
            if not found:
                return
            for pid in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)


class SwarmHosts:
    """Hosts that form a Swarm, the first of them its manager.

    Parameters
    ----------
    count : int
        How many.
    gpus : int
        Generic resources of the kind ``gpu`` on each worker host: names, for no GPU is here.
    """

    def __init__(self, count: int = 3, *, gpus: int = 1) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ck"))
        self._prefix = f"ck{os.getpid() % 10000}"
        self.hosts = [Host(number, self.folder, self._prefix) for number in range(count)]
        self._gpus = gpus

    @property
    def manager(self) -> Host:
        """The host whose daemon manages the Swarm."""
        return self.hosts[0]

    def __enter__(self) -> SwarmHosts:
        switch = f"{self._prefix}sw"
        try:
            run("ip", "netns", "add", switch)
            run("ip", "-n", switch, "link", "add", "br0", "type", "bridge")
            run("ip", "-n", switch, "link", "set", "br0", "up")
            for host in self.hosts:
                self._wire(host, switch)
                share_images(host.folder / "data")
                host.boot(gpus=self._gpus if host is not self.manager else 0)
            self._form()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for host in self.hosts:
            with contextlib.suppress(FileNotFoundError):
                host.kill()
        for name in (*(host.namespace for host in self.hosts), f"{self._prefix}sw"):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
        for host in self.hosts:
            for group in Path("/sys/fs/cgroup").glob(f"*/{host.namespace}"):
                subprocess.run(["find", str(group), "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"],
                               capture_output=True, check=False)  # fmt: skip
        shutil.rmtree(self.folder, ignore_errors=True)

    def _wire(self, host: Host, switch: str) -> None:
        run("ip", "netns", "add", host.namespace)
        run("ip", "-n", host.namespace, "link", "set", "lo", "up")
        run("ip", "-n", switch, "link", "add", host.cable, "type", "veth", "peer", "name", "eth0", "netns",
            host.namespace)  # fmt: skip
        run("ip", "-n", switch, "link", "set", host.cable, "master", "br0", "up")
        run("ip", "-n", host.namespace, "addr", "add", f"{host.address}/24", "dev", "eth0")
        run("ip", "-n", host.namespace, "link", "set", "eth0", "up")

    def _form(self) -> None:
        manager = self.manager.client
        address = self.manager.address
        pool = {"default_addr_pool": ["10.78.0.0/16"], "subnet_size": 24}
        manager.swarm.init(advertise_addr=address, listen_addr=f"{address}:2377", data_path_addr=address, **pool)
        token = manager.swarm.attrs["JoinTokens"]["Worker"]
        for host in self.hosts[1:]:
            host.client.swarm.join(
                remote_addrs=[f"{address}:2377"],
                join_token=token,
                advertise_addr=host.address,
                listen_addr=f"{host.address}:2377",
                data_path_addr=host.address,
            )
        until(lambda: len(self.ready()) == len(self.hosts), "all hosts are ready", within_s=60)

    def ready(self) -> list[str]:
        """Name the hosts that the manager calls ready."""
        nodes = self.manager.client.nodes.list()
        return [node.attrs["Description"]["Hostname"] for node in nodes if node.attrs["Status"]["State"] == "ready"]


def share_images(data: Path) -> None:
    """Give a daemon that has not started the images of the machine's own, by their overlay2 layers.

    Saving and loading Spark's image takes a minute for each host. This rests on the daemon's internal layout; a
    course on real hosts has a registry.
    """
    (data / "overlay2" / "l").mkdir(parents=True)
    shutil.copytree(DATA / "image", data / "image", symlinks=True)
    shutil.copytree(DATA / "overlay2" / "l", data / "overlay2" / "l", symlinks=True, dirs_exist_ok=True)
    for layer in _image_layers():
        (data / "overlay2" / layer / "diff").mkdir(parents=True)
        for path in (DATA / "overlay2" / layer).iterdir():
            if path.is_file():
                shutil.copy(path, data / "overlay2" / layer)
    shutil.rmtree(data / "image" / "overlay2" / "layerdb" / "mounts", ignore_errors=True)


def _image_layers() -> list[str]:
    database = DATA / "image" / "overlay2" / "layerdb" / "sha256"
    return sorted({(layer / "cache-id").read_text() for layer in database.iterdir()})


def run(*command: str) -> str:
    """Run a command that must not fail."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _is_of(pid: int, namespace: int, cgroup: str) -> bool:
    with contextlib.suppress(OSError):
        if Path(f"/proc/{pid}/ns/net").stat().st_ino == namespace:
            return True
        return f"/{cgroup}/" in Path(f"/proc/{pid}/cgroup").read_text()
    return False


def _become_daemon() -> None:
    """In the host's namespaces: take its name, its own /run, the machine's image layers; become its daemon."""
    host = json.loads(sys.argv[1])
    folder = Path(host["folder"])
    run("hostname", host["name"])
    run("mount", "--make-rprivate", "/")
    for place in (folder / "data", folder / "data" / "overlay2"):  # else the daemon does, and hides what is below
        run("mount", "--bind", str(place), str(place))
        run("mount", "--make-shared", str(place))
    for layer in _image_layers():
        files = Path("overlay2", layer, "diff")
        run("mount", "--bind", "-o", "ro", str(DATA / files), str(folder / "data" / files))
    run("mount", "--bind", str(folder / "run"), "/run")
    os.execvp(host["run"][0], host["run"])


if __name__ == "__main__":
    _become_daemon()
