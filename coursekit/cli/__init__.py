"""The command line: parse, one call, print. Each noun is a module of this room."""

from __future__ import annotations

from coursekit.cli.main import main

__all__ = ["main"]
