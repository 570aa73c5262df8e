"""The process in which a submission's cells run. What is of the student here is hostile, what is ours hides from it.

Students' cells run as in any notebook, in IPython. The instructor's cells run beside them, in a namespace of their own:
they see what students bind, but their imports, functions and classes, and Python's builtins, stay what they are. What
hidden regions bind is taken out of sight when their cell has ended. A verdict leaves in a signed message.

Nothing that a student's code can get at refers to the key, to a test or to the namespaces: they live in the variables
of one function that never returns, whose frame `coursekit.sandbox.hook` guards.
"""

from __future__ import annotations

import builtins
import contextlib
import ctypes
import importlib
import json
import os
import sys
from types import FunctionType, ModuleType
from typing import Any, Final

from coursekit.sandbox import hook, integrity
from coursekit.sandbox.channel import KEY_BYTES, make_receiver, make_sender

Verdict = tuple[str, float | None, dict[str, Any] | None]
"""Status, score, and the error of an instructor's cell."""

_NOT_DUMPABLE: Final = (4, 0)  # prctl(PR_SET_DUMPABLE, 0): other processes of this account cannot look into this one
_SHELLS_OWN: Final = frozenset({"In", "Out", "get_ipython", "exit", "quit", "open", "display"})


def main() -> None:
    """Run the cells that come in over descriptor 3, answer over descriptor 4."""
    with contextlib.suppress(OSError, AttributeError):  # Linux
        ctypes.CDLL(None).prctl(*_NOT_DUMPABLE, 0, 0, 0)
    key = os.read(3, KEY_BYTES)
    receive, send = make_receiver(3, key, b"in"), make_sender(4, key, b"out")
    del key
    _serve(receive, send)


def _serve(receive: Any, send: Any) -> None:
    plan = json.loads(receive())
    shell, shown = _make_shell()
    changed = integrity.take(plan["imports"])
    score = importlib.import_module("coursekit.grading.checks").Score  # the tests' own, in a room above this one
    instructor = _Namespaces(shell.user_ns, frozenset(plan["asked"]), score)
    mine, getpid, loads, dumps = os.getpid(), os.getpid, json.loads, json.dumps
    hook.install()
    send(b"ready")
    while True:
        try:
            cell = loads(receive())
        except EOFError:
            os._exit(0)
        is_theirs = cell["kind"] == "student"
        verdict = _run_student(shell, cell["source"]) if is_theirs else instructor.run(cell, shell)
        if getpid() != mine:  # a copy that the student's code made of this process
            os._exit(1)
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        replaced = changed()
        status, score, error = verdict
        report = instructor.take_report()
        outputs = "[]"
        with contextlib.suppress(BaseException):  # made by the student's code, perhaps to do harm
            outputs = dumps(shown.take(error))
        score_text = "null" if score is None else float.__repr__(score)
        replaced_text = "" if replaced is None else replaced
        send(b"\n".join(map(str.encode, (status, score_text, replaced_text, str.encode(report).hex(), outputs))))


def _run_student(shell: Any, source: str) -> Verdict:
    try:
        result = shell.run_cell(source, store_history=True)
    except BaseException as error:
        return "error", None, _describe(error)
    return ("ok" if result.success else "error"), None, None


class _Namespaces:
    """The instructor's namespace beside the student's."""

    __slots__ = ("_asked", "_builtins", "_copies", "_hidden", "_mine", "_protected", "_report", "_score", "_theirs")

    def __init__(self, theirs: dict[str, Any], asked: frozenset[str], score: type[float]) -> None:
        self._score = score
        self._theirs = theirs
        self._asked = asked
        self._builtins = {**vars(builtins), "get_ipython": theirs.get("get_ipython"), "display": _display()}
        self._mine: dict[str, Any] = {"__name__": "__main__", "__builtins__": self._builtins}
        self._hidden: dict[str, Any] = {}
        self._protected: set[str] = set()
        self._copies: dict[str, Any] = {}
        self._report = ""

    def take_report(self) -> str:
        """Give what the last test said of its score, once."""
        report, self._report = self._report, ""
        return report

    def run(self, cell: dict[str, Any], shell: Any) -> Verdict:
        """Run an instructor's cell: (status, score, error)."""
        mine = self._mine
        self._see_theirs()
        mine.update(self._hidden)
        before = dict(mine)
        self._protected.update(cell["protected"])
        try:
            score = self._execute(cell, shell)
        except BaseException as error:
            verdict: Verdict = ("error", None, _describe(error))
        else:
            verdict = ("ok", score, None)
        self._show_mine(before, frozenset(cell["hidden"]), keep=not cell["forget"])
        return verdict

    def _execute(self, cell: dict[str, Any], shell: Any) -> float | None:
        mine = self._mine
        exec(compile(cell["body"], "<cell>", "exec"), mine)  # noqa: S102
        if not cell["last"]:
            return None
        value = eval(compile(cell["last"], "<cell>", "eval"), mine)  # noqa: S307
        if cell["kind"] == "test":
            return self._read_score(value)
        if value is not None:
            shell.displayhook(value)
        return None

    def _read_score(self, value: Any) -> float | None:
        """Read a test's last value: points, or nothing that counts."""
        if type(value) is self._score:
            report = getattr(value, "report", "")
            self._report = report if type(report) is str else ""
            return float.__add__(value, 0.0)
        return float(value) if type(value) in (int, float) else None

    def _see_theirs(self) -> None:
        """Take over what the student's cells have bound, but for what must stay the instructor's."""
        mine, asked = self._mine, self._asked
        for name, value in list(self._theirs.items()):
            if type(name) is not str or name[:1] == "_" or name in _SHELLS_OWN:
                continue
            is_free = name in asked or (name not in self._protected and name not in self._builtins)
            if is_free and value is not self._copies.get(name):
                mine[name] = value

    def _show_mine(self, before: dict[str, Any], hidden: frozenset[str], *, keep: bool) -> None:
        """Show students' cells what this one has bound, and put what is hidden aside."""
        mine, missing = self._mine, object()
        for name, value in list(mine.items()):
            if before.get(name, missing) is value and name not in self._hidden:
                continue
            if name[:2] == "__":
                continue
            if name in hidden or name in self._hidden or not keep:
                if keep:
                    self._hidden[name] = value
                del mine[name]
            else:
                self._copies[name] = self._theirs[name] = _copy_for(value, mine, self._theirs)


def _copy_for(value: Any, mine: dict[str, Any], theirs: dict[str, Any]) -> Any:
    """Copy a function so that it does not lead back to the instructor's namespace."""
    if type(value) is FunctionType and value.__globals__ is mine:
        copy = FunctionType(value.__code__, theirs, value.__name__, value.__defaults__, value.__closure__)
        copy.__kwdefaults__, copy.__doc__ = value.__kwdefaults__, value.__doc__
        return copy
    return value


def _describe(error: BaseException) -> dict[str, Any]:
    """Put an exception into words; its trace would quote the test."""
    name, text = type(error).__name__, ""
    with contextlib.suppress(BaseException):
        text = str(error)[:2000]
    return {"output_type": "error", "ename": name, "evalue": text, "traceback": [f"{name}: {text}"]}


def _display() -> Any:
    from IPython.display import display

    return display


class _Shown:
    """What cells displayed, in the order in which they did."""

    def __init__(self) -> None:
        self._outputs: list[dict[str, Any]] = []

    def add(self, output: dict[str, Any]) -> None:
        self._outputs.append(output)

    def take(self, error: dict[str, Any] | None) -> list[dict[str, Any]]:
        outputs, self._outputs = self._outputs, []
        return [*outputs, error] if error else outputs


def _make_shell() -> tuple[Any, _Shown]:
    """Make an IPython without a terminal, a history or a startup folder; what it would show goes into a list."""
    from IPython.core.displayhook import DisplayHook
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets import Type
    from traitlets.config import Config

    shown = _Shown()

    class Publisher(DisplayPublisher):
        def publish(self, data: Any, metadata: Any = None, *args: Any, **kwargs: Any) -> None:
            shown.add({"output_type": "display_data", "data": _as_json(data), "metadata": {}})

        def clear_output(self, wait: bool = False) -> None:
            pass

    class Hook(DisplayHook):
        def __call__(self, result: Any = None) -> None:
            untyped: Any = super()
            untyped.check_for_underscore()
            if result is None or untyped.quiet():
                return
            data, _ = untyped.compute_format_data(result)
            untyped.update_user_ns(result)
            shown.add({"output_type": "execute_result", "data": _as_json(data), "metadata": {}})

    class Shell(InteractiveShell):
        displayhook_class = Type(Hook)
        display_pub_class = Type(Publisher)

        def _showtraceback(self, etype: Any, evalue: Any, stb: Any) -> None:
            shown.add(
                {
                    "output_type": "error",
                    "ename": getattr(etype, "__name__", "Error"),
                    "evalue": str(evalue),
                    "traceback": list(stb),
                }
            )

        def enable_gui(self, gui: Any = None) -> None:
            pass

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    module = ModuleType("__main__")
    sys.modules["__main__"] = module
    shell = Shell.instance(config=config, user_module=module)
    return shell, shown


def _as_json(data: Any) -> dict[str, Any]:
    """Pictures come as bytes; a notebook holds them in base64."""
    import base64

    return {
        key: base64.b64encode(value).decode() if isinstance(value, bytes) else value
        for key, value in dict(data).items()
    }


if __name__ == "__main__":
    main()
