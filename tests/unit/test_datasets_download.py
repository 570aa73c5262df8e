"""Fetching the public file, from real servers on this machine that behave well and badly."""

from __future__ import annotations

import hashlib
import random
import re
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from coursekit.datasets.catalog import PublicFile
from coursekit.datasets.download import ATTEMPTS, fetch
from coursekit.datasets.files import is_intact
from coursekit.errors import CorruptDatasetError, DownloadError

CONTENT = random.Random(0).randbytes(300_000)


class Server(ThreadingHTTPServer):
    """Serves ``content``; ``cuts`` are the bytes after which each of the first answers breaks off."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.knows_ranges = True
        self.cuts = []
        self.refusals = []
        self.ranges = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/HIGGS.csv.gz"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        begin = int(re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "bytes=0-"))[1])
        server.ranges.append(begin)
        if server.refusals:
            self.send_error(server.refusals.pop(0))
            return
        if begin and begin >= len(server.content):
            self.send_error(416)
            return
        begin = begin if server.knows_ranges else 0
        body = server.content[begin:]
        self.send_response(206 if server.knows_ranges else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: server.cuts.pop(0) if server.cuts else None])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def target(tmp_path):
    return tmp_path / "higgs" / "HIGGS.csv.gz"


def described(*urls, content=CONTENT):
    return PublicFile(
        file="HIGGS.csv.gz",
        page="https://archive.ics.uci.edu/dataset/280/higgs",
        urls=urls,
        rows=1,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def left(target):
    return sorted(path.name for path in target.parent.iterdir() if not path.name.startswith("."))


def test_a_file_comes_whole_and_is_recorded(server, target):
    fetch(described(server.url), target)
    assert target.read_bytes() == CONTENT
    assert is_intact(target)
    assert left(target) == ["HIGGS.csv.gz", "HIGGS.csv.gz.sha256.json"]


def test_what_is_there_is_not_fetched_again(server, target):
    fetch(described(server.url), target)
    fetch(described(server.url), target)
    assert server.ranges == [0]


def test_a_broken_connection_is_resumed_where_it_broke(server, target):
    server.cuts = [100_000, 50_000, 1]
    fetch(described(server.url), target, wait_s=0)
    assert target.read_bytes() == CONTENT
    assert server.ranges == [0, 100_000, 150_000, 150_001]


def test_many_breaks_do_not_matter_as_long_as_bytes_come(server, target):
    server.cuts = [10_000] * (ATTEMPTS * 3)
    fetch(described(server.url), target, wait_s=0)
    assert target.read_bytes() == CONTENT


def test_a_later_call_goes_on_where_an_earlier_one_was_stopped(server, target):
    target.parent.mkdir()
    target.with_name("HIGGS.csv.gz.part").write_bytes(CONTENT[:200_000])
    fetch(described(server.url), target)
    assert target.read_bytes() == CONTENT
    assert server.ranges == [200_000]


def test_a_server_that_knows_no_ranges_sends_all_again(server, target):
    server.knows_ranges = False
    server.cuts = [100_000]
    fetch(described(server.url), target, wait_s=0)
    assert target.read_bytes() == CONTENT


def test_a_download_that_was_complete_only_needs_its_name(server, target):
    target.parent.mkdir()
    target.with_name("HIGGS.csv.gz.part").write_bytes(CONTENT)
    fetch(described(server.url), target)
    assert target.read_bytes() == CONTENT
    assert server.ranges == []


@pytest.mark.parametrize("change", ["another byte", "longer"])
def test_what_is_not_the_file_described_is_thrown_away(server, target, change):
    server.content = CONTENT[:-1] + b"?" if change == "another byte" else CONTENT + b"?"
    with pytest.raises(CorruptDatasetError, match="sha256"):
        fetch(described(server.url), target)
    assert left(target) == []


def test_a_shorter_file_is_not_asked_for_for_ever(server, target):
    server.content = CONTENT[:-10]
    with pytest.raises(DownloadError, match="416"):
        fetch(described(server.url), target, wait_s=0)
    assert left(target) == []


def test_a_refusal_is_final(server, target):
    server.refusals = [404] * 9
    with pytest.raises(DownloadError, match="404") as caught:
        fetch(described(server.url), target)
    assert server.ranges == [0]
    assert str(target) in caught.value.fix


def test_a_busy_server_is_asked_again(server, target):
    server.refusals = [503, 429]
    fetch(described(server.url), target, wait_s=0)
    assert target.read_bytes() == CONTENT


def test_a_server_that_stays_busy_is_given_up(server, target):
    server.refusals = [503] * 99
    with pytest.raises(DownloadError, match="503"):
        fetch(described(server.url), target, wait_s=0)
    assert len(server.ranges) == ATTEMPTS


def test_the_second_address_is_taken_when_the_first_fails(server, target):
    fetch(described(server.url.replace("127.0.0.1", "no-such-host.invalid"), server.url), target)
    assert target.read_bytes() == CONTENT


def test_offline_is_an_error_with_a_way_out(target):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/HIGGS.csv.gz"
        with pytest.raises(DownloadError, match="refused") as caught:
            fetch(described(url), target, wait_s=0)
    assert 'source="generated"' in caught.value.fix


def test_two_who_fetch_at_once_fetch_once(server, target):
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: fetch(described(server.url), target), range(2)))
    assert target.read_bytes() == CONTENT
    assert server.ranges == [0]


def test_a_disk_without_room_is_noticed_before_fetching(server, target):
    from dataclasses import replace

    from coursekit.errors import DatasetError

    with pytest.raises(DatasetError, match="free"):
        fetch(replace(described(server.url), size=10**18), target)
    assert server.ranges == []
