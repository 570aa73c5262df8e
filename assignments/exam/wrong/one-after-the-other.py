# ruff: noqa
# score: 3
# why: all repeats of one executor and then all of two, the first run counted; errors are forgotten in the findings and in the comparison; parts 1 to 5 are not attempted
# %% exam-times-solution
times = {}
for name, job in (("forest", forest), ("descent", descent)):
    times[name] = {}
    for p in range(1, executors + 1):
        times[name][p] = []
        for _ in range(5):
            begin = time.perf_counter()
            job(p)
            times[name][p].append(time.perf_counter() - begin)


# %% exam-findings-solution
def findings_of(times):
    mean = {p: statistics.fmean(seconds) for p, seconds in times.items()}
    most = max(times)
    gain = mean[1] / mean[most]
    serial = (1 / gain - 1 / most) / (1 - 1 / most)
    return {
        "executors": most,
        "speedup": gain,
        "speedup_error": 0,
        "efficiency": gain / most,
        "serial": serial,
        "serial_error": 0,
    }


def compare(first, second):
    return "first" if first["speedup"] > second["speedup"] else "second"


def executors_for(times, deadline, limit):
    return math.ceil(statistics.fmean(times[1]) / deadline)


# %% exam-conclusion-solution
conclusion = {name: findings_of(each) for name, each in times.items()}
conclusion["better"] = "descent" if conclusion["descent"]["speedup"] > conclusion["forest"]["speedup"] else "forest"
