"""When to stop: training that no longer gets better. Pure; every rank decides the same from the same figures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class EarlyStopping:
    """Stop when a metric has not become better for some epochs, and take the weights of the best one.

    Parameters
    ----------
    monitor : str
        Which metric, as Keras names it in its history.
    patience : int
        Epochs without progress after which to stop, at least 1.
    min_delta : float
        A change by less is no progress, in the metric's unit.
    mode : {"min", "max"}
        Whether small or large values are good.
    """

    monitor: str = "val_loss"
    patience: int = 3
    min_delta: float = 0.0
    mode: Literal["min", "max"] = "min"


@dataclass(frozen=True, kw_only=True, slots=True)
class Best:
    """The best epoch so far.

    Parameters
    ----------
    epoch : int or None
        Its number, the first being 0; None before the first.
    value : float
        The metric then.
    waited : int
        Epochs since.
    """

    epoch: int | None = None
    value: float = float("nan")
    waited: int = 0

    def after(self, epoch: int, value: float, rule: EarlyStopping) -> Best:
        """Give what is best after another epoch. What is not a number is never better."""
        gain = self.value - value if rule.mode == "min" else value - self.value
        if value == value and (self.epoch is None or gain > rule.min_delta):
            return Best(epoch=epoch, value=value)
        return replace(self, waited=self.waited + 1)

    def is_over(self, rule: EarlyStopping) -> bool:
        """Tell whether patience has ended."""
        return self.waited >= rule.patience

    def as_json(self) -> dict[str, Any]:
        """Give plain values; `Best(**values)` is the way back."""
        return {"epoch": self.epoch, "value": self.value, "waited": self.waited}
