"""A classifier that writes down what it is fitted to: with it tests see whether something leaks into the training.

It is written here and not in a test for the reason that `coursekit.grading.machine` gives.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

fits: list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]] = []
"""Features, shape (events, features), and labels, shape (events,), of each fit of a spy, in order."""


class Spy(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier of two classes, 0 and 1, that learns nothing; an event's score is the sum of its features."""

    def fit(self, features: Any, labels: Any) -> Spy:
        """Write down what there is to learn from."""
        fits.append((np.array(features), np.array(labels)))
        self.classes_ = np.array([0, 1])
        return self

    def predict_proba(self, features: Any) -> np.ndarray[Any, Any]:
        """Give the probabilities of both classes, shape (events, 2): the logistic function of the sum."""
        high = 1 / (1 + np.exp(-np.asarray(features).sum(axis=1)))
        return np.stack([1 - high, high], axis=1)

    def predict(self, features: Any) -> np.ndarray[Any, Any]:
        """Give the more probable class, shape (events,)."""
        return np.asarray(self.predict_proba(features)[:, 1] > 0.5, dtype=int)
