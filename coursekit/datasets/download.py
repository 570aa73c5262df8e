"""Fetch a public file: resumed where it broke off, checked before it gets its name."""

from __future__ import annotations

import http
import http.client
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

from coursekit.config import MiB
from coursekit.datasets.catalog import PublicFile
from coursekit.datasets.files import checksum, locked, require_space, write_record
from coursekit.datasets.progress import Advance, progress_bar
from coursekit.errors import CorruptDatasetError, DownloadError

ATTEMPTS: Final = 4  # without a byte of progress between them
WAIT_MAX_S: Final = 8.0
TIMEOUT_S: Final = 30.0

# What a broken connection looks like; a refusal (4xx) is an HTTPError and not tried again.
_BROKEN: Final = (ConnectionError, TimeoutError, http.client.HTTPException, urllib.error.URLError)


def fetch(public: PublicFile, target: Path, *, wait_s: float = 1.0) -> None:
    """Fetch a public file to ``target``, unless it is there.

    What has come lies in ``<target>.part`` and is not fetched again by a later call.

    Parameters
    ----------
    wait_s : float
        Pause before the second attempt, s; doubled for each further one.

    Raises
    ------
    DownloadError
        If no address gives it.
    CorruptDatasetError
        If what came is not the file that the catalog describes.
    """
    with locked(target):
        if target.exists():
            return
        part = target.with_name(target.name + ".part")
        require_space(target.parent, public.size - _size(part))
        failures = []
        for url in public.urls:
            try:
                _fetch_from(url, part, public, wait_s)
            except (*_BROKEN, OSError) as error:
                failures.append(f"{url}: {_reason(error)}")
                continue
            _accept(part, target, public)
            return
    raise DownloadError(
        f"{public.file} could not be fetched ({'; '.join(failures)}).",
        fix=f'use source="generated", or fetch it elsewhere from {public.page} and put it at {target}',
    )


def _reason(error: BaseException) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answered {error.code} {error.reason}"
    return str(getattr(error, "reason", "") or error) or type(error).__name__


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _fetch_from(url: str, part: Path, public: PublicFile, wait_s: float) -> None:
    """Fetch the rest of a file from one address; as long as bytes come, broken connections do not count."""
    with progress_bar(f"fetching {public.file}", public.size, in_bytes=True) as advance:
        advance(_size(part))
        fruitless = 0
        while (have := _size(part)) < public.size:
            try:
                _fetch_rest(url, part, public, advance)
            except _BROKEN as error:
                if getattr(error, "code", None) == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    part.unlink()  # the server's file ends before this one: what has come is of no use
                    raise
                fruitless = 0 if _size(part) > have else fruitless + 1
                if fruitless == ATTEMPTS or _is_final(error):
                    raise
                time.sleep(min(wait_s * 2 ** max(fruitless - 1, 0), WAIT_MAX_S))


def _is_final(error: Exception) -> bool:
    """Tell whether there is no use in trying again: the server refused, or nobody knows its name."""
    if isinstance(error, urllib.error.HTTPError):
        return error.code < 500 and error.code != http.HTTPStatus.TOO_MANY_REQUESTS
    return isinstance(getattr(error, "reason", None), socket.gaierror)


def _fetch_rest(url: str, part: Path, public: PublicFile, advance: Advance) -> None:
    """Ask for what is missing and append it; a server that sends all is taken from the start."""
    have = _size(part)
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"})  # noqa: S310 - from the catalog
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
        is_rest = answer.status == 206
        if have and not is_rest:
            advance(-have)
        with part.open("ab" if is_rest else "wb") as file:
            while block := answer.read(MiB):
                file.write(block)
                advance(len(block))
    if _size(part) == have:
        raise http.client.IncompleteRead(b"", public.size - have)


def _accept(part: Path, target: Path, public: PublicFile) -> None:
    """Give a complete download its name, or throw it away."""
    digest = checksum(part)
    if part.stat().st_size != public.size or digest != public.sha256:
        found = f"{part.stat().st_size} bytes, sha256 {digest}"
        part.unlink()
        raise CorruptDatasetError(
            f"what came as {public.file} has {found}, not {public.size} bytes, sha256 {public.sha256}.",
            fix='fetch it again; if this repeats, the file has changed at its source: use source="generated"',
        )
    part.replace(target)
    write_record(target, digest)
