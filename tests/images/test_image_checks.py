"""The checks of ``images/<name>/checks.py``, each on the image that it was written for and on all built on that."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from docker_fixtures import require_docker

from coursekit.config import find_course
from coursekit.image_checks import Box, Check, matrix, open_box
from coursekit.images import read_catalog

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1800)]

COURSE = find_course()
MATRIX = matrix(read_catalog(COURSE))


@pytest.fixture(scope="module")
def box(request: pytest.FixtureRequest) -> Iterator[Box]:
    require_docker(request.param.name)
    with open_box(request.param, COURSE) as box:
        yield box


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    pairs = [(image, check) for image, checks in MATRIX for check in checks]
    ids = [f"{image.name}: {check.name}" for image, check in pairs]
    metafunc.parametrize(("box", "check"), pairs, indirect=["box"], ids=ids, scope="module")


def test_it_holds_that(box: Box, check: Check) -> None:
    check.run(box)
