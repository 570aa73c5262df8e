"""Why executors do not come: what was asked for, beside what the master has."""

from __future__ import annotations

import http.client
import json
import re
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any, Final, Literal

from coursekit.config import MiB, format_memory

_TALK_S: Final = 3.0
_ENOUGH_FAILURES: Final = 3
_CAUSE: Final = re.compile(r"Failed to connect to [^\n]*|Connection refused: [^\n]*|UnknownHostException: [^\n]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Shortage:
    """Why an application has fewer executors than it was to have.

    Parameters
    ----------
    kind : {"memory", "cores", "taken", "unreachable", "slow"}
        ``memory``, ``cores``: no worker is large enough; ``taken``: other applications have them; ``unreachable``:
        executors start and end again because they do not find the driver; ``slow``: none of these.
    what, why : str
        A sentence each, with numbers.
    evidence : str
        What an executor said, if it is known.
    """

    kind: Literal["memory", "cores", "taken", "unreachable", "slow"]
    what: str
    why: str
    evidence: str = ""

    @property
    def fix(self) -> str:
        """One action, in the imperative; empty when nothing better than the logs is known."""
        return {
            "memory": "ask for what fits into a worker (leave spark.executor.memory away), or make larger workers",
            "cores": "ask for what fits into a worker (leave spark.executor.cores away), or make workers of more cores",
            "taken": "stop the session that holds them, in the notebook that opened it",
            "unreachable": "leave spark.driver.host away: coursekit sets the address where executors find this kernel",
        }.get(self.kind, "")

    @property
    def is_final(self) -> bool:
        """Whether waiting is in vain."""
        return self.kind in ("memory", "cores", "unreachable")


def read_master(ui_url: str) -> dict[str, Any]:
    """Read the master's own state; empty when it does not answer."""
    try:
        return dict(json.loads(_fetch(f"{ui_url}/json/")))
    except (OSError, http.client.HTTPException, ValueError):
        return {}


def find_shortage(
    master: dict[str, Any],
    application: str,
    *,
    registered: int,
    wanted: int,
    cores: int = 1,
    failed: int = 0,
    driver: str = "",
) -> Shortage:
    """Say why executors are missing.

    Parameters
    ----------
    master : dict
        The master's state, as `read_master` gives it.
    application : str
        The application's id.
    registered, wanted : int
        Executors that came, and that should have.
    cores : int
        Cores asked for per executor.
    failed : int
        Executors of the application that have ended again with an error.
    driver : str
        Where executors were told to find the driver, like ``"127.0.0.1:4711"``.
    """
    came = f"{registered} of {wanted} executors came."
    given_up = any(app["id"] == application and app["state"] == "FAILED" for app in master.get("completedapps", ()))
    if given_up or (registered == 0 and failed >= _ENOUGH_FAILURES):
        said = _read_cause(master, application)
        found_none = "and did not find it there" if said else "which is most often not where they can reach it"
        return Shortage(
            kind="unreachable",
            what=f"{came} {failed or 'All'} executors were started, and each ended again before it had registered.",
            why=f"An executor is told to find the driver at {driver or 'its address'}, {found_none}.",
            evidence=said,
        )
    workers = [worker for worker in master.get("workers", ()) if worker["state"] == "ALIVE"]
    asked = next((app for app in master.get("activeapps", ()) if app["id"] == application), None)
    if asked is None or not workers:
        return Shortage(
            kind="slow", what=came, why=f"The master knows {len(workers)} living workers; it did not say more."
        )
    memory = int(asked["memoryperexecutor"])
    largest = max(int(worker["memory"]) for worker in workers)
    most_cores = max(int(worker["cores"]) for worker in workers)
    others = [app for app in master["activeapps"] if app["id"] != application and app["cores"]]
    if memory > largest:
        return Shortage(
            kind="memory",
            what=f"{came} Each executor asks for {_mebibytes(memory)} of memory.",
            why=f"The largest worker has {_mebibytes(largest)} for executors, so the master has no place for even one.",
        )
    if cores > most_cores:
        return Shortage(
            kind="cores",
            what=f"{came} Each executor asks for {cores} cores.",
            why=f"No worker has more than {most_cores}, so the master has no place for even one.",
        )
    if others:
        names = ", ".join(f"{app['name']!r} ({app['cores']} cores)" for app in others)
        return Shortage(
            kind="taken",
            what=f"{came} The cluster has {master['cores']} cores, and {master['coresused']} of them are in use.",
            why=f"Other applications hold them until they stop: {names}.",
        )
    return Shortage(
        kind="slow",
        what=f"{came} The master has granted {asked['cores']} cores.",
        why=f"{len(workers)} workers are alive and large enough, so the executors are late or cannot start.",
    )


def _mebibytes(count: int) -> str:
    return format_memory(count * MiB)


def _read_cause(master: dict[str, Any], application: str) -> str:
    """Ask the workers' pages for what the first executors said; a page that does not answer says nothing."""
    for worker in master.get("workers", ()):
        for executor in range(2):
            query = urllib.parse.urlencode(
                {"appId": application, "executorId": executor, "logType": "stderr", "offset": 0, "byteLength": 200_000}
            )
            try:
                said = _fetch(f"{worker['webuiaddress']}/log/?{query}")
            except (OSError, http.client.HTTPException):
                continue
            found = _CAUSE.search(said)
            if found is not None:
                return found[0].strip()
    return ""


def _fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=_TALK_S) as answer:  # noqa: S310 - the master's own page
        return str(answer.read().decode(errors="replace"))
