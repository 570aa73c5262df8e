"""Logs of a web server that never was: lines in the Common Log Format, and the truth about them.

    192.0.2.17 - - [03/Sep/2025:14:05:59 +0000] "GET /lectures/week-03/notes.html HTTP/1.1" 200 4711

Hosts follow Zipf's law, sessions start as a Poisson process whose rate follows the time of day, some links are broken,
and one host is a robot with a signature. Which host leads, when the day peaks, how many links are broken and how the
robot behaves depends on the seed, so that every student has other facts to find. The shape is that of the logs of the
NASA Kennedy Space Center (1995, Internet Traffic Archive); no line is taken from them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from coursekit.errors import SettingsError

START: Final = datetime(2025, 9, 1, tzinfo=UTC)  # a Monday
MONTH: Final = "Sep/2025"  # strftime is slow, and follows the locale in the name of the month
DAY_S: Final = 86_400
SPAN_S: Final = 7 * DAY_S

ZIPF_EXPONENT: Final = 1.1
SESSION_REQUESTS: Final = 8.0  # mean
REQUEST_GAP_S: Final = 25.0  # mean
DAY_SWING: Final = 0.8  # the rate is 1 + 0.8 cos(2 pi (hour - peak) / 24)
BOT_SHARE: Final = 0.02
BOT_REQUESTS_MIN, BOT_REQUESTS_MAX = 3, 20_000
BOT_PREFIX: Final = "/archive/"

Ints = NDArray[np.int64]


class Record(NamedTuple):
    """What one well-formed line says; ``size`` is in bytes and None where the line has a hyphen."""

    host: str
    time: datetime
    method: str
    path: str
    protocol: str
    status: int
    size: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Bot:
    """The planted robot: it fetches numbered pages in order, one every ``period_s`` seconds, without a miss."""

    host: str
    period_s: int
    requests: int
    first: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Truth:
    """What is true of the lines, from the generator itself and not from parsing.

    Parameters
    ----------
    records : tuple of Record or None
        One for each line, in order; None where the line is malformed.
    malformed : mapping of int to str
        Index and kind (a key of `MALFORMED`) of each malformed line.
    bot : Bot or None
        None when there are so few rows that its share would be under three lines.
    """

    records: tuple[Record | None, ...]
    malformed: Mapping[int, str] = field(default_factory=dict)
    bot: Bot | None = None

    @property
    def valid(self) -> tuple[Record, ...]:
        """The records of the well-formed lines."""
        return tuple(record for record in self.records if record is not None)

    def count(self, name: str) -> Counter[Any]:
        """Count the well-formed lines by a field of `Record`: ``truth.count("status")[404]``."""
        return Counter(getattr(record, name) for record in self.valid)

    def count_hours(self) -> Counter[int]:
        """Count the well-formed lines by hour of the day, 0 to 23."""
        return Counter(record.time.hour for record in self.valid)

    def total_size(self) -> int:
        """Add up the bytes of the well-formed lines; a hyphen adds nothing."""
        return sum(record.size or 0 for record in self.valid)


def generate(rows: int, seed: int, malformed: float = 0.0) -> tuple[list[str], Truth]:
    """Generate log lines and the truth about them.

    Parameters
    ----------
    rows : int
        Lines in all, malformed ones included.
    seed : int
        0 or more; the same gives the same lines.
    malformed : float
        Share of malformed lines, 0 to 1; the kinds of `MALFORMED` take turns.

    Returns
    -------
    lines : list of str
        In order of time (malformed ones anywhere), without line ends, ASCII.
    truth : Truth

    Raises
    ------
    SettingsError
        If rows or seed are negative, or the share is not from 0 to 1.
    """
    _check(rows, seed, malformed)
    rng = np.random.default_rng(seed)
    broken = round(rows * malformed)
    records, bot = _draw_records(rng, rows - broken)
    lines = [_format(record) for record in records]
    if broken == 0:
        return lines, Truth(records=tuple(records), bot=bot)
    return _mix(rng, records, lines, broken, bot)


def _check(rows: int, seed: int, malformed: float) -> None:
    if rows < 0 or seed < 0:
        raise SettingsError(f"rows = {rows}, seed = {seed}, but neither can be negative.", fix="use numbers from 0")
    if not 0.0 <= malformed <= 1.0:
        raise SettingsError(f"malformed = {malformed} is not a share.", fix="give a number from 0 to 1, such as 0.02")


def _format(record: Record) -> str:
    return _line(record, size="-" if record.size is None else str(record.size))


def _line(record: Record, *, size: str, stamp: str = "", status: str = "", quote: str = '"') -> str:
    time = record.time
    stamp = stamp or f"{time.day:02}/{MONTH}:{time.hour:02}:{time.minute:02}:{time.second:02} +0000"
    request = f"{quote}{record.method} {record.path} {record.protocol}{quote}"
    return f"{record.host} - - [{stamp}] {request} {status or record.status} {size}"


def _mix(
    rng: Generator, records: list[Record], lines: list[str], broken: int, bot: Bot | None
) -> tuple[list[str], Truth]:
    """Put malformed lines, each made from a well-formed one, at random places among the others."""
    rows = len(records) + broken
    places = np.sort(rng.choice(rows, size=broken, replace=False)).tolist()
    models = records or [Record("192.0.2.1", START, "GET", "/", "HTTP/1.1", 200, 1)]
    names = tuple(MALFORMED)
    kinds = {place: names[turn % len(names)] for turn, place in enumerate(places)}
    well_formed = iter(zip(lines, records, strict=True))
    mixed: list[str] = []
    truth: list[Record | None] = []
    for index in range(rows):
        if index in kinds:
            model = models[int(rng.integers(len(models)))]
            mixed.append(MALFORMED[kinds[index]](model, rng))
            truth.append(None)
        else:
            line, record = next(well_formed)
            mixed.append(line)
            truth.append(record)
    return mixed, Truth(records=tuple(truth), malformed=kinds, bot=bot)


def _cut(record: Record, rng: Generator) -> str:
    """End the line somewhere inside its request."""
    line = _format(record)
    first, last = line.index('"') + 1, line.rindex('"')
    return line[: int(rng.integers(first, last))]


def _noise(record: Record, rng: Generator) -> str:
    """Give printable characters that mean nothing."""
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz#!%&+=~"))
    return "".join(rng.choice(letters, int(rng.integers(20, 80))))


MALFORMED: Final[Mapping[str, Callable[[Record, Generator], str]]] = {
    "empty": lambda record, rng: "",
    "cut": _cut,
    "unquoted": lambda record, rng: _line(record, size="1", quote=""),
    "time": lambda record, rng: _line(record, size="1", stamp="yesterday"),
    "status": lambda record, rng: _line(record, size="1", status="2OO"),  # letters, not zeros
    "size": lambda record, rng: _line(record, size=f"{int(rng.integers(1, 99))}k"),
    "noise": _noise,
}
"""The kinds of malformed lines. None of them has host, time, quoted request, three-digit status and size."""


def _zipf(rng: Generator, values: int, size: int, exponent: float = ZIPF_EXPONENT) -> Ints:
    """Draw ranks 0 to ``values - 1`` with probability proportional to ``(rank + 1) ** -exponent``."""
    weights = np.arange(1, values + 1, dtype=np.float64) ** -exponent
    drawn: Ints = np.searchsorted(np.cumsum(weights) / weights.sum(), rng.random(size), side="right")
    return np.minimum(drawn, values - 1)


def _draw_hosts(rng: Generator) -> list[str]:
    """Name the hosts in order of rank; addresses and names are those reserved for documentation (RFC 5737, 2606)."""
    blocks = ("192.0.2", "198.51.100", "203.0.113")
    addresses = [f"{block}.{k}" for block in blocks for k in range(1, 201)]
    names = [f"pc{k:04}.{net}.example" for net in ("campus", "library", "dsl", "mobile") for k in range(1, 376)]
    hosts = np.array(addresses + names)
    return [str(host) for host in rng.permutation(hosts)]


def _draw_pages(rng: Generator) -> tuple[list[str], Ints, list[str]]:
    """Give the pages in order of rank, their sizes in bytes, and the paths of broken links in order of rank."""
    pages = [f"/lectures/week-{w:02}/{n}" for w in range(1, 15) for n in ("notes.html", "slides.pdf", "plot.gif")]
    pages += [f"/people/{chr(97 + k)}/index.html" for k in range(26)]
    pages += [f"/search?q=topic+{k}" for k in range(40)] + ["/", "/index.html", "/style.css", "/logo.gif"]
    pages = [str(page) for page in rng.permutation(np.array(pages))]
    missing = [f"/old/page-{k}.html" for k in rng.permutation(np.arange(100, 160)).tolist()]
    sizes = np.maximum(rng.lognormal(8.5, 1.2, len(pages)), 40.0).astype(np.int64)
    return pages, sizes, missing


def _draw_times(rng: Generator, starts: int, peak_hour: float) -> NDArray[np.float64]:
    """Draw when sessions start, s after `START`.

    Given their number, the starts of a Poisson process are independent draws from its rate, here
    ``1 + DAY_SWING cos[2 pi (hour - peak) / 24]``, by the inverse of its integral.
    """
    hours = np.linspace(0.0, 24.0, 1441)
    turn = 2.0 * np.pi / 24.0
    integral = hours + DAY_SWING / turn * (np.sin(turn * (hours - peak_hour)) + np.sin(turn * peak_hour))
    of_day = np.interp(rng.random(starts) * 24.0, integral, hours) * 3600.0
    times: NDArray[np.float64] = of_day + DAY_S * rng.integers(0, SPAN_S // DAY_S, starts)
    return times


def _draw_records(rng: Generator, rows: int) -> tuple[list[Record], Bot | None]:
    """Draw well-formed records in order of time, and the robot among them."""
    hosts = _draw_hosts(rng)
    robot = hosts.pop()
    bot_requests = min(round(rows * BOT_SHARE), BOT_REQUESTS_MAX)
    if bot_requests < BOT_REQUESTS_MIN:
        return sorted(_draw_people(rng, hosts, rows), key=_time), None
    people = _draw_people(rng, hosts, rows - bot_requests)
    period = int(rng.integers(3, min(60, SPAN_S // 2 // bot_requests) + 1))
    first = int(rng.integers(0, SPAN_S - period * bot_requests))
    bot = Bot(host=robot, period_s=period, requests=bot_requests, first=START + timedelta(seconds=first))
    return sorted(people + _draw_bot(rng, bot), key=_time), bot


_time = attrgetter("time")


def _draw_bot(rng: Generator, bot: Bot) -> list[Record]:
    sizes = rng.integers(900, 1100, bot.requests).tolist()
    times = (bot.first + timedelta(seconds=k * bot.period_s) for k in range(bot.requests))
    return [
        Record(bot.host, time, "GET", f"{BOT_PREFIX}{k:05}.html", "HTTP/1.0", 200, size)
        for k, (time, size) in enumerate(zip(times, sizes, strict=True), start=1)
    ]


def _draw_people(rng: Generator, hosts: list[str], rows: int) -> list[Record]:
    """Draw the sessions of all hosts but the robot, cut to the number of rows."""
    pages, page_sizes, missing = _draw_pages(rng)
    not_found_rate, peak_hour = rng.uniform(0.03, 0.08), rng.uniform(11.0, 18.0)
    lengths = rng.geometric(1.0 / SESSION_REQUESTS, rows)  # at least one each, so these are sessions enough
    sessions = int(np.searchsorted(np.cumsum(lengths), rows)) + 1 if rows else 0
    session = np.repeat(np.arange(sessions), lengths[:sessions])[:rows]
    starts = _draw_times(rng, sessions, peak_hour)
    gaps = rng.exponential(REQUEST_GAP_S, rows)
    elapsed = np.cumsum(gaps)
    is_first = np.diff(session, prepend=-1) > 0
    # Time since the session's own first request: cumulative time less that at its beginning.
    seconds = ((starts[session] + elapsed - elapsed[is_first][session]) % SPAN_S).astype(np.int64)

    host = _zipf(rng, len(hosts), sessions)[session]
    page, lost = _zipf(rng, len(pages), rows), _zipf(rng, len(missing), rows)
    u = rng.random(rows)
    status = np.select(
        [u < not_found_rate, u < not_found_rate + 0.10, u < not_found_rate + 0.12, u < not_found_rate + 0.123],
        [404, 304, 302, 500],
        200,
    )
    method = rng.choice(np.array(["GET", "HEAD", "POST"]), rows, p=[0.95, 0.03, 0.02])
    # -1 stands for the hyphen: no body was sent.
    size = np.select([method == "HEAD", status == 200, status == 304, status == 302], [-1, page_sizes[page], 0, 87], -1)
    protocol = rng.choice(np.array(["HTTP/1.0", "HTTP/1.1"]), rows, p=[0.2, 0.8])
    columns = (host, seconds, method, page, lost, protocol, status, size)
    return [
        Record(
            hosts[h],
            START + timedelta(seconds=t),
            m,
            missing[gone] if s == 404 else pages[p],
            v,
            s,
            z if z >= 0 else None,
        )
        for h, t, m, p, gone, v, s, z in zip(*(column.tolist() for column in columns), strict=True)
    ]
