"""Linear fits by least squares, with the errors of what follows from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Numbers = np.ndarray[Any, np.dtype[np.floating[Any]]]
Term = Callable[[Numbers], Numbers]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and its standard error."""

    value: float
    error: float

    def __str__(self) -> str:
        return f"{self.value:.3g} \N{PLUS-MINUS SIGN} {self.error:.1g}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """A model of how the time falls with the number of workers.

    Parameters
    ----------
    name : str
        ``"Amdahl"``, ...
    parameters : mapping of str to Estimate
        What was fitted.
    seconds : callable
        Predicts the time, s, of a number of workers.
    residual_s : float
        Standard deviation of what the model does not explain, s; 0 where there are no more times than parameters.
    """

    name: str
    parameters: Mapping[str, Estimate]
    seconds: Callable[[float], float]
    residual_s: float

    def speedup(self, workers: float) -> float:
        """Predict the speed-up over one worker."""
        return self.seconds(1) / self.seconds(workers)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """Coefficients of the terms of a sum, and their covariance."""

    terms: Sequence[Term]
    values: Numbers
    covariance: Numbers
    residual_s: float

    def coefficient(self, index: int) -> Estimate:
        """Give one coefficient."""
        return Estimate(float(self.values[index]), float(self.covariance[index, index]) ** 0.5)

    def function(self, value: float, gradient: Numbers) -> Estimate:
        """Give a function of the coefficients with its error, to first order."""
        return Estimate(float(value), float(gradient @ self.covariance @ gradient) ** 0.5)

    def model(self, name: str, parameters: Mapping[str, Estimate]) -> Model:
        """Give the fit as a model."""

        def seconds(workers: float) -> float:
            n = np.array([float(workers)])
            return float(sum(value * term(n)[0] for value, term in zip(self.values, self.terms, strict=True)))

        return Model(name=name, parameters=parameters, seconds=seconds, residual_s=self.residual_s)


def fit_terms(n: Numbers, seconds: Numbers, terms: Sequence[Term]) -> Fit:
    """Fit a sum of terms of ``n`` to times, s; without times to spare the errors are not known, and 0."""
    design = np.stack([term(n) for term in terms], axis=1)
    values, *_ = np.linalg.lstsq(design, seconds, rcond=None)
    spare = len(seconds) - len(terms)
    variance = float(np.sum((seconds - design @ values) ** 2) / spare) if spare else 0.0
    covariance = variance * np.linalg.inv(design.T @ design)
    return Fit(terms=terms, values=values, covariance=covariance, residual_s=variance**0.5)
