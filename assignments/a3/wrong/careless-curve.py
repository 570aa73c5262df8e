# ruff: noqa
# score: 28
# why: three repeats, an environment without the system, and findings that are of another number of workers
# others: reference
# %% a3-curve-solution
curve = measure(archive, [1, 2, 4], 3, time.perf_counter)
environment = {"cores": usable_cores(), "python": "3", "blocks": blocks, "measured": "today"}
findings = {
    "workers": 2,
    "seconds": curve[1][0],
    "speedup": curve[1][0] / curve[2][0],
    "efficiency": curve[1][0] / curve[2][0],
}
