"""Python source is parsed in any thread."""

import inspect
import sys
import threading
import time

import pytest

from coursekit import syntax
from coursekit.engine import docker


class _GivesWay:
    """Lets another thread go on when it is collected, which may be in the middle of a parse."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        time.sleep(0)


@pytest.fixture
def _threads_change_often():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("_threads_change_often")
def test_threads_that_parse_at_once_do_not_end_each_other():
    source = inspect.getsource(docker)
    failures = []

    def parse_often():
        for _ in range(40):
            _GivesWay()
            try:
                syntax.parse(source)
            except SystemError as error:
                failures.append(error)

    threads = [threading.Thread(target=parse_often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
