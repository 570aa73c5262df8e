"""One notebook's execution, in a process or a container of its own.

What goes wrong before the first cell begins is not the notebook's doing: no image, no daemon, a port that was taken, a
kernel that did not come up. That is tried again. From the first cell on, everything counts.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

from coursekit.errors import EngineError
from coursekit.notebooks.catalog import Notebook
from coursekit.notebooks.containers import ENGINES, PARENT, Box, make_box, runs_on_image
from coursekit.notebooks.contract import Contract
from coursekit.notebooks.execute import KERNEL_START_S, Job
from coursekit.notebooks.executed import cell_seconds, cell_sources
from coursekit.notebooks.judge import Allowance, judge
from coursekit.notebooks.kept import environment, keep, key_of, read_kept
from coursekit.notebooks.outcome import CellFailure, Outcome, Status
from coursekit.notebooks.processes import end_tree
from coursekit.notebooks.settings import RunSettings

# A contract's minutes are those of two idle cores; a notebook is stopped when it takes several times as long.
_TIMEOUT_FACTOR: Final = 5
_SHORTEST_TIMEOUT_S: Final = 180.0
_MEMORY_FACTOR: Final = 2
_START_S: Final = KERNEL_START_S + 60  # the kernel's own limit comes first, and says more
_WAITS_S: Final = (2.0, 10.0)  # before it is tried again
_LONGEST_EVENT: Final = 64 * 1024 * 1024
# -P: a module in the working directory shadows nothing
_HERE: Final = (sys.executable, "-P", "-m", "coursekit.notebooks.execute")
_NOT_COPIED: Final = shutil.ignore_patterns("*.ipynb", ".*", "wrong", "right", "__pycache__")


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


class Attempt:
    """One notebook's execution.

    Parameters
    ----------
    notebook, contract : Notebook, Contract
        Which, and what it needs.
    settings : RunSettings
        How it is executed.
    name : str
        What its files are called.
    allowance : Allowance
        What it may take.
    """

    def __init__(
        self, notebook: Notebook, contract: Contract, settings: RunSettings, name: str, allowance: Allowance
    ) -> None:
        self.notebook = notebook
        self._settings = settings
        self._allowance = allowance
        self._parameters = contract.parameters_at(settings.size)
        self.minutes = contract.minutes_at(settings.size)
        self._timeout_s = settings.timeout_s or max(_SHORTEST_TIMEOUT_S, 60 * self.minutes * _TIMEOUT_FACTOR)
        self._output = (settings.out / f"{name}.ipynb").resolve()
        self._log = self._output.with_suffix(".log")
        self._work = (settings.out / "work" / name).resolve()
        self.contract = contract
        self._box: Box | None = None
        self._began: float | None = None
        self._at: dict[str, Any] | None = None
        self._record = self._output.with_suffix(".kept.json")
        self.outcome: Outcome | None = None

    async def run(self, watch: Watch) -> None:
        """Execute it, unless an earlier execution still holds, and note the outcome."""
        self._began = time.monotonic()
        watch(Progress(notebook=self.notebook))
        key = await asyncio.to_thread(self._key)
        kept = None if self._settings.fresh else read_kept(self._record, self._output, key)
        if kept is not None:
            passed = self.ended("passed")
            self.outcome = replace(passed, seconds=kept.seconds, memory=kept.memory, kept=kept.when, device=kept.device)
        else:
            self._record.unlink(missing_ok=True)
            self._log.unlink(missing_ok=True)
            done = await self._try_until_it_starts(watch)
            self.outcome = done = judge(done, self._allowance, cell_seconds(self._output))
            if done.has_passed:
                keep(
                    self._record,
                    self._output,
                    key,
                    seconds=done.seconds,
                    memory=done.memory,
                    when=datetime.now(UTC).isoformat(timespec="seconds"),
                    device=done.device,
                )
        watch(Progress(notebook=self.notebook, outcome=self.outcome))

    async def _try_until_it_starts(self, watch: Watch) -> Outcome:
        tries = 1
        while (outcome := await self._attempt(watch)).status == "unavailable" and tries <= len(_WAITS_S):
            await asyncio.sleep(_WAITS_S[tries - 1])
            tries += 1
        return replace(outcome, tries=tries)

    async def _attempt(self, watch: Watch) -> Outcome:
        self._began, self._at = time.monotonic(), None
        directory = self._prepare()
        if self._settings.engine in ENGINES:
            self._box = make_box(
                self._settings.engine,
                self.contract,
                self._output.stem,
                device=self._settings.device,
                writable=(self._output.parent, self._work),
                readable=self.notebook.path.resolve().parent,
            )
        with self._log.open("ab") as log:
            try:
                command = await asyncio.to_thread(self._box.prepare) if self._box else _HERE
            except EngineError as error:
                return self.ended("unavailable", error.message)
            outcome = await self._execute(command, directory, log, watch)
        if self._at is None and outcome.status in ("died", "timeout"):
            outcome = replace(outcome, status="unavailable", message=f"{outcome.message}{self._last_words()}")
        if outcome.has_passed:
            shutil.rmtree(self._work, ignore_errors=True)
        return outcome

    def _key(self) -> str:
        folder = self.notebook.path.parent
        engine, device = self._settings.engine, self._settings.device
        runs_on = runs_on_image(engine, self.contract.runtime, device) if engine in ENGINES else environment()
        is_file = self.notebook.kind == "file"
        return key_of(
            self.notebook,
            parameters=self._parameters,
            runs_on=f"{engine or os.environ.get('COURSEKIT_ENGINE', '')}:{runs_on}",
            beside=() if is_file else _copied(folder),
        )

    def ended(self, status: Status, message: str = "", failure: CellFailure | None = None) -> Outcome:
        """Give the outcome as of now."""
        return Outcome(
            notebook=self.notebook,
            status=status,
            seconds=0.0 if self._began is None else round(time.monotonic() - self._began, 2),
            minutes=self.minutes,
            memory=self._at["memory"] if self._at else 0,
            planned_memory=self.contract.notebook_memory,
            output=self._output,
            log=self._log,
            message=message,
            failure=failure,
        )

    def _prepare(self) -> Path:
        """Clear what an earlier run left, and give the working directory.

        A notebook of the course runs in a copy of its folder, so that the checkout stays as it is.
        """
        self._output.unlink(missing_ok=True)
        shutil.rmtree(self._work, ignore_errors=True)
        self._work.mkdir(parents=True)
        if self.notebook.kind == "file":
            return self.notebook.path.resolve().parent
        directory = self._work / "notebook"
        shutil.copytree(self.notebook.path.parent, directory, ignore=_NOT_COPIED)
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
                await asyncio.to_thread(self._remove, self._box, log)

    @staticmethod
    def _remove(box: Box, log: IO[bytes]) -> None:
        """Remove the container; a daemon that no longer answers ends no other notebook's run."""
        try:
            box.remove()
        except EngineError as error:
            log.write(f"{error.message}\n".encode())

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
                watch(Progress(notebook=self.notebook, cell=event["cell"], done=event["index"], cells=event["cells"]))
            else:
                failure = CellFailure(**event["failure"]) if event["failure"] else None
                ended = self.ended(event["status"], event["message"], failure)
                outcome = replace(ended, device=event["device"], memory=event["memory"])
        return outcome

    def _broke_off(self, returncode: int | None) -> Outcome:
        how = f"signal {-returncode}" if returncode is not None and returncode < 0 else f"exit code {returncode}"
        return self.ended("died", f"the executing process ended with {how}; its log says why", self._where())

    def _last_words(self) -> str:
        """The end of its log, which is all there is when it never began."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").split("\n") if self._log.exists() else []
        said = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f": {said}" if said else ""

    def _where(self) -> CellFailure | None:
        """The cell that was started last, when the executing process cannot tell any more."""
        if self._at is None:
            return None
        cell = self._at["cell"]
        return CellFailure(cell=cell, index=self._at["index"], source=cell_sources(self._output).get(cell, ""))

    def _job(self, directory: Path) -> Job:
        return Job(
            source=str(self.notebook.path.resolve()),
            output=str(self._output),
            directory=str(directory),
            parameters=self._parameters,
            timeout_s=self._timeout_s,
            parent=PARENT if self._box else os.getpid(),
            memory_limit=_MEMORY_FACTOR * self._allowance.memory,
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
