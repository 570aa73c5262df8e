"""Data sets as files: whole or not there, the same each time, found again, mended when broken."""

from __future__ import annotations

import gzip
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from coursekit.config import GiB
from coursekit.datasets import cached_files, dataset, find_entry, higgs, read_catalog, store, verify, weblogs
from coursekit.datasets import files as files_room
from coursekit.datasets.progress import progress_bar
from coursekit.errors import CorruptDatasetError, DatasetError, SettingsError, UnknownDatasetError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def small_chunks(monkeypatch):
    """Chunks of 200 rows, which are made at once."""
    monkeypatch.setattr(higgs, "CHUNK_ROWS", 200)


def names(cache, name="higgs"):
    return sorted(path.name for path in (cache / "datasets" / name).iterdir())


def run_python(code, **options):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, **options)


def test_pandas_and_arrow_read_exactly_the_rows_asked_for():
    path = dataset("higgs", rows=12_345)
    assert Path(path).is_absolute()
    frame = pd.read_parquet(path)
    assert frame.shape == (12_345, 29)
    assert tuple(frame.columns) == higgs.COLUMNS
    assert set(frame.dtypes.astype(str)) == {"float32"}
    assert set(frame["label"]) == {0.0, 1.0}


def test_each_chunk_is_a_row_group(small_chunks):
    metadata = pq.read_metadata(dataset("higgs", rows=1_000))
    assert [metadata.row_group(k).num_rows for k in range(metadata.num_row_groups)] == [200] * 5


@pytest.mark.usefixtures("small_chunks")
def test_fewer_rows_are_the_beginning_of_more():
    few, many = (pq.read_table(dataset("higgs", rows=rows, seed=9)) for rows in (250, 900))
    assert many.slice(0, 250).combine_chunks().equals(few.combine_chunks())


@pytest.mark.usefixtures("small_chunks")
def test_csv_and_parquet_hold_the_same():
    path = dataset("higgs", rows=500, format="csv")
    assert Path(path).read_text().startswith("label,lepton_pT,lepton_eta,")
    pd.testing.assert_frame_equal(
        pd.read_csv(path, dtype=np.float32), pd.read_parquet(dataset("higgs", rows=500)), check_exact=True
    )


def test_web_logs_are_lines_of_text():
    path = dataset("weblogs", rows=700, seed=4)
    assert Path(path).read_bytes().decode("ascii").splitlines() == weblogs.generate(700, 4)[0]


@pytest.mark.usefixtures("small_chunks")
def test_the_number_of_rows_is_the_catalogs_when_nobody_says(monkeypatch):
    assert "rows50000." in dataset("weblogs")
    assert find_entry("higgs").rows == 100_000


@pytest.mark.usefixtures("small_chunks")
def test_the_second_call_finds_the_file_of_the_first():
    path = Path(dataset("higgs", rows=300))
    before = path.stat()
    assert dataset("higgs", rows=300) == str(path)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.usefixtures("small_chunks")
def test_rows_seeds_and_formats_have_files_of_their_own(cache):
    paths = {
        dataset("higgs", rows=10),
        dataset("higgs", rows=11),
        dataset("higgs", rows=10, seed=1),
        dataset("higgs", rows=10, format="csv"),
        dataset("higgs", rows=10, seed=2**256 - 1),
    }
    assert len(paths) == 5
    assert not [name for name in names(cache) if name.endswith(".tmp")]


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("damage", ["cut", "flip", "delete", "no record", "broken record"])
def test_a_damaged_file_is_made_again(damage):
    path = Path(dataset("higgs", rows=300))
    good = path.read_bytes()
    record = files_room.record_path(path)
    if damage == "cut":
        before = path.stat()
        path.write_bytes(good[:-100])
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif damage == "flip":
        path.write_bytes(good[:500] + bytes([good[500] ^ 1]) + good[501:])
        os.utime(path, ns=(1, 1))
    elif damage == "delete":
        path.unlink()
    elif damage == "no record":
        record.unlink()
    else:
        record.write_text('{"sha256": 1')
    dataset("higgs", rows=300)
    assert path.read_bytes() == good
    assert [file.state for file in verify("higgs")] == ["ok"]


@pytest.mark.usefixtures("small_chunks")
def test_a_touched_file_is_read_but_not_made_again(monkeypatch):
    path = Path(dataset("higgs", rows=300))
    os.utime(path, ns=(1, 1))
    monkeypatch.setattr(store, "GENERATORS", {})
    assert dataset("higgs", rows=300) == str(path)


@pytest.mark.usefixtures("small_chunks")
def test_verify_reads_every_byte():
    path = Path(dataset("higgs", rows=300))
    other = Path(dataset("weblogs", rows=20))
    status, content = path.stat(), path.read_bytes()
    path.write_bytes(content[:500] + bytes([content[500] ^ 1]) + content[501:])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert {file.path: file.state for file in cached_files()} == {path: "ok", other: "ok"}
    assert {file.path: file.state for file in verify()} == {path: "changed", other: "ok"}
    path.unlink()
    assert [file.state for file in verify("higgs")] == ["missing"]


def test_an_empty_cache_holds_nothing():
    assert cached_files() == ()


def test_processes_that_ask_at_once_get_one_whole_file(cache):
    code = "from coursekit.datasets import dataset; print(dataset('higgs', rows=20_000, seed=3))"
    asking = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    paths = {process.communicate(timeout=120)[0].strip() for process in asking}
    assert [process.returncode for process in asking] == [0, 0, 0]
    (path,) = paths
    assert pq.read_table(path).num_rows == 20_000
    assert [file.state for file in verify()] == ["ok"]
    assert [name for name in names(cache) if name.endswith(".tmp")] == []


def test_a_writer_killed_half_way_leaves_nothing_that_looks_like_a_data_set(cache):
    code = """
import time
from coursekit.datasets import dataset, store
def stall(request, rows, path, advance):
    path.write_text("half of it")
    print("half", flush=True)
    time.sleep(100)
store.GENERATORS["weblogs"] = stall
dataset("weblogs", rows=30)
"""
    writer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "half\n"
    writer.send_signal(signal.SIGKILL)
    writer.communicate(timeout=30)
    assert cached_files() == ()
    assert len([name for name in names(cache, "weblogs") if name.endswith(".tmp")]) == 1
    assert len(Path(dataset("weblogs", rows=30)).read_text().splitlines()) == 30
    assert [name for name in names(cache, "weblogs") if name.endswith(".tmp")] == []


def test_a_generator_that_fails_leaves_nothing(cache, monkeypatch):
    def fail(request, rows, path, advance):
        path.write_text("half")
        raise RuntimeError("on purpose")

    monkeypatch.setitem(store.GENERATORS, "weblogs", fail)
    with pytest.raises(RuntimeError, match="on purpose"):
        dataset("weblogs", rows=30)
    assert [name for name in names(cache, "weblogs") if not name.endswith(".lock")] == []


@pytest.mark.parametrize(
    ("arguments", "error", "value"),
    [
        ({"name": "higs"}, UnknownDatasetError, "higs"),
        ({"rows": 0}, SettingsError, "rows = 0"),
        ({"rows": -5}, SettingsError, "rows = -5"),
        ({"seed": -1}, SettingsError, "seed = -1"),
        ({"seed": 2**256}, SettingsError, "seed = "),
        ({"format": "xlsx"}, SettingsError, "xlsx"),
        ({"source": "web"}, SettingsError, "web"),
        ({"path": "x.csv"}, SettingsError, "x.csv"),
        ({"name": "weblogs", "source": "public"}, SettingsError, "weblogs"),
        ({"name": "weblogs", "format": "parquet"}, SettingsError, "parquet"),
        ({"source": "public", "path": "no-such.csv.gz"}, SettingsError, "no-such"),
    ],
)
def test_what_cannot_be_is_refused_with_the_value_and_a_fix(arguments, error, value, cache):
    with pytest.raises(error) as caught:
        dataset(**{"name": "higgs"} | arguments)
    assert value in caught.value.message
    assert caught.value.fix
    assert not cache.exists()


def test_a_cache_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "a-file").write_text("")
    monkeypatch.setenv("COURSEKIT_CACHE", str(tmp_path / "a-file"))
    with pytest.raises(DatasetError, match="a-file") as caught:
        dataset("weblogs", rows=3)
    assert "COURSEKIT_CACHE" in caught.value.fix


def test_a_full_disk_is_reported_and_leaves_nothing(cache, monkeypatch):
    def fill(request, rows, path, advance):
        with Path("/dev/full").open("w") as file:
            file.write("x")

    monkeypatch.setitem(store.GENERATORS, "weblogs", fill)
    with pytest.raises(DatasetError, match="No space left") as caught:
        dataset("weblogs", rows=3)
    assert "free some space" in caught.value.fix
    assert cached_files() == ()


def test_more_rows_than_the_disk_has_room_for_are_refused_at_once():
    with pytest.raises(DatasetError, match="free"):
        dataset("higgs", rows=10**15)
    files_room.require_space(Path("/"), 0)
    with pytest.raises(DatasetError, match=r"1048576\.0 GiB"):
        files_room.require_space(Path("/no/such/folder"), 2**20 * GiB)


def test_nothing_is_written_to_standard_error_of_a_program():
    done = run_python("from coursekit.datasets import dataset; dataset('higgs', rows=11_000)")
    assert (done.returncode, done.stderr) == (0, "")


def test_finding_a_file_again_imports_nothing_heavy(cache):
    dataset("weblogs", rows=3)
    code = "import sys; from coursekit.datasets import dataset; dataset('weblogs', rows=3)\n"
    code += "print(sorted({'numpy', 'pyarrow', 'pandas', 'rich'} & set(sys.modules)))"
    assert run_python(code).stdout.strip() == "[]"


def test_a_terminal_sees_progress(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr("coursekit.datasets.progress.PATIENCE_S", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    with progress_bar("generating", 100) as advance:
        time.sleep(0.01)
        advance(50)
    assert "generating" in terminal.getvalue()


# The public file, as a small one of the same make.


@pytest.fixture
def public_copy(tmp_path, small_chunks):
    """A gzipped CSV without names, of 450 rows, printed as the public one is."""
    table = pa.Table.from_batches(list(higgs.batches(450, seed=1)))
    path = tmp_path / "HIGGS.csv.gz"
    with gzip.open(path, "wt") as file:
        np.savetxt(file, np.stack([column.to_numpy() for column in table.columns], axis=1), fmt="%.18e", delimiter=",")
    return path, table


def test_a_copy_of_the_public_file_is_read_with_names_and_types(public_copy):
    path, table = public_copy
    for rows in (None, 450, 333, 1):
        read = pq.read_table(dataset("higgs", source="public", path=path, rows=rows))
        assert read.combine_chunks().equals(table.slice(0, rows).combine_chunks())
    metadata = pq.read_metadata(dataset("higgs", source="public", path=path))
    assert [metadata.row_group(k).num_rows for k in range(metadata.num_row_groups)] == [200, 200, 50]


def test_a_large_file_is_read_in_blocks(public_copy, monkeypatch):
    path, table = public_copy
    monkeypatch.setattr("coursekit.datasets.tables.READ_BLOCK", 20_000)  # about 27 rows
    read = pq.read_table(dataset("higgs", source="public", path=path))
    assert read.combine_chunks().equals(table.combine_chunks())


def test_more_rows_than_the_copy_has_are_refused(public_copy):
    with pytest.raises(CorruptDatasetError, match="50 rows fewer than the 500"):
        dataset("higgs", source="public", path=public_copy[0], rows=500)
    assert cached_files() == ()


def test_another_copy_is_not_taken_for_the_first(public_copy, tmp_path):
    path, _ = public_copy
    first = dataset("higgs", source="public", path=path, rows=10)
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join(reversed(lines))))
    second = dataset("higgs", source="public", path=path, rows=10)
    assert first != second
    assert not pq.read_table(first).equals(pq.read_table(second))


@pytest.mark.parametrize(
    "content", [b"1,2,3\n", b"label,pt\n", b"", b"1" + b",x" * 28 + b"\n", b"1" + b",1" * 29 + b"\n"]
)
def test_what_is_not_the_public_file_is_refused(content, tmp_path):
    for path, text in ((tmp_path / "a.csv", content), (tmp_path / "a.csv.gz", gzip.compress(content))):
        path.write_bytes(text)
        with pytest.raises(CorruptDatasetError, match=r"a\.csv"):
            dataset("higgs", source="public", path=path)
    assert cached_files() == ()


def test_a_copy_that_breaks_off_is_refused(public_copy):
    path, _ = public_copy
    path.write_bytes(path.read_bytes()[:-5_000])
    with pytest.raises(CorruptDatasetError):
        dataset("higgs", source="public", path=path)


def test_a_wrong_file_under_the_public_name_is_refused_and_found_by_verify(cache):
    place = cache / "datasets" / "higgs" / "HIGGS.csv.gz"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"not it")
    with pytest.raises(CorruptDatasetError, match="sha256") as caught:
        dataset("higgs", source="public", rows=5)
    assert "delete" in caught.value.fix
    assert [file.state for file in verify("higgs")] == ["changed"]


def test_the_catalog_is_complete():
    for entry in read_catalog():
        assert all((entry.title, entry.summary, entry.licence, entry.citation, entry.columns)), entry.name
        assert entry.rows > 0
        assert entry.version > 0
        assert set(entry.formats) <= set(store.SUFFIXES)
        assert entry.name in store.GENERATORS
        assert all(column.meaning for column in entry.columns)
    public = find_entry("higgs").public
    assert public is not None
    assert len(bytes.fromhex(public.sha256)) == 32


def test_no_row_is_larger_than_the_catalog_says():
    for entry in read_catalog():
        for form in entry.formats:
            path = Path(dataset(entry.name, rows=10_000, format=form))
            assert path.stat().st_size / 10_000 < entry.row_bytes, (entry.name, form)


def test_what_the_room_exports_is_there():
    import coursekit.datasets as room

    assert all(hasattr(room, name) for name in room.__all__)


def test_records_are_json_that_sha256sum_agrees_with():
    path = Path(dataset("weblogs", rows=5))
    record = json.loads(files_room.record_path(path).read_text())
    assert record["sha256"] == files_room.checksum(path)
    assert record["size"] == path.stat().st_size
