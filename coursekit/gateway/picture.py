"""The class at one look, for those who only watch: records of usage, and metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from coursekit.gateway.fairshare import Claim, Decision
from coursekit.gateway.quotas import Resources


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """The class at one look.

    Parameters
    ----------
    at : float
        When, seconds since the epoch.
    claims : tuple of Claim
        What each cluster wants and has.
    decision : Decision
        What was decided.
    capacity : Resources
        What all workers may use.
    assignments : mapping of str to str
        What each cluster is used for, as its owner's notebook says.
    decided_in_s : float
        How long the decision took, s.
    """

    at: float
    claims: tuple[Claim, ...]
    decision: Decision
    capacity: Resources
    assignments: Mapping[str, str]
    decided_in_s: float = 0.0


Watch = Callable[[Picture], None]
"""Is called in a thread, never twice at once; a look that comes meanwhile is left out."""
