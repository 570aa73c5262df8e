"""Batches, shards, checkpoints, patience: what a training is made of, without Keras or Spark."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet as pq

from coursekit.errors import SettingsError, TrainingError
from coursekit.training.batches import Batches
from coursekit.training.checkpoint import Checkpoints, State, check_shapes
from coursekit.training.coordinator import Standing
from coursekit.training.patience import Best, EarlyStopping
from coursekit.training.shards import find_shards, read_part
from coursekit.training.show import standing_html


@st.composite
def divisions(draw):
    batch_size = draw(st.integers(1, 40))
    rows = draw(st.integers(batch_size, 600))
    workers = draw(st.integers(1, min(8, batch_size)))
    return Batches(rows=rows, batch_size=batch_size, workers=workers, seed=draw(st.none() | st.integers(0, 2**32 - 1)))


@given(batches=divisions(), epoch=st.integers(0, 5))
def test_batches_are_the_same_for_any_number_of_ranks(batches, epoch):
    alone = Batches(rows=batches.rows, batch_size=batches.batch_size, workers=1, seed=batches.seed)
    parts = [[part.start + rows for rows in batches.order(rank, epoch)] for rank, part in ranks(batches)]
    for step, expected in enumerate(alone.order(0, epoch)):
        np.testing.assert_array_equal(np.concatenate([part[step] for part in parts]), expected)


@given(batches=divisions(), epoch=st.integers(0, 5))
def test_an_epoch_has_every_row_once_and_only_its_last_batch_is_smaller(batches, epoch):
    rows = np.concatenate([part.start + np.concatenate(batches.order(rank, epoch)) for rank, part in ranks(batches)])
    assert sorted(rows) == list(range(batches.rows))
    sizes = [batches.total(step) for step in range(batches.steps)]
    assert sizes[:-1] == [batches.batch_size] * (batches.steps - 1)
    assert sum(sizes) == batches.rows
    assert 0 < sizes[-1] <= batches.batch_size


@given(batches=divisions())
def test_sizes_are_those_of_the_batches(batches):
    for rank, _ in ranks(batches):
        assert [len(rows) for rows in batches.order(rank, 0)] == [
            batches.size(rank, step) for step in range(batches.steps)
        ]
    for step in range(batches.steps):
        assert sum(batches.size(rank, step) for rank, _ in ranks(batches)) == batches.total(step)


def ranks(batches: Batches) -> list[tuple[int, range]]:
    return [(rank, batches.part(rank)) for rank in range(batches.workers)]


def test_every_batch_of_a_sorted_table_has_a_share_of_all_its_rows():
    batches = Batches(rows=10_000, batch_size=500, workers=4)
    for rows in Batches(rows=10_000, batch_size=500, workers=1).order(0, 3):
        assert 240 <= (rows < 5_000).sum() <= 260
    assert len(batches.part(0)) == 2_500


def test_epochs_and_seeds_give_other_batches():
    def first(seed: int, epoch: int) -> list[int]:
        return Batches(rows=1000, batch_size=50, workers=1, seed=seed).order(0, epoch)[0].tolist()

    assert len({tuple(first(seed, epoch)) for seed in range(3) for epoch in range(3)}) == 9
    assert first(1, 2) == first(1, 2)


@pytest.fixture
def folder(tmp_path):
    """Give three files of 10, 7 and 13 rows, in row groups of 4, whose first column counts them."""
    start = 0
    for number, rows in enumerate((10, 7, 13)):
        ids = np.arange(start, start + rows)
        table = pa.table({"id": ids, "x": ids / 2, "label": (ids % 2).astype(np.int32)})
        pq.write_table(table, tmp_path / f"part-{number}.parquet", row_group_size=4)
        start += rows
    (tmp_path / "_SUCCESS").touch()
    return tmp_path


@pytest.mark.parametrize("part", [range(30), range(1), range(9, 11), range(3, 18), range(17, 30), range(5, 5)])
def test_a_part_is_read_across_files_and_row_groups(folder, part):
    x, y = read_part(find_shards(folder, label="label"), part)
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x[:, 0], list(part))
    np.testing.assert_array_equal(y, [row % 2 for row in part])


def test_only_row_groups_with_rows_of_the_part_are_read(folder, monkeypatch):
    read = []
    original = pq.ParquetFile.read_row_group
    monkeypatch.setattr(
        pq.ParquetFile,
        "read_row_group",
        lambda self, group, **more: read.append(group) or original(self, group, **more),
    )
    read_part(find_shards(folder, label="label"), range(4, 12))
    assert read == [1, 2, 0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"label": "nothing"}, "has no column 'nothing'"),
        ({"label": "label", "features": ["x", "y"]}, "has no column 'y'"),
    ],
)
def test_missing_columns_are_told(folder, arguments, message):
    with pytest.raises(SettingsError, match=message):
        find_shards(folder, **arguments)


def test_a_folder_without_files_a_text_column_and_a_missing_value_are_told(tmp_path):
    with pytest.raises(SettingsError, match="name no Parquet file"):
        find_shards(tmp_path, label="y")
    with pytest.raises(SettingsError, match="cannot be read"):
        find_shards(tmp_path / "none.parquet", label="y")
    pq.write_table(pa.table({"x": ["a"], "y": [1]}), tmp_path / "a.parquet")
    with pytest.raises(SettingsError, match="not a number"):
        find_shards(tmp_path, label="y")
    pq.write_table(pa.table({"x": [1.0, None], "y": [1, 0]}), tmp_path / "a.parquet")
    with pytest.raises(SettingsError, match="1 missing values"):
        read_part(find_shards(tmp_path, label="y"), range(2))


STATE = State(
    weights=[np.ones((2, 3), np.float32), np.zeros(3, np.float32)],
    optimizer=[np.array(7, np.int64)],
    history=[{"loss": 0.5}, {"loss": 0.25}],
    best={"epoch": 1, "value": 0.25, "waited": 0},
)


def test_a_state_comes_back_from_its_bytes():
    back = State.from_bytes(STATE.to_bytes())
    assert (back.history, back.best, back.epoch) == (STATE.history, STATE.best, 2)
    for ours, theirs in zip(STATE.weights + STATE.optimizer, back.weights + back.optimizer, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_another_kernel_finds_the_newest_and_the_best_checkpoint(tmp_path):
    kept = Checkpoints(tmp_path)
    kept.keep(STATE.to_bytes(), is_best=True)
    later = State(weights=STATE.weights, history=[*STATE.history, {"loss": 0.3}]).to_bytes()
    kept.keep(later, is_best=False)
    found = Checkpoints(tmp_path)
    assert found.newest == later
    assert State.from_bytes(found.best).epoch == 2
    found.clear()
    assert list(tmp_path.iterdir()) == []


def test_a_broken_checkpoint_and_one_of_another_model_are_refused(tmp_path):
    (tmp_path / "newest.npz").write_bytes(b"not an archive")
    with pytest.raises(TrainingError, match="is no checkpoint"):
        Checkpoints(tmp_path)
    with pytest.raises(TrainingError, match="the model"):
        check_shapes(STATE, [np.ones((4, 3)), np.zeros(3)])


def test_patience_ends_after_epochs_without_progress():
    rule = EarlyStopping(patience=2, min_delta=0.01)
    best, ended = Best(), []
    for epoch, loss in enumerate([0.5, 0.4, 0.395, 0.392, 0.2]):
        best = best.after(epoch, loss, rule)
        ended.append(best.is_over(rule))
    assert ended == [False, False, False, True, False]
    assert best == Best(epoch=4, value=0.2)


def test_what_is_no_number_is_never_best_and_large_values_can_be_good():
    rule = EarlyStopping(monitor="val_auc", mode="max", patience=1)
    best = Best().after(0, float("nan"), rule)
    assert best.epoch is None
    best = best.after(1, 0.7, rule).after(2, 0.8, rule).after(3, float("nan"), rule)
    assert (best.epoch, best.waited) == (2, 1)


def test_the_display_escapes_and_tells_of_resumes():
    standing = Standing(
        history=[{"<b>": 0.5}], epochs=4, step=5, steps=10, loss=0.4, ranks=2, rows_per_s=1000.0, notes=["A rank & so"]
    )
    html = standing_html(standing)
    assert "&lt;b&gt;" in html
    assert "A rank &amp; so" in html
    assert "Epoch 2 of 4 · batch 5 of 10 · loss so far 0.4000 (rank 0) · 2 ranks · 1,000 rows/s" in html
    assert "width:37.5%" in html
