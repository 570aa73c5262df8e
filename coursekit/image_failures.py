"""Why an image was not built: from what a step of the build wrote to an error that says what to do."""

from __future__ import annotations

import re
from typing import Final

from coursekit.errors import CapacityError, CoursekitError, ImageBuildError, MirrorError

# What pip and apt say when they reach nobody, as regular expressions, and when somebody else answers in his place.
_UNREACHED: Final = (
    "Temporary failure (in name resolution|resolving)|Could not (connect to|resolve)|Failed to fetch|"
    "NewConnectionError|NameResolutionError|ConnectTimeoutError|Failed to establish a new connection|"
    "No matching distribution found"
)
_UNTRUSTED: Final = "CERTIFICATE_VERIFY_FAILED|[Cc]ertificate verif"
_LINES: Final = 25


def explain_failure(tag: str, error: str, output: str) -> CoursekitError:
    """Say why an image was not built, and what to do.

    Parameters
    ----------
    tag : str
        The image.
    error : str
        What the daemon said of it.
    output : str
        What the step wrote before.
    """
    last = "\n".join(output.splitlines()[-_LINES:])
    said = f"{tag} was not built: {error}\n{last}"
    if "no space left on device" in said.lower():
        return CapacityError(said, fix="free space where the daemon keeps its images: docker system prune")
    if re.search(_UNTRUSTED, said):
        return MirrorError(said, fix="set COURSEKIT_CA to the file with your site's certificates, build again")
    if re.search(_UNREACHED, said):
        return MirrorError(
            said,
            fix="look whether the mirrors are reached, or name your site's (docs/images.md, Without the internet)",
        )
    return ImageBuildError(said, fix="mend what its last lines name, in its Dockerfile or in the lock file")
