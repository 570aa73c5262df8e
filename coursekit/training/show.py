"""How a training shows itself while it runs: a bar and a table in a notebook, a line per epoch elsewhere."""

from __future__ import annotations

import sys
from html import escape
from typing import Any, Final

from coursekit.training.coordinator import Standing

# The course's colours (Okabe and Ito), which everybody can tell apart.
_BLUE: Final = "#0072B2"
_GREEN: Final = "#009E73"
_ORANGE: Final = "#D55E00"
_EPOCHS_SHOWN: Final = 6
_CELL: Final = "padding:1px 12px 1px 0;text-align:right;font-variant-numeric:tabular-nums"


class Display:
    """Shows one run in the cell that started it; updated from that cell's own thread.

    Parameters
    ----------
    is_wanted : bool
        Show nothing when False.
    """

    def __init__(self, *, is_wanted: bool = True) -> None:
        self._is_wanted = is_wanted
        self._handle: Any = None
        self._printed_epochs = self._printed_notes = 0

    def update(self, html: str, lines: list[str] | None = None) -> None:
        """Show how things stand: the HTML in a notebook, else the lines."""
        if not self._is_wanted:
            return
        if not _is_notebook():
            for line in lines or []:
                print(line, flush=True)
            return
        from IPython import display

        drawn: Any = display.HTML(html)  # type: ignore[no-untyped-call]
        if self._handle is None:
            self._handle = display.display(drawn, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(drawn)

    def show_standing(self, standing: Standing, *, is_over: bool = False) -> None:
        """Show how a training stands."""
        self.update(standing_html(standing, is_over=is_over), self._new_lines(standing))

    def _new_lines(self, standing: Standing) -> list[str]:
        """Give what has not been printed yet."""
        notes = standing.notes[self._printed_notes :]
        self._printed_notes = len(standing.notes)
        self._printed_epochs = min(self._printed_epochs, len(standing.history)) if notes else self._printed_epochs
        new = standing.history[self._printed_epochs :]
        first, self._printed_epochs = self._printed_epochs, len(standing.history)
        epochs = [_epoch_line(first + number, logs, standing) for number, logs in enumerate(new, start=1)]
        return [*notes, *epochs]


def standing_html(standing: Standing, *, is_over: bool = False) -> str:
    """Draw a bar, one quiet line, the last epochs, and what was out of the ordinary."""
    done, epochs = len(standing.history), max(1, standing.epochs)
    share = 1.0 if is_over else (done + standing.step / max(1, standing.steps)) / epochs
    colour = _GREEN if is_over else _BLUE
    bar = (
        f"<div role='progressbar' aria-valuemin='0' aria-valuemax='100' aria-valuenow='{100 * share:.0f}' "
        "aria-label='training' style='height:8px;margin:3px 0;border-radius:4px;overflow:hidden;"
        f"background:rgba(128,128,128,.25)'><div style='width:{100 * share:.1f}%;height:100%;background:{colour}'>"
        "</div></div>"
    )
    notes = "".join(f"<div style='color:{_ORANGE}'>&#9650; {escape(note)}</div>" for note in standing.notes)
    return (
        f"<div style='max-width:44em'><div>{escape(_headline(standing, is_over=is_over))}</div>"
        f"{bar}{_table(standing)}{notes}</div>"
    )


def _headline(standing: Standing, *, is_over: bool) -> str:
    done = len(standing.history)
    rate = f" · {standing.rows_per_s:,.0f} rows/s" if standing.rows_per_s else ""
    ranks = f" · {standing.ranks} rank{'' if standing.ranks == 1 else 's'}" if standing.ranks else ""
    if is_over:
        return f"{done} epoch{'' if done == 1 else 's'} trained{ranks}{rate}"
    if not standing.ranks:
        return "The ranks start: each imports Keras and reads its rows"
    loss = "" if standing.loss is None else f" · loss so far {standing.loss:.4f} (rank 0)"
    step = f" · batch {standing.step:,} of {standing.steps:,}" if standing.step else ""
    return f"Epoch {min(done + 1, standing.epochs)} of {standing.epochs}{step}{loss}{ranks}{rate}"


def _table(standing: Standing) -> str:
    if not standing.history:
        return ""
    names = list(standing.history[-1])
    first = max(0, len(standing.history) - _EPOCHS_SHOWN)
    heads = "".join(f"<th scope='col' style='{_CELL}'>{escape(name)}</th>" for name in ("epoch", *names))
    rows = "".join(
        f"<tr><td style='{_CELL}'>{first + number}</td>"
        + "".join(f"<td style='{_CELL}'>{logs.get(name, float('nan')):.4f}</td>" for name in names)
        + "</tr>"
        for number, logs in enumerate(standing.history[first:], start=1)
    )
    return f"<table style='margin:2px 0'><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _epoch_line(number: int, logs: dict[str, float], standing: Standing) -> str:
    metrics = "  ".join(f"{name} {value:.4f}" for name, value in logs.items())
    return f"epoch {number:>3} of {standing.epochs}  {metrics}  {standing.rows_per_s:,.0f} rows/s"


def _is_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")
