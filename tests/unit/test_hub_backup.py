from __future__ import annotations

import contextlib
import io
import os
import sqlite3
import stat
import subprocess
import sys
import tarfile

import pytest

from coursekit.errors import HubError, HubRunningError
from coursekit.hub.backup import back_up, restore
from coursekit.hub.configure import LABEL
from coursekit.hub.places import account
from coursekit.hub.settings import HubSettings
from coursekit.hub.upgrade import upgrade


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "lessons").mkdir()
    found = HubSettings(root=tmp_path, title="T")
    for folder in (found.state, found.homes / "ada", found.grading.course_dir, found.grading.inbound / "ada"):
        folder.mkdir(parents=True)
    write(found.state / "jupyterhub.sqlite", "before")
    write(found.grading.course_dir / "gradebook.db", "before")
    (found.state / "passwords.json").write_text("before")
    (found.state / "hub.log").write_text("can be made again")
    (found.homes / "ada" / "work.ipynb").write_text("before")
    return found


def write(path, value):
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE IF NOT EXISTS t (x)")
        database.execute("DELETE FROM t")
        database.execute("INSERT INTO t VALUES (?)", (value,))


def read(path):
    with contextlib.closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT x FROM t").fetchone()[0]


def names(path):
    with tarfile.open(path) as archive:
        return archive.getnames()


def test_what_was_backed_up_comes_back_and_what_was_there_is_kept_beside_it(settings, tmp_path):
    made = back_up(settings, tmp_path / "b.tar.gz")
    assert made.homes == ("ada",)
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    for path in (settings.state / "jupyterhub.sqlite", settings.grading.course_dir / "gradebook.db"):
        write(path, "after")
    (settings.homes / "ada" / "work.ipynb").write_text("after")
    restore(settings, made.path)
    assert read(settings.state / "jupyterhub.sqlite") == "before"
    assert read(settings.grading.course_dir / "gradebook.db") == "before"
    assert (settings.homes / "ada" / "work.ipynb").read_text() == "after", "homes were not in it"
    (kept,) = settings.state.glob("jupyterhub.sqlite.before-*")
    assert read(kept) == "after"


def test_what_was_used_and_the_quotas_that_were_given_are_in_a_backup(settings, tmp_path):
    usage, quotas = settings.state / "usage.sqlite", settings.runs / "gateway.sqlite"
    quotas.parent.mkdir()
    (settings.runs / "worker.log").write_text("can be made again")
    for path in (usage, quotas):
        write(path, "before")
    made = back_up(settings, tmp_path / "b.tar.gz")
    for path in (usage, quotas):
        write(path, "after")
    usage.with_name("usage.sqlite-wal").write_text("of a gateway that was killed")
    restore(settings, made.path)
    assert (read(usage), read(quotas)) == ("before", "before")
    assert (settings.runs / "worker.log").exists(), "what is beside them stays"
    assert not usage.with_name("usage.sqlite-wal").exists(), "it would be taken for changes to the restored one"


def test_homes_are_taken_along_when_asked_for(settings, tmp_path):
    assert not any(name.startswith("homes/") for name in names(back_up(settings, tmp_path / "a.tar.gz").path))
    made = back_up(settings, tmp_path / "b.tar.gz", with_homes=True)
    (settings.homes / "ada" / "work.ipynb").write_text("after")
    restore(settings, made.path)
    assert (settings.homes / "ada" / "work.ipynb").read_text() == "before"
    assert stat.S_IMODE((settings.homes / "ada").stat().st_mode) == 0o700
    assert (settings.homes / "ada" / "work.ipynb").stat().st_uid == account()


def test_what_can_be_made_again_is_not_in_it(settings, tmp_path):
    assert "state/hub.log" not in names(back_up(settings, tmp_path / "b.tar.gz").path)


def test_a_database_that_is_written_to_meanwhile_is_whole_in_the_backup(settings, tmp_path):
    path = settings.state / "jupyterhub.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("UPDATE t SET x = 'committed'")
        writer.commit()
        writer.execute("UPDATE t SET x = 'not yet'")
        made = back_up(settings, tmp_path / "b.tar.gz")
    restore(settings, made.path)
    assert read(path) == "committed"


def test_pipes_and_links_of_students_neither_stop_a_backup_nor_lead_out_of_it(settings, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("of the host")
    home = settings.homes / "ada"
    os.mkfifo(home / "pipe")
    (home / "link").symlink_to(secret)
    (home / "inside").symlink_to("work.ipynb")
    made = back_up(settings, tmp_path / "b.tar.gz", with_homes=True)
    restore(settings, made.path)
    assert not (home / "link").exists()
    assert (home / "inside").read_text() == "before"


def test_a_file_that_has_two_names_comes_back_under_both(settings, tmp_path):
    home = settings.homes / "ada"
    (home / "same.ipynb").hardlink_to(home / "work.ipynb")
    made = back_up(settings, tmp_path / "b.tar.gz", with_homes=True)
    restore(settings, made.path)
    assert [(home / name).read_text() for name in ("same.ipynb", "work.ipynb")] == ["before", "before"]


def test_what_a_student_calls_a_database_does_not_stop_a_backup(settings, tmp_path):
    submitted = settings.grading.inbound / "ada" / "mine.db"
    submitted.write_text("no database")
    locked = settings.homes / "ada" / "locked.sqlite"
    write(locked, "mine")
    with contextlib.closing(sqlite3.connect(locked, isolation_level=None)) as student:
        student.execute("BEGIN EXCLUSIVE")
        made = back_up(settings, tmp_path / "b.tar.gz", with_homes=True)
    assert f"exchange/{submitted.relative_to(settings.grading.exchange)}" in names(made.path)
    assert "homes/ada/locked.sqlite" in names(made.path)


def test_a_backup_never_takes_the_place_of_a_file(settings, tmp_path):
    (tmp_path / "b.tar.gz").write_text("something else")
    with pytest.raises(HubError, match="there already"):
        back_up(settings, tmp_path / "b.tar.gz")


def test_what_is_no_backup_changes_nothing(settings, tmp_path):
    (tmp_path / "text").write_text("no archive")
    with tarfile.open(tmp_path / "other.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("../../outside")
        archive.addfile(member, io.BytesIO())
    for name in ("text", "other.tar.gz", "missing"):
        with pytest.raises(HubError, match="is no backup"):
            restore(settings, tmp_path / name)
    assert read(settings.state / "jupyterhub.sqlite") == "before"


def test_while_the_hub_runs_nothing_is_restored_or_upgraded(settings, tmp_path):
    made = back_up(settings, tmp_path / "b.tar.gz")
    command = [sys.executable, "-m", "jupyterhub", "--help-all"]  # it writes more than the pipe holds, and waits
    hub = subprocess.Popen(command, env={**os.environ, LABEL: str(settings.state)}, stdout=subprocess.PIPE)
    with hub:
        hub.stdout.read(1)
        for refused in (lambda: restore(settings, made.path), lambda: upgrade(settings)):
            with pytest.raises(HubRunningError):
                refused()
        hub.kill()


def test_databases_of_this_version_need_no_upgrade_and_old_ones_are_upgraded_on_a_copy_first(settings):
    from jupyterhub import dbutil, orm
    from nbgrader.api import Gradebook

    hub, book = settings.state / "jupyterhub.sqlite", settings.grading.course_dir / "gradebook.db"
    hub.unlink()
    book.unlink()
    orm.new_session_factory(f"sqlite:///{hub}")
    Gradebook(f"sqlite:///{book}", "c").close()
    assert not upgrade(settings)
    with dbutil._temp_alembic_ini(f"sqlite:///{hub}") as ini:
        subprocess.run(
            [sys.executable, "-m", "alembic", "-c", ini, "stamp", "4621fec11365"], check=True, capture_output=True
        )
    told: list[str] = []
    with pytest.raises(HubError, match="nothing was changed"):
        upgrade(settings, tell=told.append)  # it has the columns already, so this migration fails
    assert any("copy" in each for each in told)
    assert not list(settings.state.glob("*.before-*"))


def test_an_upgrade_keeps_the_database_as_it_was(settings, monkeypatch):
    from coursekit.hub import upgrade as upgrading

    def databases(settings):
        yield "the database", settings.state / "jupyterhub.sqlite", lambda url: True, lambda url: write(url[10:], "new")

    monkeypatch.setattr(upgrading, "_databases", databases)
    assert upgrade(settings)
    assert read(settings.state / "jupyterhub.sqlite") == "new"
    (kept,) = settings.state.glob("jupyterhub.sqlite.before-*")
    assert read(kept) == "before"
