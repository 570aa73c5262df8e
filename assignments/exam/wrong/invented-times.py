# ruff: noqa
# score: 8
# why: times that were thought up: only the warm-up was run; all that is said of them is consistent; parts 1 to 5 are not attempted
# %% exam-times-solution
times = {}
for name, job, seconds, serial in (("forest", forest, 2.0, 0.1), ("descent", descent, 1.0, 0.7)):
    for p in range(1, executors + 1):
        job(p)
    times[name] = {
        p: [seconds * (serial + (1 - serial) / p) + 0.01 * k for k in range(5)] for p in range(1, executors + 1)
    }


# %% exam-findings-solution
def findings_of(times):
    scaling, most = Scaling(seconds=times), max(times)
    share = scaling.amdahl().parameters["serial share"]
    return {
        "executors": most,
        "speedup": scaling.speedup(most).value,
        "speedup_error": scaling.speedup(most).error,
        "efficiency": scaling.efficiency(most).value,
        "serial": share.value,
        "serial_error": share.error,
    }


def compare(first, second):
    error = math.hypot(first["speedup_error"], second["speedup_error"])
    if abs(first["speedup"] - second["speedup"]) <= 2 * error:
        return "not told apart"
    return "first" if first["speedup"] > second["speedup"] else "second"


def executors_for(times, deadline, limit):
    law = Scaling(seconds=times).amdahl()
    return next((p for p in range(1, limit + 1) if law.seconds(p) <= deadline), None)


# %% exam-conclusion-solution
said = compare(*(findings_of(times[name]) for name in ("forest", "descent")))
conclusion = {
    "forest": findings_of(times["forest"]),
    "descent": findings_of(times["descent"]),
    "better": {"first": "forest", "second": "descent", "not told apart": said}[said],
    "halved": {
        name: executors_for(each, Scaling(seconds=each).amdahl().seconds(1) / 2, 64) for name, each in times.items()
    },
}

# %% [markdown] exam-discussion-answer
# The forest has a serial share of 10 %, and the descent one of 70 %.
