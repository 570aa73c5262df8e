"""A failure card: what happened, why, and what to try, in place of a Java trace; the trace is one click away."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from html import escape
from typing import Final

_WIDTH: Final = 100

# Styles stand at the elements because frontends drop ``<style>`` from what they do not trust, and some then show its
# text. Text has the colour of what is around it and grounds are a veil over it, so that they follow any theme. The
# accents tell failures from results for colour-blind readers too, and the sign beside the title does without them.
_FAILURE: Final = "#D55E00"
_COST: Final = "#E69F00"
_LINE: Final = "rgba(128,128,128,.4)"
_VEIL: Final = "rgba(128,128,128,.15)"
_MONO: Final = "font-family:var(--jp-code-font-family,ui-monospace,monospace);font-size:13px;color:inherit"
_CODE: Final = f"{_MONO};background:{_VEIL};padding:1px 4px;border-radius:2px"
_PRE: Final = f"{_MONO};background:{_VEIL};margin:6px 0;padding:6px 10px;border-radius:3px;overflow-wrap:anywhere"
_TRACE: Final = "max-height:24rem;overflow:auto;font-size:12px;white-space:pre"
_TITLE: Final = "font-size:16px;font-weight:600;margin:0 0 6px"
_P: Final = "margin:6px 0"
_BOX: Final = (
    f"border:1px solid {_LINE};border-radius:3px;padding:10px 16px;margin:4px 0;max-width:52rem;"
    "color:var(--jp-content-font-color1,inherit);font-family:var(--jp-content-font-family,system-ui,sans-serif);"
    "font-size:14px;line-height:1.5;overflow-wrap:anywhere"
)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to try: a sentence, and the code for it."""

    text: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """One failure, explained.

    Parameters
    ----------
    title : str
        What failed, in a few plain words.
    what : str
        One sentence that says what happened, with its numbers.
    why : str
        One sentence that says why.
    try_ : tuple of Step
        One to three things to try, the likeliest first.
    trace : str
        The whole trace, for those who want it; may be empty.
    evidence : str
        Lines worth seeing at once: the reader's own line and its error.
    is_failure : bool
        False for what ended well but took longer than it needs to.
    """

    title: str
    what: str
    why: str
    try_: tuple[Step, ...]
    trace: str = ""
    evidence: str = ""
    is_failure: bool = True

    def as_text(self) -> str:
        """Write the card for a terminal, without its trace."""
        lines = [self.title]
        if self.evidence:
            lines += ["", textwrap.indent(self.evidence, "  "), ""]
        lines += [*_wrap("What happened: ", self.what), *_wrap("Why: ", self.why)]
        for step in self.try_:
            lines += _wrap("Try: ", step.text)
            if step.code:
                lines.append(textwrap.indent(step.code, "    "))
        return "\n".join(lines)

    def as_html(self) -> str:
        """Draw the card for a notebook; whatever comes from an exception is data, never markup."""
        role, accent = ("alert", _FAILURE) if self.is_failure else ("note", _COST)
        evidence = _code(self.evidence) if self.evidence else ""
        trace = (
            f"<details><summary style='cursor:pointer'>The whole trace</summary>"
            f"<pre style='{_PRE};{_TRACE}'>{escape(self.trace)}</pre></details>"
            if self.trace
            else ""
        )
        return (
            f"<div class='ck-card' role='{role}' style='{_BOX};border-left:5px solid {accent}'>"
            f"<div style='{_TITLE}'><span aria-hidden='true' style='color:{accent}'>&#9650;</span> "
            f"{_prose(self.title)}</div>{evidence}"
            f"<p style='{_P}'><b>What happened:</b> {_prose(self.what)}</p>"
            f"<p style='{_P}'><b>Why:</b> {_prose(self.why)}</p><p style='{_P}'><b>What to try:</b></p>"
            f"<ol style='margin:0 0 6px;padding-left:24px'>{''.join(map(_step, self.try_))}</ol>{trace}</div>"
        )

    def _repr_html_(self) -> str:
        return self.as_html()


def _step(step: Step) -> str:
    return f"<li style='margin:4px 0'>{_prose(step.text)}{_code(step.code) if step.code else ''}</li>"


def _code(text: str) -> str:
    return f"<pre style='{_PRE};white-space:pre-wrap'>{escape(text)}</pre>"


def _prose(text: str) -> str:
    """Escape a sentence; what stands between backticks is code."""
    parts = escape(text).split("`")
    if len(parts) % 2 == 0:  # a backtick without its other half is only a character
        return escape(text)
    return "".join(f"<code style='{_CODE}'>{part}</code>" if index % 2 else part for index, part in enumerate(parts))


def _wrap(label: str, text: str) -> list[str]:
    return textwrap.wrap(f"{label}{text}", _WIDTH, subsequent_indent=" " * 2, break_long_words=False)
