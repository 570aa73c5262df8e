"""An audit hook that keeps a student's code from looking at the code that grades it.

Tests and the answers that they call share one process, so an answer could walk up the stack to the test that called
it, and read there what is expected. Python announces each way to a stack frame to its audit hooks (PEP 578), and a
hook, once added, can neither be removed nor seen from Python. This one refuses: to whoever is not a library, frames,
tracing, the garbage collector's lists, other audit hooks and raw memory through ctypes. What is refused raises
`PermissionError` where it was tried and costs nobody a point.

Code that is neither a library's nor the grader's is known by its file name, and so pretending to be in a library's
file is refused too. Machine code that reads memory is beyond any hook; canaries and a person are there for that.
"""

from __future__ import annotations

import _thread
import sys
import sysconfig
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

_REFUSED: Final = frozenset(
    {
        "sys._getframe",
        "sys._current_frames",
        "sys._current_exceptions",
        "sys.settrace",
        "sys.setprofile",
        "gc.get_objects",
        "gc.get_referrers",
        "gc.get_referents",
        "code.__new__",
    }
)
_FRAMES: Final = frozenset({"tb_frame", "gi_frame", "cr_frame", "ag_frame"})


def install() -> None:
    """Add the hook to this process."""
    sys.addaudithook(_make_hook())


def _make_hook() -> Callable[[str, tuple[Any, ...]], None]:
    get_ident, places, starts = _thread.get_ident, _library_places(), str.startswith
    looking: set[int] = set()  # threads in which this hook itself is asking for a frame
    unaudited = sys._getframe

    def get_frame(depth: int) -> FrameType:
        looking.add(get_ident())
        try:
            return unaudited(depth + 1)
        finally:
            looking.discard(get_ident())

    inspectors = tuple(place + name for place in places for name in ("/inspect.py", "/pdb.py", "/bdb.py", "/cgitb.py"))
    inspectors += tuple(
        place + name for place in places for name in ("/IPython/utils/frame.py", "/pandas/core/computation/scope.py")
    )
    traceback_files = tuple(place + "/traceback.py" for place in places)
    ctypes_places = tuple(place + "/ctypes/" for place in places)
    frozen = "<frozen "

    def is_library(frame: FrameType | None) -> bool:
        return frame is None or starts(frame.f_code.co_filename, places) or starts(frame.f_code.co_filename, frozen)

    def is_students(frame: FrameType | None) -> bool:
        """Tell whether a student's code asks, itself or through a module that hands out what it finds."""
        if frame is not None and frame.f_code.co_filename in traceback_files:
            frame = frame.f_back  # its functions keep frames to themselves, but for those that are called directly
        while frame is not None and frame.f_code.co_filename in inspectors:
            frame = frame.f_back
        return not is_library(frame)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _REFUSED:
            if get_ident() not in looking and is_students(get_frame(1)):
                raise PermissionError(f"{event}: code that is graded cannot look at the code that grades it")
        elif event == "object.__getattr__":
            if arguments[1] in _FRAMES and is_students(get_frame(1)):
                raise PermissionError(f"{arguments[1]}: code that is graded cannot look at the code that grades it")
        elif event == "compile":
            name = arguments[1]
            if isinstance(name, bytes):
                name = name.decode(errors="replace")
            if isinstance(name, str) and starts(name, (*places, frozen)) and not is_library(get_frame(1)):
                raise PermissionError(f"{name}: code that is graded cannot pass for a library's")
        elif event == "sys.addaudithook":
            raise RuntimeError("no other audit hook")  # the one exception that Python swallows here
        elif starts(event, "ctypes."):
            frame: FrameType | None = get_frame(1)
            while frame is not None and starts(frame.f_code.co_filename, ctypes_places):
                frame = frame.f_back
            if not is_library(frame):
                raise PermissionError(f"{event}: code that is graded cannot reach into memory")

    return hook


def _library_places() -> tuple[str, ...]:
    paths = (sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    import coursekit

    return tuple(sorted({*filter(None, paths), str(coursekit.__path__[0])}))
