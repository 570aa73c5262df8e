"""The driver's side of a run: ranks report to it, leave their checkpoints with it, and fetch them again.

It is asked over TCP by processes that know the run's secret (`coursekit.training.wire`). A barrier stage that is run
again is another *attempt*: what a rank of an older one still has to say is not heard.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import threading
from dataclasses import dataclass, field
from typing import Final

from coursekit.errors import DatasetError, PeerLostError
from coursekit.training.checkpoint import Checkpoints, History, State
from coursekit.training.wire import Message, receive, send, welcome

BLOB_MAX: Final = 8 * 1024**3
_GREETING_S: Final = 10.0
_REASON_S: Final = 3.0


@dataclass(kw_only=True)
class Standing:
    """How a run stands, as the notebook shows it.

    Parameters
    ----------
    history : list of dict
        Metrics of the epochs that are done, of all ranks together.
    step, steps : int
        Batches done in this epoch, and of how many.
    loss : float or None
        Of this epoch so far, on rank 0's rows.
    rows_per_s : float
        Of all ranks.
    ranks : int
        That train now.
    notes : list of str
        What was out of the ordinary.
    """

    history: History = field(default_factory=list)
    epochs: int = 0
    step: int = 0
    steps: int = 0
    loss: float | None = None
    rows_per_s: float = 0.0
    ranks: int = 0
    resumes: int = 0
    notes: list[str] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)


class Coordinator:
    """Listens to the ranks of one run; use it in a ``with`` block.

    Parameters
    ----------
    host : str
        The address that ranks find the driver at.
    checkpoints : Checkpoints
        Where states are kept.
    epochs : int
        To train.
    """

    def __init__(self, host: str, checkpoints: Checkpoints, *, epochs: int) -> None:
        self.secret = secrets.token_bytes(32)
        self.standing = Standing(epochs=epochs)
        self.error = self.fix = self.trace = ""
        self._checkpoints = checkpoints
        self._attempt = -1
        self._connected = 0
        self._closed = False
        self._lock = threading.Lock()
        self._failed = threading.Event()
        self._listener = socket.create_server((host, 0))
        self.address: tuple[str, int] = (host, self._listener.getsockname()[1])

    def __enter__(self) -> Coordinator:
        threading.Thread(target=self._accept, name="coursekit-training", daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._closed = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        """Answer one rank until it leaves."""
        with contextlib.suppress(PeerLostError), peer:
            rank, attempt = map(int, welcome(peer, self.secret, timeout_s=_GREETING_S).split())
            peer.settimeout(None)  # a rank that is slow is not gone; when its process ends, so does the connection
            if not self._enter(attempt):
                return
            try:
                while not self._closed and attempt == self._attempt:
                    message, blob = receive(peer, blob_max=BLOB_MAX)
                    self._hear(peer, rank, attempt, message, blob)
            finally:
                with self._lock:
                    self._connected -= attempt == self._attempt

    def _enter(self, attempt: int) -> bool:
        """Count a rank; the first one of another attempt makes the run begin again from its last checkpoint."""
        with self._lock:
            if attempt < self._attempt:
                return False
            if attempt > self._attempt:
                self._begin(is_first=self._attempt < 0)
                self._attempt = attempt
            self._connected += 1
            return True

    def _begin(self, *, is_first: bool) -> None:
        now = self.standing
        lost_in, self._connected = len(now.history), 0
        newest = self._checkpoints.newest
        now.history = State.from_bytes(newest).history if newest else []
        now.step, now.loss, now.devices, now.ranks = 0, None, [], 0
        if not is_first:
            now.resumes += 1
            done = len(now.history)
            start = f"goes on after epoch {done}, its last checkpoint" if done else "begins again: no epoch was done"
            now.notes.append(f"A rank was lost in epoch {lost_in + 1}; training {start}.")

    def _hear(self, peer: socket.socket, rank: int, attempt: int, message: Message, blob: bytes) -> None:
        if attempt != self._attempt:
            return
        kind = message.pop("kind")
        if kind == "ask":
            send(peer, {}, self._checkpoints.newest)
        elif kind == "failed":
            self._fail(f"on rank {rank}: {message['error']}", message["fix"], message["trace"])
        elif kind == "lost":  # was it because another rank's program failed? Then there is no use in trying again.
            send(peer, {"stop": self._failed.wait(_REASON_S)})
        elif kind == "epoch":
            try:
                self._keep(attempt, message, blob)
            except DatasetError as error:  # the folder's disk is full: the same would happen again
                self._fail(error.message, error.fix, "")
            send(peer, {"error": self.error})
        else:
            self._note(kind, message)

    def _fail(self, error: str, fix: str, trace: str) -> None:
        with self._lock:
            if not self.error:
                self.error, self.fix, self.trace = error, fix, trace
        self._failed.set()

    def _keep(self, attempt: int, message: Message, blob: bytes) -> None:
        with self._lock:
            if attempt != self._attempt:
                return
            if blob:
                self._checkpoints.keep(blob, is_best=message["is_best"])
            self.standing.history = [*self.standing.history, message["logs"]]
            self.standing.rows_per_s = message["rows_per_s"]
            self.standing.step, self.standing.loss = 0, None

    def _note(self, kind: str, message: Message) -> None:
        now = self.standing
        with self._lock:
            if kind == "ready":
                now.devices.append(message["device"])
                now.ranks = len(now.devices)
            elif kind == "step":
                now.step, now.steps = message["step"], message["steps"]
                now.loss, now.rows_per_s = message["loss"], message["rows_per_s"]

    @property
    def connected(self) -> int:
        """Ranks of this attempt that are there."""
        return self._connected


class Driver:
    """A rank's connection to the coordinator.

    Parameters
    ----------
    peer : socket
        From `coursekit.training.wire.connect`, under the name ``"<rank> <attempt>"``.
    """

    def __init__(self, peer: socket.socket) -> None:
        self._peer = peer

    def ask_checkpoint(self) -> State | None:
        """Give the state to go on from; None to begin."""
        send(self._peer, {"kind": "ask"})
        _, blob = receive(self._peer, blob_max=BLOB_MAX)
        return State.from_bytes(blob) if blob else None

    def tell(self, kind: str, **message: object) -> None:
        """Report something that needs no answer."""
        send(self._peer, {"kind": kind, **message})

    def finish_epoch(self, blob: bytes, **message: object) -> None:
        """Report an epoch, with its state if it is to be kept; returns when the driver has it."""
        send(self._peer, {"kind": "epoch", **message}, blob)
        answer, _ = receive(self._peer, blob_max=0)
        if answer["error"]:
            raise PeerLostError(f"the driver could not keep the state: {answer['error']}", fix="see to its disk")

    def should_stop(self) -> bool:
        """Ask, after a neighbour was lost, whether that was because its program failed."""
        send(self._peer, {"kind": "lost"})
        return bool(receive(self._peer, blob_max=0)[0]["stop"])

    def close(self) -> None:
        """Leave."""
        self._peer.close()
