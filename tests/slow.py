"""Run the layers of tests that take minutes, two modules at a time; only those of documents if nothing else changed.

When all of them have passed, it is written down in the machine's cache under a digest of every file of the project that
is no document, the interpreter and the daemon's version. As long as these are the same, they are not run again, and it
says so. ``FRESH=1`` runs all of them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from platformdirs import user_cache_path

ROOT = Path(__file__).parents[1]
SLOW = ("contract", "images", "integration", "browser", "attacks")
OF_DOCUMENTS = ("integration/test_docs_commands.py", "integration/test_site.py", "browser/test_site.py")


def is_document(path: str) -> bool:
    is_page = path.endswith(".md") and (path.startswith("docs/") or "/" not in path)
    return is_page or path.startswith("docs/pictures/")


def digest_of_all_but_documents() -> str:
    """Hash the names and contents of what is committed, or would be, and what runs the tests."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = hashlib.sha256(f"{platform.python_version()} {platform.machine()} {version_of_daemon()}".encode())
    for name in sorted(set(listed.stdout.split("\0")) - {""}):
        path = ROOT / name
        if path.is_file() and not is_document(name):
            found.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\0".encode())
    return found.hexdigest()


def version_of_daemon() -> str:
    with contextlib.suppress(OSError):
        asked = ["docker", "version", "--format", "{{.Server.Version}}"]
        return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return ""


def main() -> int:
    passed = user_cache_path("coursekit") / "tests" / digest_of_all_but_documents()
    chosen = SLOW
    if passed.exists() and not os.environ.get("FRESH"):
        print(
            f"All of {', '.join(SLOW)} passed {passed.read_text().strip()}. Only documents have changed since: "
            "of these layers, only tests of documents run. FRESH=1 runs all."
        )
        chosen = OF_DOCUMENTS
    # Whole modules go to one of two: fixtures of a module are made once.
    paths = [str(ROOT / "tests" / name) for name in chosen]
    options = ["-n", os.environ.get("TESTS_AT_ONCE", "2"), "--dist", "loadfile", "--no-loadscope-reorder"]
    ended = pytest.main([*options, *paths])
    if ended == pytest.ExitCode.OK and chosen == SLOW:
        passed.parent.mkdir(parents=True, exist_ok=True)
        passed.write_text(f"on {datetime.now(UTC):%d %B %Y at %H:%M} UTC\n")
    return int(ended)


if __name__ == "__main__":
    sys.exit(main())
