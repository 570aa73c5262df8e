"""Who waits where, and who gets what others give up: told in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from coursekit.cluster.provisioner import QueuePlace
from coursekit.gateway.events import Events
from coursekit.gateway.fairshare import Waiting
from coursekit.gateway.ledger import Entry
from coursekit.gateway.lifetime import QUEUE_S
from coursekit.gateway.store import Wanted


def tell_places(entries: Iterable[Entry], waiting: Mapping[str, Waiting], events: Events) -> None:
    """Tell everybody who waits where, when that has changed: those first for whom others hand back already."""
    in_order = sorted(entries, key=lambda one: (one.since, one.key))
    next_ones = [one.key for one in in_order if one.is_short and one.target > one.here]
    for entry in in_order:
        place: QueuePlace | None = None
        if entry.key in next_ones:
            reason = entry.obstacle or "others hand back to the class"
            place = QueuePlace(position=next_ones.index(entry.key) + 1, missing=entry.missing, reason=reason)
        elif entry.is_short and entry.key in waiting:
            one = waiting[entry.key]
            position = one.position + len(next_ones) if one.position else 0
            place = QueuePlace(position=position, missing=entry.missing, reason=one.reason)
        if place != entry.queue:
            if place is not None and entry.queue is None:
                message = f"Your cluster {entry.spec.name!r} is {place}."
                events.tell(entry.owner, "queued", entry.spec.name, message)
            entry.queue = place
            entry.bump()


def still_waits(wanted: Wanted, running: Mapping[str, str] | None, *, now: float) -> bool:
    """Say whether who had no worker when the gateway ended still waits for one when the next begins.

    Parameters
    ----------
    wanted : Wanted
        What they waited for.
    running : mapping or None
        The users whose servers run; None where users have none. However long somebody has waited, and whatever the
        clock says: whose server runs keeps their place.
    now : float
        Seconds since the epoch.
    """
    return wanted.owner in running if running is not None else now - wanted.since < QUEUE_S


def reclaimed(entry: Entry, entries: Iterable[Entry], workers: int, before: int) -> str:
    """Say in words who gets the workers that a cluster gives up."""
    verb = "goes" if before - workers == 1 else "go"
    others = (one for one in entries if one.owner == entry.owner and one is not entry)
    own = next((one.spec.name for one in others if one.target > one.here), None)
    whither = f"to your cluster {own!r}" if own else "back to the class"
    then = "your job goes on" if workers else "your job waits until some come back"
    return f"{before - workers} of your {before} workers {verb} {whither}; {then}."
