"""A figure that a notebook shows, whether or not anybody imported pyplot."""

from __future__ import annotations

from io import BytesIO

from matplotlib.figure import Figure


class Picture(Figure):
    """matplotlib's figure, which IPython shows of itself.

    IPython learns to show a plain `Figure` when pyplot is imported, and not before.
    """

    def _repr_png_(self) -> bytes:
        buffer = BytesIO()
        self.savefig(buffer, format="png", bbox_inches="tight")
        return buffer.getvalue()
