"""Attempts with the kernel: other processes, capabilities, mounts, namespaces, the root's files, resources."""

from __future__ import annotations

from attacks.hub.attempt import Act, Attack, executor, python, shell
from attacks.hub.scene import Scene

_SYSCALL = """
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
number, *rest = (int(word) for word in sys.argv[1:])
result = libc.syscall(number, *rest)
print("done" if result >= 0 else f"refused: errno {ctypes.get_errno()}")
"""
_GETPID, _BPF, _KEYCTL, _UNSHARE, _ADD_KEY = 39, 321, 250, 272, 248
_CLONE_NEWUSER = 0x10000000
_OWN_FILE = "echo x > ~/own && echo written"
_FORKS = """
import os, signal, time
children = []
try:
    while len(children) < 5000:
        child = os.fork()
        if child == 0:
            time.sleep(30)
            os._exit(0)
        children.append(child)
except OSError as error:
    print(f"forks ended after {len(children)}: {error}")
for child in children:
    os.kill(child, signal.SIGKILL)
"""
_HOG = "hoard = []\nwhile True: hoard.append(bytearray(1 << 26))"


def _call(number: int, *arguments: int) -> Act:
    return shell(python(_SYSCALL, str(number), *map(str, arguments)))


def _writing(place: str) -> Act:
    return shell(f"(echo x > {place}) 2>&1 && echo written")


def _while_the_victim_works(attempt: Act) -> Act:
    """Do it, and see whether the victim's job goes on meanwhile."""

    def act(scene: Scene) -> str:
        said = attempt(scene)
        worked = scene.victim.driver.compute(
            "import json; print(json.dumps({'said': spark.sparkContext.parallelize(range(10), 2).sum()}), flush=True)"
        )
        return f"{said}\nvictim: {worked}\nattacker's server: {_status(scene)}"

    return act


def _status(scene: Scene) -> str:
    scene.attacker.server.reload()
    return str(scene.attacker.server.status)


def _written(title: str, place: str, seen: str = "Permission denied|Read-only|No such|nonexistent") -> Attack:
    return Attack(title=title, attempt=_writing(place), seen=seen, control=shell(_OWN_FILE), allowed=r"(?m)^written$")


def _refused(title: str, number: int, *arguments: int) -> Attack:
    return Attack(
        title=title,
        attempt=_call(number, *arguments),
        seen="refused: errno (1|38)$|refused: errno (1|38)\n",
        control=_call(_GETPID),
        allowed=r"(?m)^done$",
    )


PROCESSES = [
    _written("write to the system's files", "/etc/passwd"),
    _written("write to the installed packages", "/opt/venv/lib/python3.11/site-packages/x.py"),
    _written("write to the kernel's settings", "/proc/sys/kernel/core_pattern"),
    _written("trigger the kernel's console", "/proc/sysrq-trigger"),
    _written("write to its own limits", "/sys/fs/cgroup/memory/memory.limit_in_bytes"),
    _written("write to the lessons that all have", "/srv/coursekit/lessons/x"),
    _written("write to the data sets that all have", "$COURSEKIT_CACHE/datasets/x"),
    _written("write to the configuration of its server", "/srv/coursekit/jupyter/role/x"),
    _refused("make a user namespace", _UNSHARE, _CLONE_NEWUSER),
    _refused("load a program into the kernel", _BPF, 0),
    _refused("read the kernel's keys", _KEYCTL, 0),
    _refused("fill the kernel's keys", _ADD_KEY, 0),
    Attack(
        title="mount a file system",
        attempt=shell("mount -t tmpfs none /mnt 2>&1"),
        seen="denied|only root|superuser|not permitted",
        control=shell("mount"),
        allowed="exit 0",
    ),
    Attack(
        title="see processes of the host or of others",
        attempt=shell("ps -eo user=,args= | grep -v -e ^student -e '^root.*tini'; echo looked"),
        seen=r"^looked\n",
        control=shell("ps -eo user=,args="),
        allowed="(?m)^student .*jupyter",
    ),
    Attack(
        title="gain a capability or an account by a program with the setuid bit",
        attempt=shell(
            "find / -xdev -perm /6000 -type f 2>/dev/null; grep -E 'Cap(Eff|Bnd)|NoNewPrivs' /proc/self/status"
        ),
        seen=r"^CapEff:\t0+\nCapBnd:\t0+\nNoNewPrivs:\t1\n",
        control=shell("cp /bin/true ~/own && chmod u+s ~/own && find ~ -perm /6000 -type f; rm -f ~/own"),
        allowed="(?m)^/",
    ),
    Attack(
        title="gain a capability on an executor",
        attempt=executor(
            "find / -xdev -perm /6000 -type f 2>/dev/null; grep -E 'Cap(Eff|Bnd)|NoNew' /proc/self/status"
        ),
        seen=r"^CapEff:\t0+\nCapBnd:\t0+\nNoNewPrivs:\t1\n",
        control=executor("cp /bin/true /tmp/own && chmod u+s /tmp/own && find /tmp -perm /6000; rm -f /tmp/own"),
        allowed="(?m)^/",
    ),
    Attack(
        title="read a device of the host",
        attempt=shell(
            "ls /dev | grep -E '^(sd|vd|nvme|mem|kmsg|kvm|nvidia)'; head -c 1 /dev/vda /proc/kcore 2>&1; echo looked"
        ),
        seen="(?s)^head: cannot open .*looked",
        control=shell("head -c 1 /dev/zero | wc -c; ls /dev"),
        allowed="(?m)^1\n(.*\n)*zero",
    ),
    Attack(
        title="fork until the host has no room for others",
        attempt=_while_the_victim_works(shell(python(_FORKS))),
        seen=r"(?s)forks ended after \d{2,3}: .*temporarily unavailable.*victim: 45\n.*running",
        control=shell("(sleep 0; echo one) & wait; echo forked"),
        allowed="forked",
    ),
    Attack(
        title="take the memory of others",
        attempt=_while_the_victim_works(shell(python(_HOG))),
        seen=r"(?s)exit 137.*victim: 45\n.*running",
        control=shell(python("bytearray(1 << 26); print('taken')")),
        allowed="(?m)^taken$",
    ),
    Attack(
        title="fill the host's memory by /tmp and /dev/shm",
        attempt=_while_the_victim_works(
            shell(
                "for place in /tmp /dev/shm; do dd if=/dev/zero of=$place/fill bs=1M count=1024 2>&1 | tail -1; "
                "du -m $place/fill; rm -f $place/fill; done"
            )
        ),
        seen=r"(?s)^[^\n]*\n5\d\d\t/tmp/fill\n.*\n6\d\t/dev/shm/fill\n.*victim: 45\n",
        control=shell("dd if=/dev/zero of=/tmp/fill bs=1M count=8 2>&1; rm /tmp/fill"),
        allowed="8388608 bytes",
    ),
    Attack(
        title="fill the host's disk by the home",
        attempt=shell("dd if=/dev/zero of=~/fill bs=1M count=1024 2>&1; rm -f ~/fill"),
        seen="Disk quota exceeded|No space left",
        control=shell("dd if=/dev/zero of=~/fill bs=1M count=8 2>&1; rm ~/fill"),
        allowed=r"\d+ bytes .* copied",
        open="homes are folders of the host: only its file system's quotas limit them (docs/security.md)",
    ),
    Attack(
        title="fill the host's disk by an executor's files",
        attempt=executor("dd if=/dev/zero of=/tmp/fill bs=1M count=1024 2>&1; rm -f /tmp/fill"),
        seen="Disk quota exceeded|No space left",
        control=executor("dd if=/dev/zero of=/tmp/fill bs=1M count=8 2>&1; rm /tmp/fill"),
        allowed=r"\d+ bytes .* copied",
        open="an executor's files are on the host's disk until its cluster ends, and nothing limits them",
    ),
]
