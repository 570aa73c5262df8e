"""How a job scales, timed over 1 to N workers or batch sizes; how well a score separates. All with uncertainties.

scaling = measure_scaling(train, workers=(1, 2, 4), repeats=3)
scaling.amdahl().parameters["serial share"]
draw_scaling(scaling)
auc(labels, scores)
"""

from coursekit.measure.classification import Roc, auc, auc_error, roc, significance
from coursekit.measure.fits import Estimate, Model
from coursekit.measure.plots import draw_roc, draw_scaling, draw_throughput
from coursekit.measure.scaling import Scaling, measure_scaling
from coursekit.measure.throughput import attainable_flops, dense_step, measure_throughput

__all__ = [
    "Estimate",
    "Model",
    "Roc",
    "Scaling",
    "attainable_flops",
    "auc",
    "auc_error",
    "dense_step",
    "draw_roc",
    "draw_scaling",
    "draw_throughput",
    "measure_scaling",
    "measure_throughput",
    "roc",
    "significance",
]
