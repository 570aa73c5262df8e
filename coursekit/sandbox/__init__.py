"""Runs code of strangers: one notebook in one sandbox, out of which come outputs and scores and nothing else.

``run_request(choose_box(), Request(...))`` is all that graders use. `boxes` says what a sandbox is made of;
`supervisor`, `executor`, `channel`, `hook` and `integrity` run inside.
"""

from __future__ import annotations

from coursekit.sandbox.boxes import Box, choose_box
from coursekit.sandbox.limits import Limits, read_limits
from coursekit.sandbox.request import Cell, CellResult, Outcome, Request, read_outcome
from coursekit.sandbox.run import run_request

__all__ = [
    "Box",
    "Cell",
    "CellResult",
    "Limits",
    "Outcome",
    "Request",
    "choose_box",
    "read_limits",
    "read_outcome",
    "run_request",
]
