"""The HIGGS-like generator beside plain random numbers, and its events beside what is published of the public set.

Three questions in one run:

- How long does a row take, beside as many normal random numbers as it has columns from plain numpy?
- Do the 28 columns look right: ranges, the masses at which signal and background peak, correlations? (Jets radiate some
  of their energy out of their cones, so masses made of jets peak some per cent below the particle's own.)
- Do models find them as difficult as the public events? For the public set, boosted trees and a shallow network (one
  hidden layer of 300) do worst with the low-level columns alone, better with the high-level ones and best with all; a
  deep network, trained on ten million events, does better with the low-level columns than with the high-level ones
  (P. Baldi, P. Sadowski, D. Whiteson, Nat. Commun. 5, 4308 (2014), arXiv:1402.4735, Table 1). Orders are compared and
  no AUC, for the simulation is another one.

Examples
--------
    python benchmarks/generator.py
    python benchmarks/generator.py --rows 1000000 --hidden 300 300 300 300 --epochs 20 --figure columns.png
    python benchmarks/generator.py --rows 20000 --test-rows 20000 --epochs 0 --json      # no network, half a minute
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import sklearn
from sklearn.ensemble import HistGradientBoostingClassifier

from coursekit.datasets import higgs
from coursekit.measure import Estimate, auc

SETS = {"low": list(higgs.LOW_LEVEL), "high": list(higgs.HIGH_LEVEL), "all": list(higgs.FEATURES)}
# Where a particle's mass should show, GeV: which class, and what decays.
PEAKS = {
    "m_jj": (80.4, "both", "W boson to two jets"),
    "m_lv": (80.4, "both", "W boson to a lepton and a neutrino"),
    "m_jjj": (173.0, "background", "top quark to three jets"),
    "m_jlv": (173.0, "background", "top quark to a jet, a lepton and a neutrino"),
    "m_bb": (125.0, "signal", "light Higgs boson to two b jets"),
    "m_wbb": (325.0, "signal", "charged Higgs boson to a W and two b jets"),
    "m_wwbb": (425.0, "signal", "heavy Higgs boson to everything"),
}
BIN_GEV = 5.0
SHALLOW = [300]  # as published
# Which columns serve each model worse than which others, as published.
ORDERS = (
    *(("trees", "low", "high"), ("trees", "high", "all")),
    *(("shallow network", "low", "high"), ("shallow network", "high", "all")),
    *(("deep network", "high", "low"), ("deep network", "low", "all")),
)


def draw(rows: int, seed: int) -> tuple[pd.DataFrame, float]:
    """Draw events; give them and the seconds that it took."""
    began = time.perf_counter()
    frame = pd.concat([batch.to_pandas() for batch in higgs.batches(rows, seed=seed)], ignore_index=True)
    return frame, time.perf_counter() - began


def seconds_of_plain_numbers(rows: int) -> float:
    """Time plain numpy for as many normal random numbers as the rows have columns."""
    rng = np.random.default_rng(0)
    began = time.perf_counter()
    for _ in range(-(-rows // higgs.CHUNK_ROWS)):
        rng.standard_normal((len(higgs.FEATURES), higgs.CHUNK_ROWS)).astype(np.float32)
    return time.perf_counter() - began


def describe(events: pd.DataFrame) -> pd.DataFrame:
    """Give range, quantiles and means of each column, and the AUC of the column alone (0.5: it tells nothing)."""
    is_signal = events[higgs.LABEL] == 1
    table = events[list(higgs.FEATURES)].quantile([0, 0.01, 0.5, 0.99, 1]).T
    table.columns = ["min", "1 %", "median", "99 %", "max"]
    table["signal"] = events[is_signal].mean()
    table["background"] = events[~is_signal].mean()
    alone = {name: auc(events[higgs.LABEL], events[name]).value for name in higgs.FEATURES}
    table["alone"] = pd.Series({name: max(area, 1 - area) for name, area in alone.items()})
    return table


def find_peaks(events: pd.DataFrame) -> pd.DataFrame:
    """Give the fullest bin of each mass, GeV, in both classes, beside the mass that should show."""
    rows = []
    for name, (mass, which, what) in PEAKS.items():
        row: dict[str, Any] = {"column": name, "expected": mass, "in": which, "decay": what}
        for label, kind in ((1, "signal"), (0, "background")):
            values = events.loc[events[higgs.LABEL] == label, name] * higgs.SCALES[name]
            counts, edges = np.histogram(values, np.arange(0, 1000, BIN_GEV))
            row[kind] = edges[counts.argmax()] + BIN_GEV / 2
        rows.append(row)
    return pd.DataFrame(rows)[["column", "signal", "background", "expected", "in", "decay"]]


def strongest_correlations(events: pd.DataFrame, label: int, count: int = 6) -> list[str]:
    """Name the pairs of columns of one class that are correlated most."""
    found = events.loc[events[higgs.LABEL] == label, list(higgs.FEATURES)].corr()
    upper = found.where(np.triu(np.ones(found.shape, bool), k=1)).stack()
    order = upper.abs().sort_values(ascending=False).index[:count]
    return [f"{one} and {other} {upper[one, other]:+.2f}" for one, other in order]


def trees_scores(train: pd.DataFrame, test: pd.DataFrame, columns: list[str], options: argparse.Namespace) -> Any:
    model = HistGradientBoostingClassifier(max_iter=options.trees, early_stopping=False, random_state=0)
    return model.fit(train[columns], train[higgs.LABEL]).predict_proba(test[columns])[:, 1]


def network_scores(
    train: pd.DataFrame, test: pd.DataFrame, columns: list[str], options: argparse.Namespace, *, hidden: list[int]
) -> Any:
    import keras

    keras.utils.set_random_seed(1)
    x = train[columns].to_numpy()
    normalise = keras.layers.Normalization(mean=x.mean(axis=0), variance=x.var(axis=0))
    dense = [keras.layers.Dense(neurons, "relu") for neurons in hidden]
    model = keras.Sequential([keras.Input((len(columns),)), normalise, *dense, keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(1e-3), keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(x, train[higgs.LABEL].to_numpy(), batch_size=options.batch, epochs=options.epochs, verbose=0)
    return model.predict(test[columns].to_numpy(), batch_size=8192, verbose=0).ravel()


def measure(train: pd.DataFrame, test: pd.DataFrame, options: argparse.Namespace) -> dict[str, dict[str, Estimate]]:
    """Train each model on each set of columns, and give the AUCs on the test events."""
    networks = {
        "shallow network": partial(network_scores, hidden=SHALLOW),
        "deep network": partial(network_scores, hidden=options.hidden),
    }
    models = {"trees": trees_scores} | (networks if options.epochs else {})
    return {
        model: {name: auc(test[higgs.LABEL], scores(train, test, columns, options)) for name, columns in SETS.items()}
        for model, scores in models.items()
    }


def compare_orders(found: dict[str, dict[str, Estimate]]) -> dict[str, bool]:
    """Say which of the published orders hold here; differences within the errors count as they fall."""
    return {
        f"{model}: {one} < {other}": found[model][one].value < found[model][other].value
        for model, one, other in ORDERS
        if model in found
    }


def draw_columns(events: pd.DataFrame, path: str) -> None:
    """Write a picture of all columns, signal and background."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 9), layout="constrained")
    panels = figure.subplots(4, 7).ravel()
    for axes, name in zip(panels, higgs.FEATURES, strict=True):
        bins = np.linspace(*events[name].quantile([0, 0.99]), 50)
        for label, kind, colour, line in ((1, "signal", "#0072B2", "-"), (0, "background", "#E69F00", "--")):
            values = events.loc[events[higgs.LABEL] == label, name]
            axes.hist(values, bins, density=True, histtype="step", color=colour, linestyle=line, label=kind)
        axes.set_xlabel(name, fontsize=9)
        axes.set_yticks([])
        axes.tick_params(labelsize=8)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
    figure.savefig(path, dpi=100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000, help="events to train on")
    parser.add_argument("--test-rows", type=int, default=100_000, help="events to describe and to test with")
    parser.add_argument("--trees", type=int, default=200, help="boosted trees")
    parser.add_argument("--hidden", type=int, nargs="+", default=[100, 100, 100], help="neurons of the deep layers")
    parser.add_argument("--epochs", type=int, default=10, help="of the networks; 0 leaves them out")
    parser.add_argument("--batch", type=int, default=512, help="rows of a batch")
    parser.add_argument("--seed", type=int, default=0, help="of the events")
    parser.add_argument("--figure", help="where to write a picture of all columns")
    parser.add_argument("--json", action="store_true", help="end in one line of figures")
    options = parser.parse_args()

    train, seconds = draw(options.rows, options.seed)
    plain = seconds_of_plain_numbers(options.rows)
    test, _ = draw(options.test_rows, options.seed + 1)
    print(f"{platform.machine()}, {os.cpu_count()} cores, numpy {np.__version__}, scikit-learn {sklearn.__version__}")
    print(f"one thread: {1e6 * seconds / options.rows:.1f} µs a row, and ", end="")
    print(f"{1e6 * plain / options.rows:.2f} µs for as many normal numbers: {seconds / plain:.0f} times")
    print(f"\n{options.test_rows:,} events, share of signal {test[higgs.LABEL].mean():.4f}")
    print(describe(test).round(3).to_string())
    print(f"\nFullest bin of {BIN_GEV:g} GeV of each mass, GeV")
    print(find_peaks(test).to_string(index=False))
    for label, kind in ((1, "signal"), (0, "background")):
        print(f"\nStrongest correlations of {kind}: {', '.join(strongest_correlations(test, label))}")
    if options.figure:
        draw_columns(test, options.figure)

    found = measure(train, test, options)
    orders = compare_orders(found)
    print(f"\nAUC after {options.rows:,} events")
    for model, areas in found.items():
        print(f"{model:15}", *(f"{name} {area.value:.4f} ± {area.error:.4f}" for name, area in areas.items()), sep="  ")
    for name, holds in orders.items():
        print(f"as published, {name}: {'yes' if holds else 'no'}")
    if options.json:
        areas = {model: {name: area.value for name, area in sets.items()} for model, sets in found.items()}
        print(json.dumps({"row_us": 1e6 * seconds / options.rows, "auc": areas, "orders": orders}))


if __name__ == "__main__":
    main()
