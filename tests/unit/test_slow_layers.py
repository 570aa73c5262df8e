"""What counts as a document when it is decided whether the slow layers have to run again (`tests/slow.py`)."""

from __future__ import annotations

import pytest
import slow


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("README.md", True),
        ("docs/teaching/01-containers-to-clusters.md", True),
        ("docs/pictures/hub.png", True),
        ("docs/site/conf.py", False),
        ("assignments/a1/README.md", False),
        ("lessons/01-containers-to-clusters.ipynb", False),
        ("coursekit/images.py", False),
    ],
)
def test_only_pages_and_pictures_are_documents(path, expected):
    assert slow.is_document(path) is expected


def test_a_changed_document_changes_no_digest_and_any_other_file_does(tmp_path, monkeypatch):
    monkeypatch.setattr(slow, "ROOT", tmp_path)
    slow.subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / "README.md").write_text("one")
    (tmp_path / "code.py").write_text("1")
    before = slow.digest_of_all_but_documents()
    (tmp_path / "README.md").write_text("two")
    assert slow.digest_of_all_but_documents() == before
    (tmp_path / "code.py").write_text("2")
    assert slow.digest_of_all_but_documents() != before
