"""Gives a process a clock that a file sets: imported by each Python that has this folder in its PYTHONPATH.

The file, which ``COURSEKIT_TEST_CLOCK`` names, says by how many seconds the clock is ahead of the machine's. How much
time passes (``time.monotonic``) a process learns as all others do, as when an operator sets the clock.
"""

import os
import threading
import time
from datetime import timedelta
from pathlib import Path


def _follow(file: Path) -> None:
    import time_machine

    ahead, travel = "+0", None
    while True:
        said = file.read_text().strip() or ahead  # empty while it is written
        if said != ahead:
            if travel is not None:
                travel.stop()
            ahead, travel = said, time_machine.travel(timedelta(seconds=int(said)), tick=True)
            travel.start()
        time.sleep(0.2)


threading.Thread(target=_follow, args=(Path(os.environ["COURSEKIT_TEST_CLOCK"]),), daemon=True).start()
