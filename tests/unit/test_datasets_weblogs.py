"""The generated logs say what their truth says, to a parser that knows nothing of the generator."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coursekit.datasets import find_entry, weblogs
from coursekit.errors import SettingsError

LINE = re.compile(r'(\S+) - - \[([^\]]+)\] "(\S+) (\S+) (HTTP/\d\.\d)" (\d{3}) (\d+|-)')


def parse(line):
    match = LINE.fullmatch(line)
    if match is None:
        return None
    host, stamp, method, path, protocol, status, size = match.groups()
    try:
        time = datetime.strptime(stamp, "%d/%b/%Y:%H:%M:%S %z")
    except ValueError:
        return None
    return host, time, method, path, protocol, int(status), None if size == "-" else int(size)


@pytest.fixture(scope="module")
def week():
    return weblogs.generate(50_000, seed=3)


@given(rows=st.integers(0, 600), seed=st.integers(0, 2**256), malformed=st.floats(0.0, 1.0))
def test_every_line_says_what_the_truth_says(rows, seed, malformed):
    lines, truth = weblogs.generate(rows, seed, malformed)
    assert len(lines) == len(truth.records) == rows
    assert [parse(line) for line in lines] == list(truth.records)
    assert len(truth.malformed) == round(rows * malformed)
    assert {index for index, record in enumerate(truth.records) if record is None} == set(truth.malformed)
    assert all(line.isascii() and "\n" not in line for line in lines)


def test_every_kind_of_malformed_line_occurs_and_none_can_be_parsed():
    lines, truth = weblogs.generate(5_000, 1, malformed=0.2)
    counts = Counter(truth.malformed.values())
    assert set(counts) == set(weblogs.MALFORMED)
    assert max(counts.values()) - min(counts.values()) <= 1
    assert all(parse(lines[index]) is None for index in truth.malformed)


def test_malformed_lines_take_nothing_from_the_robot():
    _, truth = weblogs.generate(5_000, 1, malformed=0.3)
    assert truth.bot is not None
    assert truth.count("host")[truth.bot.host] == truth.bot.requests


def test_the_same_seed_gives_the_same_lines_and_another_seed_others():
    assert weblogs.generate(300, 5, 0.1) == weblogs.generate(300, 5, 0.1)
    assert weblogs.generate(300, 5)[0] != weblogs.generate(300, 6)[0]


def test_lines_are_in_order_of_time_within_one_week(week):
    times = [record.time for record in week[1].valid]
    assert times == sorted(times)
    assert times[0] >= weblogs.START
    assert (times[-1] - weblogs.START).total_seconds() < weblogs.SPAN_S


def test_hosts_follow_zipfs_law(week):
    counts = week[1].count("host")
    del counts[week[1].bot.host]
    total, hosts = counts.total(), 2_099
    norm = sum(rank**-weblogs.ZIPF_EXPONENT for rank in range(1, hosts + 1))
    ranked = [count for _, count in counts.most_common()]
    for share, ranks in ((1 / norm, 1), (sum(rank**-1.1 for rank in range(1, 11)) / norm, 10)):
        assert sum(ranked[:ranks]) / total == pytest.approx(share, rel=0.12)


def test_the_day_has_a_peak_and_a_trough(week):
    hours = week[1].count_hours()
    assert set(hours) == set(range(24))
    peak = max(hours, key=hours.get)
    assert 9 <= peak <= 20
    assert hours[peak] > 4 * min(hours.values())


def test_some_links_are_broken_and_send_nothing(week):
    lost = [record for record in week[1].valid if record.status == 404]
    assert 0.025 < len(lost) / 50_000 < 0.085
    assert all(record.size is None and record.path.startswith("/old/") for record in lost)


def test_the_robot_fetches_numbered_pages_at_a_fixed_interval(week):
    truth = week[1]
    visits = [record for record in truth.valid if record.host == truth.bot.host]
    assert len(visits) == truth.bot.requests == 1_000
    assert visits[0].time == truth.bot.first
    gaps = {(b.time - a.time).total_seconds() for a, b in itertools.pairwise(visits)}
    assert gaps == {truth.bot.period_s}
    assert [record.path for record in visits] == [f"{weblogs.BOT_PREFIX}{k:05}.html" for k in range(1, 1_001)]


def test_nobody_else_fetches_the_robots_pages(week):
    truth = week[1]
    assert {r.host for r in truth.valid if r.path.startswith(weblogs.BOT_PREFIX)} == {truth.bot.host}


def test_every_student_has_other_facts():
    truths = [weblogs.generate(2_000, seed)[1] for seed in range(12)]
    assert len({truth.bot.host for truth in truths}) >= 10
    assert len({truth.count("host").most_common(1)[0] for truth in truths}) >= 11
    assert len({truth.count("status")[404] for truth in truths}) >= 8
    assert len({truth.total_size() for truth in truths}) == 12


def test_a_few_lines_have_no_robot():
    assert weblogs.generate(100, 0)[1].bot is None


def test_a_large_log_keeps_the_robot_within_the_week():
    _, truth = weblogs.generate(200_000, 2)
    assert truth.count("host")[truth.bot.host] == truth.bot.requests == 4_000


@pytest.mark.parametrize("arguments", [(-1, 0), (1, -1), (1, 0, 1.5), (1, 0, -0.1), (1, 0, float("nan"))])
def test_what_cannot_be_is_refused(arguments):
    with pytest.raises(SettingsError) as caught:
        weblogs.generate(*arguments)
    assert caught.value.fix


def test_the_catalog_knows_the_fields():
    assert [column.name for column in find_entry("weblogs").columns][-3:] == ["request", "status", "size"]
