"""What the release gate has found fair, known by its content: so that formgrader's button can ask for it as well."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final

_PROVEN: Final = "proven"


def digest_of(released: Path) -> str:
    """Give a digest of what students would get: what cells say and which they are, and every other file's content."""
    known = {str(path.relative_to(released)): _content(path) for path in sorted(released.rglob("*")) if path.is_file()}
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


def _content(path: Path) -> str:
    if path.suffix != ".ipynb":
        return hashlib.sha256(path.read_bytes()).hexdigest()
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return json.dumps([[cell["cell_type"], cell["source"], cell["metadata"].get("nbgrader")] for cell in cells])


def write_proof(course_dir: Path, name: str, digest: str) -> None:
    """Write down that an assignment of this content is fair."""
    path = course_dir / _PROVEN / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{digest}\n")


def is_proven(course_dir: Path, name: str, released: Path) -> bool:
    """Whether what is about to be released was found fair, as it is now."""
    path = course_dir / _PROVEN / name
    return path.exists() and path.read_text().strip() == digest_of(released)
