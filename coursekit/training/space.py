"""Which values a search tries: pure, and the same for a seed wherever the trials run."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from coursekit.errors import SettingsError

Values = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Uniform:
    """Any number from ``low`` to ``high``: all equally likely, or, with ``log``, all orders of magnitude.

    Parameters
    ----------
    low, high : float
        The ends; above 0 with ``log``.
    log : bool
        Draw the logarithm uniformly.
    whole : bool
        Round to whole numbers.

    Raises
    ------
    SettingsError
        If the ends cannot be.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise SettingsError(
                f"nothing can be drawn from {self.low:g} to {self.high:g}{' with log' if self.log else ''}.",
                fix="give low < high, and low > 0 with log=True",
            )

    def draw(self, random: np.random.Generator) -> float | int:
        """Draw a value."""
        if self.log:
            value = math.exp(random.uniform(math.log(self.low), math.log(self.high)))
        else:
            value = random.uniform(self.low, self.high)
        return round(value) if self.whole else value


def grid(space: Values) -> list[dict[str, Any]]:
    """Give every combination, the last name's values changing fastest.

    Raises
    ------
    SettingsError
        If a value is not one of a list.
    """
    _check(space)
    for name, choices in space.items():
        if isinstance(choices, Uniform):
            raise SettingsError(
                f"{name} is a range, and a grid needs values.", fix=f'give a list for {name}, or use method="random"'
            )
    return [dict(zip(space, values, strict=True)) for values in itertools.product(*space.values())]


def draw(space: Values, trials: int, seed: int) -> list[dict[str, Any]]:
    """Draw combinations at random; trial ``n`` is the same however many others there are."""
    _check(space)
    return [_draw_one(space, np.random.default_rng([seed, number])) for number in range(trials)]


def seeds(trials: int, seed: int) -> list[int]:
    """Give a seed for each trial, 0 to 2**32 - 1."""
    return [int(np.random.SeedSequence([seed, number, 1]).generate_state(1)[0]) for number in range(trials)]


def _draw_one(space: Values, random: np.random.Generator) -> dict[str, Any]:
    return {
        name: choices.draw(random) if isinstance(choices, Uniform) else choices[int(random.integers(len(choices)))]
        for name, choices in space.items()
    }


def _check(space: Values) -> None:
    if not space:
        raise SettingsError("space = {} has nothing to search.", fix='give lists or ranges: {"depth": [3, 5, 8]}')
    for name, choices in space.items():
        is_list = isinstance(choices, Sequence) and not isinstance(choices, str)
        if not isinstance(choices, Uniform) and not (is_list and choices):
            raise SettingsError(f"{name} = {choices!r} is nothing to choose from.", fix="give a list, or Uniform(...)")
