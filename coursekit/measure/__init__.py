"""How a job scales: timed over 1 to N workers or batch sizes, with models of it and their uncertainties.

scaling = measure_scaling(train, workers=(1, 2, 4), repeats=3)
scaling.amdahl().parameters["serial share"]
scaling.plot()
"""

from coursekit.measure.fits import Estimate, Model
from coursekit.measure.plots import draw_scaling, draw_throughput
from coursekit.measure.scaling import Scaling, measure_scaling
from coursekit.measure.throughput import attainable_flops, dense_step, measure_throughput

__all__ = [
    "Estimate",
    "Model",
    "Scaling",
    "attainable_flops",
    "dense_step",
    "draw_scaling",
    "draw_throughput",
    "measure_scaling",
    "measure_throughput",
]
