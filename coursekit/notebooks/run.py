"""Execute many notebooks at once, each in a process of its own, the longest first."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

from coursekit.errors import EngineError, SettingsError
from coursekit.notebooks.catalog import Notebook
from coursekit.notebooks.containers import ENGINES, KINDS, PARENT, Box, Kind, make_box, runs_on_image
from coursekit.notebooks.contract import SIZES, Contract, Size
from coursekit.notebooks.execute import KERNEL_START_S, Job
from coursekit.notebooks.kept import environment, keep, key_of, read_kept
from coursekit.notebooks.outcome import CellFailure, Outcome, Status
from coursekit.notebooks.processes import end_tree

# A contract's minutes are those of two idle cores; a notebook is stopped when it takes several times as long.
_TIMEOUT_FACTOR: Final = 5
_SHORTEST_TIMEOUT_S: Final = 180.0
_START_S: Final = KERNEL_START_S + 60  # the kernel's own limit comes first, and says more
_LONGEST_EVENT: Final = 64 * 1024 * 1024
# -P: a module in the working directory shadows nothing
_HERE: Final = (sys.executable, "-P", "-m", "coursekit.notebooks.execute")
_NOT_COPIED: Final = shutil.ignore_patterns("*.ipynb", ".*", "wrong", "right", "__pycache__")


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSettings:
    """How notebooks are executed.

    Parameters
    ----------
    out : Path
        Where executed notebooks and logs go; a folder ``work`` in it is theirs to write to.
    root : Path or None
        The course's checkout, which the notebooks find their data sets by.
    jobs : int
        How many run at once.
    size : {"small", "full"}
        Which parameters they get.
    engine : str or None
        What runs the clusters: ``"process"``; or ``"docker"`` or ``"swarm"``, then the notebook is in a container too.
        None for a process here, whose clusters are the environment's choice.
    device : {"cpu", "gpu"}
        Which image of the runtime ``tensorflow`` runs, with the engine ``docker``. In the one for GPUs a notebook gets
        a GPU for itself where the host has any, and the processor elsewhere.
    timeout_s : float or None
        When each is interrupted, s after its first cell began; None for several times its contract's minutes.
    grace_s : float
        How long after that it is killed, s.
    fresh : bool
        Execute all, also those that passed before and of which nothing has changed (`coursekit.notebooks.kept`).
    """

    out: Path
    root: Path | None = None
    jobs: int = 1
    size: Size = "small"
    engine: str | None = None
    device: Kind = "cpu"
    timeout_s: float | None = None
    grace_s: float = 20.0
    fresh: bool = True

    def __post_init__(self) -> None:
        if self.jobs < 1:
            raise SettingsError(f"jobs = {self.jobs}, but at least 1 has to run.", fix="use --jobs 1 or more")
        if self.size not in SIZES:
            raise SettingsError(f"there is no size {self.size!r}.", fix=f"choose from {', '.join(SIZES)}")
        if self.engine not in (None, "process", *ENGINES):
            raise SettingsError(f"engine = {self.engine!r} is not an engine.", fix='use "process", "docker" or "swarm"')
        if self.device not in KINDS:
            raise SettingsError(f"device = {self.device!r} is none.", fix=f"choose from {', '.join(KINDS)}")
        if self.device == "gpu" and self.engine != "docker":
            raise SettingsError(
                'device = "gpu" names an image, but notebooks do not run in containers of this daemon.',
                fix="add --engine docker; a notebook in a process uses this machine's GPU by itself",
            )
        if self.timeout_s is not None and self.timeout_s <= 0:
            raise SettingsError(f"timeout = {self.timeout_s:g} s leaves no time.", fix="give a timeout above 0")


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """A notebook moved on.

    Parameters
    ----------
    notebook : Notebook
        Which.
    cell : str
        The id of the cell that starts; empty when the notebook starts.
    done, cells : int
        Cells behind it, and all cells.
    outcome : Outcome or None
        When it has ended.
    """

    notebook: Notebook
    cell: str = ""
    done: int = 0
    cells: int = 0
    outcome: Outcome | None = None


Watch = Callable[[Progress], None]


def run_notebooks(
    notebooks: Sequence[Notebook], settings: RunSettings, *, watch: Watch = lambda progress: None
) -> tuple[Outcome, ...]:
    """Execute notebooks and tell what came of each, in the order given.

    Nothing that they started runs on afterwards. When this process is interrupted (SIGINT, SIGTERM), those that run
    are ended, and they and those that have not begun are told as interrupted.

    Raises
    ------
    SettingsError
        If a notebook's contract is not valid; nothing runs then.
    """
    from coursekit.notebooks.document import read_document

    for notebook in notebooks:
        read_document(notebook.path)
    attempts = [
        _Attempt(notebook, notebook.contract(), settings, name)
        for notebook, name in zip(notebooks, _file_names(notebooks), strict=True)
    ]
    settings.out.mkdir(parents=True, exist_ok=True)
    try:
        asyncio.run(_run_all(attempts, settings.jobs, watch))
    except (KeyboardInterrupt, asyncio.CancelledError):
        for attempt in attempts:
            attempt.outcome = attempt.outcome or attempt.ended("interrupted", "the run was interrupted")
    return tuple(attempt.outcome for attempt in attempts if attempt.outcome is not None)


async def _run_all(attempts: Sequence[_Attempt], jobs: int, watch: Watch) -> None:
    main = asyncio.current_task()
    assert main is not None
    with contextlib.suppress(RuntimeError, ValueError):  # not in the main thread
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, main.cancel)
    turns = asyncio.Semaphore(jobs)

    async def run(attempt: _Attempt) -> None:
        async with turns:
            await attempt.run(watch)

    async with asyncio.TaskGroup() as group:
        for attempt in sorted(attempts, key=lambda attempt: -attempt.minutes):
            group.create_task(run(attempt))


class _Attempt:
    """One notebook's execution."""

    def __init__(self, notebook: Notebook, contract: Contract, settings: RunSettings, name: str) -> None:
        self._notebook = notebook
        self._settings = settings
        self._parameters = contract.parameters_at(settings.size)
        self.minutes = contract.minutes_at(settings.size)
        self._timeout_s = settings.timeout_s or max(_SHORTEST_TIMEOUT_S, 60 * self.minutes * _TIMEOUT_FACTOR)
        self._output = (settings.out / f"{name}.ipynb").resolve()
        self._log = self._output.with_suffix(".log")
        self._work = (settings.out / "work" / name).resolve()
        self._contract = contract
        self._box: Box | None = None
        self._began = time.monotonic()
        self._at: dict[str, Any] | None = None
        self._record = self._output.with_suffix(".kept.json")
        self.outcome: Outcome | None = None

    async def run(self, watch: Watch) -> None:
        """Execute it, unless an earlier execution still holds, and note the outcome."""
        self._began = time.monotonic()
        watch(Progress(notebook=self._notebook))
        key = await asyncio.to_thread(self._key)
        kept = None if self._settings.fresh else read_kept(self._record, self._output, key)
        if kept is not None:
            passed = self.ended("passed")
            self.outcome = replace(passed, seconds=kept.seconds, kept=kept.when, device=kept.device)
        else:
            self._record.unlink(missing_ok=True)
            self.outcome = await self._attempt(watch)
            if self.outcome.has_passed:
                now = datetime.now(UTC).isoformat(timespec="seconds")
                done = self.outcome
                keep(self._record, self._output, key, seconds=done.seconds, when=now, device=done.device)
        watch(Progress(notebook=self._notebook, outcome=self.outcome))

    async def _attempt(self, watch: Watch) -> Outcome:
        directory = self._prepare()
        if self._settings.engine in ENGINES:
            self._box = make_box(
                self._settings.engine,
                self._contract,
                self._output.stem,
                device=self._settings.device,
                writable=(self._output.parent, self._work),
                readable=self._notebook.path.resolve().parent,
            )
        with self._log.open("wb") as log:
            try:
                command = await asyncio.to_thread(self._box.prepare) if self._box else _HERE
            except EngineError as error:
                return self.ended("died", error.message)
            outcome = await self._execute(command, directory, log, watch)
        if outcome.has_passed:
            shutil.rmtree(self._work, ignore_errors=True)
        return outcome

    def _key(self) -> str:
        folder = self._notebook.path.parent
        engine, device = self._settings.engine, self._settings.device
        runs_on = runs_on_image(engine, self._contract.runtime, device) if engine in ENGINES else environment()
        is_file = self._notebook.kind == "file"
        return key_of(
            self._notebook,
            parameters=self._parameters,
            runs_on=f"{engine or os.environ.get('COURSEKIT_ENGINE', '')}:{runs_on}",
            beside=() if is_file else _copied(folder),
        )

    def ended(self, status: Status, message: str = "", failure: CellFailure | None = None) -> Outcome:
        """Give the outcome as of now."""
        return Outcome(
            notebook=self._notebook,
            status=status,
            seconds=round(time.monotonic() - self._began, 2),
            minutes=self.minutes,
            output=self._output,
            log=self._log,
            message=message,
            failure=failure,
        )

    def _prepare(self) -> Path:
        """Clear what an earlier run left, and give the working directory.

        A notebook of the course runs in a copy of its folder, so that the checkout stays as it is.
        """
        for path in (self._output, self._log):
            path.unlink(missing_ok=True)
        shutil.rmtree(self._work, ignore_errors=True)
        self._work.mkdir(parents=True)
        if self._notebook.kind == "file":
            return self._notebook.path.resolve().parent
        directory = self._work / "notebook"
        shutil.copytree(self._notebook.path.parent, directory, ignore=_NOT_COPIED)
        return directory

    async def _execute(self, command: Sequence[str], directory: Path, log: IO[bytes], watch: Watch) -> Outcome:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env=self._environment(),
            start_new_session=True,
            limit=_LONGEST_EVENT,
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps(asdict(self._job(directory))).encode())
        process.stdin.close()
        try:
            async with asyncio.timeout(_START_S) as limit:
                outcome = await self._follow(process, limit, watch)
                await process.wait()
                return outcome or self._broke_off(process.returncode)
        except TimeoutError:
            if self._at is None:
                return self.ended("timeout", f"its first cell had not begun after {_START_S} s")
            message = f"it did not stop when it was interrupted after {self._timeout_s:.0f} s, and was killed"
            return self.ended("timeout", message, self._where())
        finally:
            if process.returncode is None:
                end_tree(process.pid)
                await process.wait()
            if self._box is not None:
                await asyncio.to_thread(self._box.remove)

    async def _follow(
        self, process: asyncio.subprocess.Process, limit: asyncio.Timeout, watch: Watch
    ) -> Outcome | None:
        """Read events to the end; None when the last word is missing. Its time begins with its first cell."""
        assert process.stdout is not None
        outcome = None
        async for line in process.stdout:
            event = json.loads(line)
            if event["event"] == "cell":
                if self._at is None:
                    limit.reschedule(asyncio.get_running_loop().time() + self._timeout_s + self._settings.grace_s)
                self._at = event
                watch(Progress(notebook=self._notebook, cell=event["cell"], done=event["index"], cells=event["cells"]))
            else:
                failure = CellFailure(**event["failure"]) if event["failure"] else None
                outcome = replace(self.ended(event["status"], event["message"], failure), device=event["device"])
        return outcome

    def _broke_off(self, returncode: int | None) -> Outcome:
        how = f"signal {-returncode}" if returncode is not None and returncode < 0 else f"exit code {returncode}"
        return self.ended("died", f"the executing process ended with {how}; its log says why", self._where())

    def _where(self) -> CellFailure | None:
        """The cell that was started last, when the executing process cannot tell any more."""
        if self._at is None:
            return None
        from coursekit.errors import NotebookError
        from coursekit.notebooks.document import read_document

        try:
            source = read_document(self._output).cells[self._at["index"]].source
        except (NotebookError, IndexError):
            source = ""
        return CellFailure(cell=self._at["cell"], index=self._at["index"], source=source)

    def _job(self, directory: Path) -> Job:
        return Job(
            source=str(self._notebook.path.resolve()),
            output=str(self._output),
            directory=str(directory),
            parameters=self._parameters,
            timeout_s=self._timeout_s,
            parent=PARENT if self._box else os.getpid(),
        )

    def _environment(self) -> dict[str, str]:
        """A run directory of its own keeps the clusters of notebooks that run at once apart."""
        own = {"COURSEKIT_LINGER_S": "0", "COURSEKIT_RUN": str(self._work / "run")}
        engine = {"COURSEKIT_ENGINE": self._settings.engine} if self._settings.engine else {}
        root = {} if self._settings.root is None else {"COURSEKIT_ROOT": str(self._settings.root)}
        return {**os.environ, **own, **root, **engine}


def _copied(folder: Path) -> list[Path]:
    """Give the files that a notebook of the course finds in its working directory."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    ignored = [(path, path.relative_to(folder).parts) for path in files]
    return [path for path, parts in ignored if not any(_NOT_COPIED(str(folder), [part]) for part in parts)]


def _file_names(notebooks: Sequence[Notebook]) -> list[str]:
    """Give each notebook a file name of its own."""
    names: list[str] = []
    for notebook in notebooks:
        base = name = notebook.name.replace("/", "-")
        number = 1
        while name in names:
            number += 1
            name = f"{base}-{number}"
        names.append(name)
    return names
