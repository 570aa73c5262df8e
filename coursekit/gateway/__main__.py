"""``python -m coursekit.gateway``: what the Hub starts."""

from __future__ import annotations

import asyncio
import logging
import sys

from coursekit.errors import CoursekitError
from coursekit.gateway.service import read_address, run
from coursekit.gateway.settings import read_settings


def main() -> None:
    """Run the gateway from what the environment says."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        asyncio.run(run(read_settings(), read_address()))
    except CoursekitError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
