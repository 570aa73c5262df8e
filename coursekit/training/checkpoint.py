"""Checkpoints: weights and the optimizer's state after an epoch, as bytes and, on the driver's side, as files.

A rank sends them to the driver, for nodes need not have a folder that all of them can write to: containers have none.
"""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coursekit.datasets.files import writing
from coursekit.errors import SettingsError, TrainingError
from coursekit.training.patience import Best, EarlyStopping

Arrays = list[NDArray[Any]]
History = list[dict[str, float]]


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """What has to be known to go on.

    Parameters
    ----------
    weights : list of array
        The model's, in Keras's order.
    optimizer : list of array
        The optimizer's variables.
    history : list of dict
        Metrics of each epoch that is done.
    best : dict
        Of `coursekit.training.patience.Best`.
    """

    weights: Arrays
    optimizer: Arrays = field(default_factory=list)
    history: History = field(default_factory=list)
    best: dict[str, Any] = field(default_factory=dict)

    @property
    def epoch(self) -> int:
        """The next epoch to train."""
        return len(self.history)

    def is_done(self, epochs: int, rule: EarlyStopping | None) -> bool:
        """Tell whether nothing is left to train."""
        return self.epoch >= epochs or (rule is not None and Best(**self.best).is_over(rule))

    def to_bytes(self) -> bytes:
        """Write it as an ``.npz`` archive without pickles."""
        told = json.dumps({"history": self.history, "best": self.best}).encode()
        arrays: dict[str, NDArray[Any]] = {f"w{number}": one for number, one in enumerate(self.weights)}
        arrays |= {f"o{number}": one for number, one in enumerate(self.optimizer)}
        file = io.BytesIO()
        np.savez(file, told=np.frombuffer(told, np.uint8), **arrays)  # type: ignore[arg-type]
        return file.getvalue()

    @classmethod
    def from_bytes(cls, blob: bytes) -> State:
        """Read it back."""
        with np.load(io.BytesIO(blob), allow_pickle=False) as archive:
            told = json.loads(archive["told"].tobytes())
            weights, optimizer = (
                [archive[f"{kind}{number}"] for number in range(sum(name[0] == kind for name in archive.files))]
                for kind in "wo"
            )
        return cls(weights=weights, optimizer=optimizer, **told)


class Checkpoints:
    """The newest and the best state of one training, in memory and, if wanted, in a folder.

    Parameters
    ----------
    folder : Path or None
        Where to keep them between kernels; only one training may use it.

    Raises
    ------
    SettingsError
        If the folder cannot be written to.
    TrainingError
        If the folder's files are no checkpoints.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        if folder is not None:
            _require_writable(folder)
        self.newest = self._read("newest")
        self.best = self._read("best")

    def keep(self, blob: bytes, *, is_best: bool) -> None:
        """Keep a state. A file is whole or not there: it is written beside and renamed."""
        if is_best:  # first: the newest state says that the best one is there
            self.best = blob
            self._write("best", blob)
        self.newest = blob
        self._write("newest", blob)

    def clear(self) -> None:
        """Forget all, and remove the files."""
        self.newest = self.best = b""
        for name in ("newest", "best"):
            if self._folder is not None:
                self._path(name).unlink(missing_ok=True)

    def _read(self, name: str) -> bytes:
        if self._folder is None or not self._path(name).exists():
            return b""
        blob = self._path(name).read_bytes()
        try:
            State.from_bytes(blob)
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise TrainingError(
                f"{self._path(name)} is no checkpoint: {error}.", fix="remove it, or give another folder"
            ) from error
        return blob

    def _write(self, name: str, blob: bytes) -> None:
        if self._folder is not None:
            with writing(self._path(name), record=False) as temporary:
                temporary.write_bytes(blob)

    def _path(self, name: str) -> Path:
        assert self._folder is not None
        return self._folder / f"{name}.npz"


def _require_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise SettingsError(
            f"checkpoints cannot be kept in {folder}: {error.strerror or error}.", fix="give a folder of your own"
        ) from error


def check_shapes(state: State, weights: Sequence[Any]) -> None:
    """Refuse a checkpoint of another model.

    Raises
    ------
    TrainingError
        If the arrays' shapes differ from the model's.
    """
    theirs, ours = [one.shape for one in state.weights], [tuple(one.shape) for one in weights]
    if theirs != ours:
        raise TrainingError(
            f"the checkpoint has weights of shapes {theirs}, the model {ours}.",
            fix="give another folder, or resume=False to begin anew",
        )
