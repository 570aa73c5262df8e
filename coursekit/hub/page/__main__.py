"""``python -m coursekit.hub.page``: what the Hub starts."""

from __future__ import annotations

import sys

from coursekit.errors import CoursekitError
from coursekit.hub.page.service import start


def main() -> None:
    """Run the course page from what the environment says."""
    try:
        start()
    except CoursekitError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
