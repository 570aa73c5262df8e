"""Closure tests of the HIGGS-like generator: what went in must come out."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from coursekit.datasets import find_entry, higgs, kinematics
from coursekit.datasets import higgs_detector as detector
from coursekit.datasets import higgs_physics as physics
from coursekit.errors import SettingsError

SIZE = 20_000
DRAW = {"signal": physics.draw_signal, "background": physics.draw_background}
FIVE_SIGMA = 5.0


@pytest.fixture(scope="module", params=DRAW)
def collisions(request):
    """Name, particles and system of 20 000 collisions."""
    return request.param, *DRAW[request.param](np.random.default_rng(1), SIZE)


@pytest.fixture(scope="module")
def events():
    """40 000 selected events before normalisation, shape (28, 40 000), and their labels."""
    chunks = [higgs.draw_events(5, index) for index in range(4)]
    return np.concatenate([c[0] for c in chunks], axis=1), np.concatenate([c[1] for c in chunks])


def into_rest_frame(p, frame):
    return kinematics.boost(p, frame * np.array([1.0, -1.0, -1.0, -1.0]).reshape(4, *[1] * (frame.ndim - 1)))


def decay_cosine(daughter, w, mother):
    """Cosine between daughter and W, the first in the W's rest frame, the second in the mother's."""
    w_there, daughter_there = into_rest_frame(w, mother), into_rest_frame(daughter, mother)
    at_rest = into_rest_frame(daughter_there, w_there)[1:]
    axis = w_there[1:]
    return (at_rest * axis).sum(0) / np.linalg.norm(at_rest, axis=0) / np.linalg.norm(axis, axis=0)


def test_daughters_sum_to_their_mother(collisions):
    _, particles, system = collisions
    assert np.all(np.abs(particles.sum(axis=1) - system) <= 1e-6 * system[0])


def test_every_particle_is_on_its_mass_shell(collisions):
    _, particles, _ = collisions
    squares = particles[0] ** 2 - (particles[1:] ** 2).sum(axis=0)
    wanted = np.array([0.0, 0.0, 0.0, 0.0, physics.BOTTOM_MASS, physics.BOTTOM_MASS])[:, None] ** 2
    assert np.all(np.abs(squares - wanted) <= 1e-6 * np.maximum(particles[0] ** 2, 1.0))


def test_both_w_bosons_have_their_mass(collisions):
    _, particles, _ = collisions
    for one, two in ((physics.LEPTON, physics.NEUTRINO), (physics.DOWN, physics.UP)):
        mass = kinematics.invariant_mass(particles[:, one] + particles[:, two])
        assert np.all((mass > 65 - 1e-6) & (mass < 95 + 1e-6))
        assert np.median(mass) == pytest.approx(physics.W_MASS, abs=0.1)


def test_the_b_quarks_of_signal_make_125_gev():
    particles, _ = physics.draw_signal(np.random.default_rng(2), SIZE)
    mass = kinematics.invariant_mass(particles[:, physics.BOTTOM_LEPTONIC] + particles[:, physics.BOTTOM_HADRONIC])
    assert np.all(np.abs(mass - 125.0) < 0.101)
    assert np.median(mass) == pytest.approx(125.0, abs=1e-3)


def test_the_total_mass_of_signal_peaks_at_425_gev():
    particles, _ = physics.draw_signal(np.random.default_rng(3), 5 * SIZE)
    counts, edges = np.histogram(kinematics.invariant_mass(particles.sum(axis=1)), bins=np.arange(405, 480, 2.0))
    assert edges[np.argmax(counts)] + 1.0 == pytest.approx(425.0, abs=3.0)


def test_background_has_two_top_quarks_and_no_resonance_above_them():
    particles, system = physics.draw_background(np.random.default_rng(4), SIZE)
    leptonic = particles[:, [physics.LEPTON, physics.NEUTRINO, physics.BOTTOM_LEPTONIC]].sum(axis=1)
    hadronic = particles[:, [physics.DOWN, physics.UP, physics.BOTTOM_HADRONIC]].sum(axis=1)
    for top in (leptonic, hadronic):
        assert np.median(kinematics.invariant_mass(top)) == pytest.approx(physics.TOP_MASS, abs=0.1)
    mass = kinematics.invariant_mass(system)
    assert mass.min() > 2 * 165
    assert np.std(mass) > 50


def test_w_bosons_of_top_quarks_are_seventy_percent_longitudinal():
    particles, _ = physics.draw_background(np.random.default_rng(5), SIZE)
    w = particles[:, physics.LEPTON] + particles[:, physics.NEUTRINO]
    cosine = decay_cosine(particles[:, physics.LEPTON], w, w + particles[:, physics.BOTTOM_LEPTONIC])
    # <c> = 3/8 (1 - F0) (-4/3), <c^2> = 3/4 F0 4/15 + 3/8 (1 - F0) 16/15, with F0 = 0.7
    assert cosine.mean() == pytest.approx(-0.15, abs=FIVE_SIGMA * 0.49 / SIZE**0.5)
    assert (cosine**2).mean() == pytest.approx(0.26, abs=FIVE_SIGMA * 0.26 / SIZE**0.5)


def test_w_bosons_of_the_heavy_higgs_are_longitudinal():
    particles, system = physics.draw_signal(np.random.default_rng(6), SIZE)
    bottoms = particles[:, physics.BOTTOM_LEPTONIC] + particles[:, physics.BOTTOM_HADRONIC]
    quarks = particles[:, physics.DOWN] + particles[:, physics.UP]
    leptons = particles[:, physics.LEPTON] + particles[:, physics.NEUTRINO]
    off = [np.abs(kinematics.invariant_mass(w + bottoms) - physics.CHARGED_MASS) for w in (quarks, leptons)]
    of_heavy = (off[0] < 10) & (off[1] > 30)  # the quarks are clearly those of the charged Higgs
    cosine = decay_cosine(particles[:, physics.LEPTON], leptons, system)[of_heavy]
    assert cosine.size > SIZE / 5
    assert cosine.mean() == pytest.approx(0.0, abs=FIVE_SIGMA * 0.45 / cosine.size**0.5)
    assert (cosine**2).mean() == pytest.approx(0.2, abs=FIVE_SIGMA * 0.18 / cosine.size**0.5)


@pytest.mark.parametrize("particle", range(6))
def test_every_azimuth_is_uniform(collisions, particle):
    _, particles, _ = collisions
    phi = kinematics.azimuth(particles[:, particle])
    assert stats.kstest(phi, stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-4


def test_masses_follow_the_relativistic_breit_wigner():
    mass, width = 173.0, 1.4
    drawn = kinematics.breit_wigner(np.random.default_rng(7), mass, width, 165.0, 181.0, SIZE)
    grid = np.linspace(165.0, 181.0, 20_001)
    # d(m^2) = 2 m dm
    density = 2 * grid / ((grid**2 - mass**2) ** 2 + (mass * width) ** 2)
    integral = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    assert stats.kstest(drawn, lambda m: np.interp(m, grid, integral / integral[-1])).pvalue > 1e-4


momenta = st.floats(-500.0, 500.0)
masses = st.floats(1.0, 500.0)


@given(
    m=masses,
    at_rest=st.tuples(momenta, momenta, momenta),
    system_mass=masses,
    pushed=st.tuples(momenta, momenta, momenta),
)
def test_a_boost_keeps_the_mass_and_can_be_undone(m, at_rest, system_mass, pushed):
    p = np.array([np.sqrt(m**2 + np.square(at_rest).sum()), *at_rest])[:, None]
    frame = np.array([np.sqrt(system_mass**2 + np.square(pushed).sum()), *pushed])[:, None]
    moved = kinematics.boost(p, frame)
    scale = moved[0, 0] * frame[0, 0] / system_mass
    assert kinematics.invariant_mass(moved)[0] ** 2 == pytest.approx(m**2, abs=1e-9 * scale**2)
    assert into_rest_frame(moved, frame) == pytest.approx(p, abs=1e-9 * scale)


@given(first=masses, second=masses, excess=st.floats(0.01, 500.0), seed=st.integers(0, 1000))
def test_a_decay_conserves_energy_and_momentum(first, second, excess, seed):
    mother = np.array([first + second + excess])
    direction = kinematics.isotropic(np.random.default_rng(seed), 1)
    one, two = kinematics.decay(mother, first, second, direction)
    assert one + two == pytest.approx(np.array([mother, [0.0], [0.0], [0.0]]), abs=1e-9 * mother[0])
    assert kinematics.invariant_mass(one)[0] == pytest.approx(first, rel=1e-5, abs=1e-4)


@given(
    axis=st.tuples(momenta, momenta, momenta).filter(lambda a: np.linalg.norm(a) > 1e-3), cosine=st.floats(-1.0, 1.0)
)
def test_a_direction_around_an_axis_has_the_angle_asked_for(axis, cosine):
    vector = np.array(axis)[:, None]
    direction = kinematics.around(np.random.default_rng(0), vector, np.array([cosine]))[:, 0]
    assert np.linalg.norm(direction) == pytest.approx(1.0)
    assert direction @ (vector[:, 0] / np.linalg.norm(vector)) == pytest.approx(cosine, abs=1e-9)


def test_the_neutrino_gives_the_lepton_the_mass_of_the_w_where_it_can():
    particles, _ = physics.draw_signal(np.random.default_rng(8), SIZE)
    lepton, neutrino = particles[:, physics.LEPTON], particles[:, physics.NEUTRINO]
    solved = detector.solve_neutrino(lepton, neutrino[1:3])
    mass = kinematics.invariant_mass(lepton + solved)
    assert np.all(mass > physics.W_MASS - 1e-3)
    on_shell = mass < physics.W_MASS + 1e-3
    assert on_shell.mean() > 0.5
    # Where W really has that mass or less the transverse mass is below it, and there is a solution.
    light = kinematics.invariant_mass(lepton + neutrino) <= physics.W_MASS
    assert np.all(on_shell[light])


def test_a_perfect_detector_finds_the_masses_that_were_put_in():
    perfect = detector.Detector(
        jet_stochastic=0.0,
        jet_constant=0.0,
        jet_angle=0.0,
        lepton_resolution=0.0,
        radiation=0.0,
        extra_jets=0.0,
        missing_resolution=0.0,
        tag_loose=(0.0, 0.0, 1.0),
        tag_tight=(0.0, 0.0, 1.0),
    )
    rng = np.random.default_rng(9)
    columns = dict(zip(higgs.FEATURES, detector.observe(rng, physics.draw_signal(rng, SIZE)[0], perfect), strict=True))
    # Jets are massless, the b quarks are not, so the mass comes out a little low.
    assert np.quantile(np.abs(columns["m_bb"] - 125.0), 0.99) < 2.0
    assert np.median(columns["m_jj"]) == pytest.approx(physics.W_MASS, abs=0.3)
    assert np.median(columns["m_wbb"]) == pytest.approx(physics.CHARGED_MASS, abs=2.0)
    columns = dict(
        zip(higgs.FEATURES, detector.observe(rng, physics.draw_background(rng, SIZE)[0], perfect), strict=True)
    )
    assert np.median(columns["m_jjj"]) == pytest.approx(physics.TOP_MASS, abs=1.0)


def test_every_column_is_within_the_range_of_the_selection(events):
    features, _ = events
    assert features.shape == (28, 40_000)
    assert np.isfinite(features).all()
    cuts = detector.DETECTOR
    for name, column in zip(higgs.FEATURES, features, strict=True):
        if name.endswith("_phi"):
            assert -np.pi - 1e-5 <= column.min() < -3.1 and 3.1 < column.max() <= np.pi + 1e-5, name  # noqa: PT018
        elif name.endswith("_eta"):
            assert np.abs(column).max() <= cuts.acceptance + 1e-5, name
        elif name.endswith("_b_tag"):
            assert set(np.unique(column)) == {0.0, 1.0, 2.0}, name
        elif name.lower().endswith("_pt"):
            assert column.min() >= cuts.jet_pt - 1e-4, name
        else:
            assert column.min() > 0, name


def test_jets_come_in_order_of_momentum_and_at_least_two_are_tagged(events):
    features, _ = events
    columns = dict(zip(higgs.FEATURES, features, strict=True))
    pts = np.stack([columns[f"jet_{k}_pt"] for k in (1, 2, 3, 4)])
    assert np.all(np.diff(pts, axis=0) <= 0)
    assert np.all(sum(columns[f"jet_{k}_b_tag"] > 0 for k in (1, 2, 3, 4)) >= 2)


def test_fifty_three_percent_are_signal(events):
    _, is_signal = events
    assert is_signal.mean() == pytest.approx(0.53, abs=FIVE_SIGMA * 0.5 / is_signal.size**0.5)


def test_normalised_columns_have_mean_one_or_mean_zero_and_variance_one():
    table = pa.Table.from_batches(list(higgs.batches(40_000, seed=11)))
    for name in higgs.FEATURES:
        column = table[name].to_numpy().astype(float)
        error = FIVE_SIGMA * column.std() / column.size**0.5
        if column.min() < 0:
            assert column.mean() == pytest.approx(0.0, abs=error), name
            assert column.std() == pytest.approx(1.0, abs=0.02), name
        else:
            assert column.mean() == pytest.approx(1.0, abs=error), name


def test_the_recorded_scales_are_those_that_are_measured():
    measured = higgs.measure_scales(seed=21, chunks=3)
    assert measured == pytest.approx(higgs.SCALES, rel=0.02)


def test_normalising_divides_by_the_scales_and_nothing_else():
    raw, normalised = higgs.chunk(3, 1, normalised=False), higgs.chunk(3, 1)
    for name in higgs.FEATURES:
        ratio = raw.column(name).to_numpy() / np.float32(higgs.SCALES[name])
        assert np.array_equal(ratio, normalised.column(name).to_numpy())
    assert raw.column("label").equals(normalised.column("label"))


@settings(deadline=None, max_examples=25)
@given(rows=st.integers(1, 700), threads=st.integers(1, 3), seed=st.integers(0, 2**70))
def test_rows_do_not_depend_on_how_many_or_by_how_many_they_are_made(rows, threads, seed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(higgs, "CHUNK_ROWS", 200)
        made = pa.Table.from_batches(list(higgs.batches(rows, seed=seed, threads=threads)))
        backwards = {index: higgs.chunk(seed, index) for index in reversed(range(4))}
    assert made.num_rows == rows
    every = pa.Table.from_batches([backwards[index] for index in range(4)])
    assert made.combine_chunks().equals(every.slice(0, rows).combine_chunks())


def test_another_process_makes_the_same_chunk():
    code = "import hashlib; from coursekit.datasets import higgs; b = higgs.chunk(4, 7)\n"
    code += "print(hashlib.sha256(b''.join(c.to_numpy().tobytes() for c in b.columns)).hexdigest())"
    import hashlib

    here = hashlib.sha256(b"".join(c.to_numpy().tobytes() for c in higgs.chunk(4, 7).columns)).hexdigest()
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert there.stdout.strip() == here


def test_chunks_and_seeds_differ():
    # 2**32 and 2**33: numbers that fill a second word of the random generator's seed.
    chunks = [(0, 0), (0, 1), (1, 0), (1, 1), (2**32, 0), (2**32, 1), (2**33, 0)]
    assert len({higgs.chunk(seed, index).column("m_bb")[0].as_py() for seed, index in chunks}) == len(chunks)


def test_a_chunk_becomes_the_frame_that_spark_wants():
    frame = higgs.chunk(0, 0).to_pandas()
    assert tuple(frame.columns) == higgs.COLUMNS
    assert set(frame.dtypes.astype(str)) == {"float32"}
    assert len(frame) == higgs.CHUNK_ROWS


@pytest.mark.parametrize(("seed", "index"), [(-1, 0), (0, -1)])
def test_negative_seeds_and_chunks_are_refused(seed, index):
    with pytest.raises(SettingsError, match="-1"):
        higgs.chunk(seed, index)


def test_columns_are_those_of_the_catalog_in_order():
    assert tuple(column.name for column in find_entry("higgs").columns) == higgs.COLUMNS
    assert len(higgs.FEATURES) == 28
    assert len(higgs.LOW_LEVEL) == 21


def test_derived_columns_help_trees_and_all_columns_help_most(events):
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from threadpoolctl import threadpool_limits

    features, is_signal = events
    train, test = slice(0, 20_000), slice(20_000, None)
    auc = {}
    for name, columns in (("low", slice(0, 21)), ("high", slice(21, 28)), ("all", slice(0, 28))):
        model = HistGradientBoostingClassifier(max_iter=30, learning_rate=0.2, early_stopping=False, random_state=0)
        # OpenMP's threads wait in busy loops: on a machine with other work two are many times slower than one.
        with threadpool_limits(1):
            model.fit(features[columns, train].T, is_signal[train])
            auc[name] = roc_auc_score(is_signal[test], model.predict_proba(features[columns, test].T)[:, 1])
    assert 0.61 < auc["low"] < auc["high"] - 0.05, auc
    assert auc["high"] < auc["all"] - 0.005, auc
    assert auc["all"] < 0.88, auc
