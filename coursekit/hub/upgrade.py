"""Upgrades of a Hub's databases: each on a copy, which takes its place only if that went well."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from coursekit.errors import HubError
from coursekit.grading.settings import put_scripts_on_path
from coursekit.hub.backup import copy_database, require_stopped
from coursekit.hub.settings import HubSettings


def upgrade(settings: HubSettings, *, tell: Callable[[str], None] = lambda step: None) -> bool:
    """Bring the Hub's database and the gradebook to what is installed: a copy first, which then takes their place.

    Returns
    -------
    bool
        Whether anything had to be changed.

    Raises
    ------
    HubRunningError
        If the Hub runs.
    HubError
        If the copy could not be upgraded; then nothing was changed.
    """
    require_stopped(settings)
    changed = False
    for title, path, needs, migrate in _databases(settings):
        if not path.is_file() or not needs(f"sqlite:///{path}"):
            tell(f"{title}: nothing to do")
            continue
        with tempfile.TemporaryDirectory(prefix="upgrade-", dir=path.parent) as temporary:
            copy = Path(temporary) / path.name
            copy_database(path, copy)
            tell(f"{title}: trying it on a copy")
            _try(title, lambda copy=copy, migrate=migrate: migrate(f"sqlite:///{copy}"))  # type: ignore[misc]
            kept = path.with_name(f"{path.name}.before-{datetime.now(UTC):%Y%m%dT%H%M%S}")
            shutil.copy2(path, kept)
            copy.replace(path)
            tell(f"{title}: upgraded; as it was before: {kept}")
        changed = True
    return changed


def _databases(settings: HubSettings) -> Iterator[tuple[str, Path, Callable[[str], bool], Callable[[str], None]]]:
    """Give the databases that are files, whether each needs an upgrade, and what does it."""
    from jupyterhub import dbutil

    if not settings.database:
        yield "the Hub's database", settings.state / "jupyterhub.sqlite", _hub_is_old, dbutil.upgrade
    yield "the gradebook", settings.grading.course_dir / "gradebook.db", _gradebook_is_old, _upgrade_gradebook


def _hub_is_old(url: str) -> bool:
    from jupyterhub import orm
    from sqlalchemy import create_engine

    engine = create_engine(url)
    try:
        orm.check_db_revision(engine)
    except orm.DatabaseSchemaMismatch:
        return True
    finally:
        engine.dispose()
    return False


def _gradebook_is_old(url: str) -> bool:
    from nbgrader.api import get_alembic_version
    from sqlalchemy import create_engine, inspect, text

    put_scripts_on_path()
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            if "alembic_version" not in inspect(engine).get_table_names():
                return True
            return bool(
                connection.execute(text("SELECT version_num FROM alembic_version")).scalar() != get_alembic_version()
            )
    finally:
        engine.dispose()


def _upgrade_gradebook(url: str) -> None:
    from nbgrader.dbutil import _temp_alembic_ini

    put_scripts_on_path()
    with _temp_alembic_ini(url) as ini:
        subprocess.run(["alembic", "-c", ini, "upgrade", "head"], check=True, capture_output=True)


def _try(title: str, migrate: Callable[[], None]) -> None:
    try:
        migrate()
    except Exception as error:
        raise HubError(
            f"{title} could not be upgraded: {error}. That was a copy; nothing was changed.",
            fix="go back to the version of coursekit that made it, and report this",
        ) from error
