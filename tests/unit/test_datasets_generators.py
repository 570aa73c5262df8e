"""The smaller generators: reproducible chunk by chunk, with the facts in them that were planted."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.sparse

from coursekit.datasets import calorimeter, chirps, dataset, events, find_entry, graph, ratings
from coursekit.errors import SettingsError

NAMES = ("graph", "ratings", "events", "calorimeter", "chirps")


def table(module, rows, seed=1):
    return pa.Table.from_batches(module.batches(rows, seed=seed), schema=module.SCHEMA)


def columns(module, rows, seed=1):
    made = table(module, rows, seed)
    return {name: made[name].to_numpy() for name in made.column_names}


@pytest.fixture(params=NAMES)
def generator(request):
    return import_module(f"coursekit.datasets.{request.param}")


def name_of(generator):
    return generator.__name__.rpartition(".")[2]


def test_the_same_seed_gives_the_same_rows_and_another_seed_others(generator):
    first, again, other = (table(generator, 700, seed) for seed in (5, 5, 6))
    assert first.num_rows == 700
    assert first.equals(again)
    assert not first.equals(other)


def test_a_chunk_depends_on_seed_and_index_alone(generator):
    rows = generator.CHUNK_ROWS
    whole = table(generator, 2 * rows + 10, seed=3)
    more = (graph.count_pages(2 * rows + 10),) if generator is graph else ()
    second = generator.chunk(3, 1, *more)
    assert pa.Table.from_batches([second]).equals(whole.slice(rows, rows).combine_chunks())


def test_what_cannot_be_is_refused(generator):
    more = (1_000,) if generator is graph else ()
    for arguments in ((-1, 0), (0, -1)):
        with pytest.raises(SettingsError) as caught:
            generator.chunk(*arguments, *more)
        assert caught.value.fix


def test_the_catalog_describes_the_columns_that_are_made(generator):
    entry = find_entry(name_of(generator))
    assert [column.name for column in entry.columns] == generator.SCHEMA.names


def test_a_data_set_is_a_file_with_the_rows_asked_for(generator, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEKIT_CACHE", str(tmp_path))
    entry = find_entry(name_of(generator))
    for file_format in entry.formats:
        path = dataset(entry.name, rows=300, seed=2, format=file_format)
        if file_format == "parquet":
            assert pq.read_table(path).equals(table(generator, 300, seed=2))
        assert Path(path).stat().st_size < 300 * entry.row_bytes + 8_000


# --- graph


def pagerank(source, target, pages, damping=0.85):
    links = np.bincount(source, minlength=pages)
    matrix = scipy.sparse.csr_matrix((1.0 / links[source], (target, source)), shape=(pages, pages))
    rank = np.full(pages, 1.0 / pages)
    for _ in range(60):
        rank = damping * (matrix @ rank + rank[links == 0].sum() / pages) + (1.0 - damping) / pages
    return rank


@pytest.fixture(scope="module", params=[1, 2, 3])
def links(request):
    made = columns(graph, 200_000, request.param)
    pages = graph.count_pages(200_000)
    return made["source"], made["target"], pages, graph.planted(request.param, pages)


def test_the_hub_leads_by_rank_and_the_farmed_page_by_links(links):
    source, target, pages, planted = links
    in_links = np.bincount(target, minlength=pages)
    rank = pagerank(source, target, pages)
    assert np.argmax(in_links) == planted.farmed
    assert np.argmax(rank) == planted.hub
    assert rank[planted.farmed] < 0.1 * rank[planted.hub]


def test_nobody_links_to_the_farm(links):
    source, target, _, planted = links
    assert not set(planted.farm) & set(target.tolist())
    assert set(target[np.isin(source, planted.farm)].tolist()) == {planted.farmed}


def test_in_links_follow_a_power_law(links):
    _, target, pages, planted = links
    counts = np.bincount(target, minlength=pages)
    counts = np.delete(counts, [planted.hub, planted.farmed]).astype(float)
    tail = counts[counts >= 30]
    # Hill's estimator; the lower end is that of the bin.
    assert 1 + 1 / np.mean(np.log(tail / 29.5)) == pytest.approx(2.1, abs=0.25)


def test_about_a_fifth_of_the_pages_dangle(links):
    source, _, pages, _ = links
    assert np.mean(np.bincount(source, minlength=pages) == 0) == pytest.approx(0.2, abs=0.02)


def test_a_graph_with_too_few_pages_is_refused():
    with pytest.raises(SettingsError):
        graph.planted(0, 10)


# --- ratings


def test_no_viewer_rates_a_film_twice_and_stars_are_halves():
    made = columns(ratings, 30_000)
    assert len(np.unique(made["viewer"].astype(np.int64) * ratings.FILMS + made["film"])) == 30_000
    assert set(np.unique(made["stars"]).tolist()) <= {0.5 * k for k in range(1, 11)}
    assert set(np.bincount(made["viewer"]).tolist()) == {ratings.SEEN}


def test_who_knows_films_and_viewers_predicts_as_well_as_noise_allows():
    made = columns(ratings, 10_000)
    films = ratings.films(1)
    design = np.column_stack([np.ones(len(made["film"])), films.taste[made["film"]]])
    answer = made["stars"] - films.deviation[made["film"]]
    left, spare = 0.0, 0
    for viewer in np.unique(made["viewer"]):
        mine = made["viewer"] == viewer
        fitted, *_ = np.linalg.lstsq(design[mine], answer[mine], rcond=None)
        left += float(np.sum((answer[mine] - design[mine] @ fitted) ** 2))
        spare += int(mine.sum()) - design.shape[1]
    assert (left / spare) ** 0.5 == pytest.approx(ratings.noise_floor(), rel=0.05)


def test_popular_films_are_rated_more_often():
    counts = np.bincount(columns(ratings, 50_000)["film"], minlength=ratings.FILMS)
    popular = np.argsort(-ratings.films(1).popularity)
    assert counts[popular[:100]].sum() > 3 * counts[popular[-100:]].sum()


# --- events


@pytest.fixture(scope="module")
def stream():
    made = columns(events, 20_000)
    seconds = (made["event_time"] - np.datetime64("2025-09-01", "us")) / np.timedelta64(1, "s")
    delay = (made["arrival_time"] - made["event_time"]) / np.timedelta64(1, "s")
    return made, seconds, delay


def test_events_come_in_the_order_in_which_they_happened_at_the_stated_rate(stream):
    _, seconds, delay = stream
    assert np.all(np.diff(seconds) >= 0)
    assert len(seconds) / seconds[-1] == pytest.approx(events.RATE_PER_S, rel=0.02)
    assert np.all(delay >= 0)


def test_some_measurements_come_twice_and_are_the_same_but_for_their_arrival(stream):
    made, _, _ = stream
    number, first, count = np.unique(made["event"], return_index=True, return_counts=True)
    assert len(number) == 20_000 * (1 - events.REPEATED)
    twice = first[count == 2]
    for name in ("detector", "event_time", "energy", "width", "label"):
        assert np.array_equal(made[name][twice], made[name][twice + 1])
    assert not np.any(made["arrival_time"][twice] == made["arrival_time"][twice + 1])


def test_delays_are_a_mixture_of_short_and_long(stream):
    made, _, delay = stream
    usual = delay[made["detector"] != events.planted(1).outage]
    for limit in (5.0, 30.0):
        expected = (1 - events.LATE) * np.exp(-limit / events.SOON_S) + events.LATE * np.exp(-limit / events.LATE_S)
        assert np.mean(usual > limit) == pytest.approx(expected, abs=0.01)


def test_what_happened_in_the_outage_comes_at_its_end(stream):
    made, seconds, delay = stream
    begin, end = events.OUTAGE_S
    down = (made["detector"] == events.planted(1).outage) & (seconds >= begin) & (seconds < end)
    assert down.sum() > 200
    arrival = seconds[down] + delay[down]
    assert np.all((arrival >= end - 1e-3) & (arrival <= end + 1 + 1e-3))


def test_one_detector_drifts_and_only_from_its_time_on(stream):
    made, seconds, _ = stream
    planted = events.planted(1)
    assert planted.drift != planted.outage
    signal = made["label"] == 1
    for detector in range(events.DETECTORS):
        mine = signal & (made["detector"] == detector)
        before, after = (np.median(made["energy"][mine & when]) for when in (seconds < 240, seconds >= 240))
        expected = events.DRIFT_GAIN if detector == planted.drift else 1.0
        assert after / before == pytest.approx(expected, rel=0.04)


# --- calorimeter


@pytest.fixture(scope="module")
def images():
    drawn = [calorimeter.draw_images(1, index) for index in range(3)]
    return np.concatenate([one for one, _ in drawn]), np.concatenate([labels for _, labels in drawn])


def moments(images):
    """Second moments of each image around its centre: along the longer axis and across it, cells squared."""
    side = np.arange(calorimeter.SIDE)
    total = images.sum(axis=(1, 2))
    first, second = (np.einsum("nij,ij->n", images, grid) / total for grid in np.meshgrid(side, side, indexing="ij"))
    dx = side[None, :, None] - first[:, None, None]
    dy = side[None, None, :] - second[:, None, None]
    xx, yy, xy = (np.sum(images * product, axis=(1, 2)) / total for product in (dx * dx, dy * dy, dx * dy))
    half, root = (xx + yy) / 2, np.sqrt((xx - yy) ** 2 / 4 + xy**2)
    return half + root, half - root


def auc(values, labels):
    order = np.argsort(np.argsort(values))
    ones = labels == 1
    return (order[ones].sum() - ones.sum() * (ones.sum() - 1) / 2) / (ones.sum() * (~ones).sum())


def test_energy_is_that_of_the_particles_and_of_the_noise(images):
    expected = calorimeter.HITS * calorimeter.ENERGY_GEV + 256 * calorimeter.NOISE_RATE * calorimeter.NOISE_GEV
    assert images[0].sum(axis=(1, 2)).mean() == pytest.approx(expected, rel=0.02)
    assert images[0].min() == 0.0


def test_one_prong_and_two_are_as_wide_but_not_of_the_same_shape(images):
    longer, shorter = moments(images[0])
    assert auc(longer + shorter, images[1]) == pytest.approx(0.5, abs=0.05)
    assert auc(longer / shorter, images[1]) > 0.7


def test_directions_are_random(images):
    two = images[0][images[1] == 1].mean(axis=0)
    assert two.sum(axis=0) == pytest.approx(two.sum(axis=1), rel=0.15)


def test_images_are_read_back_as_they_were_made(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEKIT_CACHE", str(tmp_path))
    read, labels = calorimeter.read(dataset("calorimeter", rows=2_500, seed=1))
    assert read.shape == (2_500, 16, 16)
    made, of_made = calorimeter.draw_images(1, 0)
    assert np.array_equal(read[:2_000], made)
    assert np.array_equal(labels[:2_000], of_made)


# --- chirps


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    path = tmp_path_factory.mktemp("chirps") / "chirps.parquet"
    pq.write_table(table(chirps, 3_000), path)
    return chirps.read(path)


def test_the_frequency_of_a_chirp_rises_as_the_formula_says():
    mass = np.array([15.0])
    rate = 65_536
    time_s = np.arange(rate) / rate
    wave = chirps.chirp(time_s, np.array([1.0]), mass, np.zeros(1))[0]
    upward = time_s[1:][(wave[:-1] < 0) & (wave[1:] >= 0)]
    middle, found = (upward[1:] + upward[:-1]) / 2, 1 / np.diff(upward)
    left_s = 1.0 - middle[20:-3]
    assert found[20:-3] == pytest.approx(chirps.frequency(left_s, 15.0 * chirps.SUN_S), rel=0.03)
    assert np.polyfit(np.log(left_s), np.log(found[20:-3]), 1)[0] == pytest.approx(-3 / 8, abs=0.02)


def test_a_chirp_ends_at_the_innermost_stable_orbit():
    time_s = np.arange(4096) / 4096
    wave = chirps.chirp(time_s, np.array([0.9]), np.array([30.0]), np.zeros(1))[0]
    last = time_s[np.flatnonzero(wave)[-1]]
    # 4400 Hz * (solar mass / total mass), Maggiore's equation 4.40; the masses are equal.
    assert chirps.frequency(0.9 - last, 30.0 * chirps.SUN_S) == pytest.approx(4400 / (30 * 2**1.2), rel=0.02)


def test_the_noise_has_its_correlation_and_variance(series):
    strain, facts = series
    noise = strain[(facts["loudness"] == 0) & (facts["anomaly"] == 0)].astype(float)
    assert len(noise) > 500
    assert noise.var() == pytest.approx(1 / (1 - chirps.CORRELATION**2), rel=0.02)
    assert np.mean(noise[:, 1:] * noise[:, :-1]) / noise.var() == pytest.approx(chirps.CORRELATION, abs=0.01)


def test_a_matched_filter_finds_the_stated_loudness(series):
    strain, facts = series
    chosen = np.flatnonzero((facts["label"] == 1) & (facts["anomaly"] == 0))[:400]
    time_s = np.arange(chirps.SAMPLES) / chirps.RATE_HZ
    best = np.zeros(len(chosen))
    white = strain[chosen].astype(float)
    white[:, 1:] -= chirps.CORRELATION * strain[chosen][:, :-1]
    for phase in (0.0, np.pi / 2):
        wave = chirps.chirp(
            time_s, facts["merger_s"][chosen].astype(float), facts["chirp_mass"][chosen].astype(float),
            np.full(len(chosen), phase),
        )  # fmt: skip
        white_wave = wave.copy()
        white_wave[:, 1:] -= chirps.CORRELATION * wave[:, :-1]
        white_wave /= np.linalg.norm(white_wave, axis=1, keepdims=True)
        best += np.sum(white * white_wave, axis=1) ** 2
    # The two phases are nearly orthogonal; noise adds about one to the mean of the square for each.
    assert np.mean(np.sqrt(best) - facts["loudness"][chosen]) == pytest.approx(0.1, abs=0.3)


def test_kinds_of_series_come_in_the_stated_shares(series):
    _, facts = series
    assert facts["label"].mean() == pytest.approx(0.5, abs=0.03)
    assert np.mean(facts["loudness"] == 0) == pytest.approx(0.25, abs=0.03)
    assert np.mean(facts["anomaly"] > 0) == pytest.approx(0.02, abs=0.01)
    assert set(np.unique(facts["anomaly"]).tolist()) == {0, 1, 2, 3}
