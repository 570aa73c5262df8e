"""Training on the executors of a cluster: data-parallel Keras, and searches for hyper-parameters."""

from coursekit.training.fit import fit_on_executors
from coursekit.training.patience import EarlyStopping
from coursekit.training.result import FitResult
from coursekit.training.search import SearchResult, search_on_executors
from coursekit.training.space import Uniform

__all__ = ["EarlyStopping", "FitResult", "SearchResult", "Uniform", "fit_on_executors", "search_on_executors"]
