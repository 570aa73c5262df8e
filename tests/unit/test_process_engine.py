"""What the engine of this machine's processes makes of processes that are not its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from coursekit.engine import NodeSpec, ProcessEngine

SLEEP = (sys.executable, "-c", "print('here', flush=True); import time; time.sleep(600)")


@pytest.mark.parametrize("label", ["{}", "[1]", "7", '{"name', '{"directory": 1}'])
def test_a_variable_of_the_labels_name_in_another_process_troubles_nobody(tmp_path, label):
    engine = ProcessEngine(tmp_path, keep=True)
    environment = {**os.environ, "COURSEKIT_NODE": label}
    other = subprocess.Popen(SLEEP, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "here\n"
        engine.start(NodeSpec(name="n", owner="ada", group="g", role="worker", command=SLEEP))
        assert [node.name for node in engine.nodes()] == ["n"]
        engine.stop("n")
        assert engine.nodes() == ()
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
        other.stdout.close()
