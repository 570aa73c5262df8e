"""A failure card: what happened, why, and what to try, in place of a Java trace; the trace is one click away."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from html import escape
from typing import Final

_WIDTH: Final = 100


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
    """

    title: str
    what: str
    why: str
    try_: tuple[Step, ...]
    trace: str = ""
    evidence: str = ""

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
        evidence = f"<pre class='ck-code'>{escape(self.evidence)}</pre>" if self.evidence else ""
        trace = (
            f"<details><summary>The whole trace</summary><pre class='ck-trace'>{escape(self.trace)}</pre></details>"
            if self.trace
            else ""
        )
        return (
            f"<style>{_STYLE}</style><div class='ck-card' role='alert'>"
            f"<div class='ck-title'><span aria-hidden='true'>&#9650;</span> {_prose(self.title)}</div>{evidence}"
            f"<p><b>What happened</b> {_prose(self.what)}</p><p><b>Why</b> {_prose(self.why)}</p>"
            f"<p><b>What to try</b></p><ol>{''.join(map(_step, self.try_))}</ol>{trace}</div>"
        )

    def _repr_html_(self) -> str:
        return self.as_html()


def _step(step: Step) -> str:
    code = f"<pre class='ck-code'>{escape(step.code)}</pre>" if step.code else ""
    return f"<li>{_prose(step.text)}{code}</li>"


def _prose(text: str) -> str:
    """Escape a sentence; what stands between backticks is code."""
    parts = escape(text).split("`")
    if len(parts) % 2 == 0:  # a backtick without its other half is only a character
        return escape(text)
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))


def _wrap(label: str, text: str) -> list[str]:
    return textwrap.wrap(f"{label}{text}", _WIDTH, subsequent_indent=" " * 2, break_long_words=False)


# Jupyter's own colours follow its theme; where there are none (exported pages), the reader's system decides.
# The accent tells failures from results for colour-blind readers too, and the sign beside the title does without it.
_STYLE: Final = """
.ck-card{--ck-text:var(--jp-content-font-color1,#1f1f1f);--ck-back:var(--jp-layout-color1,#fff);
--ck-soft:var(--jp-layout-color2,#f2f2f2);--ck-line:var(--jp-border-color2,#c8c8c8);
border:1px solid var(--ck-line);border-left:5px solid #D55E00;border-radius:3px;padding:10px 16px;margin:4px 0;
max-width:52rem;color:var(--ck-text);background:var(--ck-back);
font-family:var(--jp-content-font-family,system-ui,sans-serif);font-size:14px;line-height:1.5;overflow-wrap:anywhere}
.ck-card .ck-title{font-size:16px;font-weight:600;margin:0 0 6px}
.ck-card .ck-title>span{color:#D55E00;font-size:13px;margin-right:4px}
.ck-card p{margin:6px 0}.ck-card p>b{margin-right:6px}
.ck-card ol{margin:0 0 6px;padding-left:24px}.ck-card li{margin:4px 0}
.ck-card code,.ck-card pre{font-family:var(--jp-code-font-family,ui-monospace,monospace);font-size:13px;
color:var(--ck-text);background:var(--ck-soft)}
.ck-card code{padding:1px 4px;border-radius:2px}
.ck-card pre{margin:6px 0;padding:6px 10px;border-radius:3px;white-space:pre-wrap;overflow-wrap:anywhere}
.ck-card pre.ck-trace{max-height:24rem;overflow:auto;font-size:12px;white-space:pre;overflow-wrap:normal}
.ck-card summary{cursor:pointer;color:var(--ck-text);opacity:.85}
@media (prefers-color-scheme:dark){.ck-card{--ck-text:var(--jp-content-font-color1,#e6e6e6);
--ck-back:var(--jp-layout-color1,#1e1e1e);--ck-soft:var(--jp-layout-color2,#2d2d2d);
--ck-line:var(--jp-border-color2,#5a5a5a)}}
""".replace("\n", "")
