"""Our steps among nbgrader's. The configuration names them; nothing else imports this module.

All take and return ``(notebook, resources)`` as every nbgrader preprocessor does. So formgrader's button, nbgrader's
own command and ``coursekit assignment autograde`` go the same way.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.api import Gradebook
from nbgrader.exchange.default import ExchangeCollect, ExchangeReleaseAssignment, ExchangeReleaseFeedback
from nbgrader.preprocessors import ClearHiddenTests, NbGraderPreprocessor, SaveAutoGrades
from traitlets import Bool

from coursekit.grading.deadlines import naive_utc
from coursekit.grading.kept_grades import (
    answers_path,
    fingerprints,
    keep_answers,
    read_answers,
    submission_digest,
)
from coursekit.grading.own_folders import TIMESTAMP, latest, moment_in_own_folder, own_submissions
from coursekit.grading.proof import is_proven
from coursekit.grading.restore import restore
from coursekit.grading.sandboxed import REPORT, files_beside, make_request, open_store, write_outputs
from coursekit.grading.submission import copy_plain, keep_plain, read_submitted
from coursekit.grading.verdicts import Versions, read_versions, write_report

_FLAGGED = "coursekit_flagged"


def keep_plain_files(assignment: str, student: str, notebooks: list[str]) -> None:
    """Leave nothing in a submission that nbgrader would follow or wait for; runs before it reads anything."""
    for folder in {Path(notebook).parent for notebook in notebooks}:
        keep_plain(folder)


class Collect(ExchangeCollect):  # type: ignore[misc]
    """nbgrader's collect, which takes plain files only: its own follows links and waits for pipes.

    Where students have folders of their own in the exchange, whose a submission is follows from the folder that it is
    in, and when it was submitted from when it was written: nothing that a student writes is believed.
    """

    def init_src(self) -> None:
        """Find what was submitted, in the exchange's common folder and in students' own."""
        super().init_src()
        student = self.coursedir.student_id or "*"
        own = own_submissions(Path(self.inbound_path), student, self.coursedir.assignment_id)
        for record in own:
            if record.trouble:
                self.log.warning("%s of %s: %s", record.filename, record.student, record.trouble)
        self.src_records += [
            {"username": record.student, "filename": record.filename, "timestamp": naive_utc(record.moment)}
            for record in latest(own, self.duedate if self.before_duedate else None)
        ]

    def do_copy(self, src: str, dest: str, log: Any = None) -> None:
        """Copy one submission."""
        for refused in copy_plain(Path(src), Path(dest)):
            self.log.warning("%s: %s %s; it was left out", src, refused.name, refused.why)
        if (moment := moment_in_own_folder(Path(self.inbound_path), Path(src))) is not None:
            (Path(dest) / "timestamp.txt").write_text(moment.strftime(f"{TIMESTAMP} UTC"), encoding="utf-8")


class ReleaseFeedback(ExchangeReleaseFeedback):  # type: ignore[misc]
    """nbgrader's own step, which puts a student's pages into their own folder where they have one."""

    def copy_files(self) -> None:
        """Copy the pages, student by student."""
        step: Any = self
        common, pattern = Path(step.dest_path), Path(step.src_path)  # .../feedback/*/a1, or one student's
        for folder in sorted(pattern.parents[1].glob(f"{pattern.parent.name}/{pattern.name}")):
            own = common / folder.parent.name
            step.src_path, step.dest_path = str(folder), str(own if own.is_dir() else common)
            super().copy_files()


class ReleaseAssignment(ExchangeReleaseAssignment):  # type: ignore[misc]
    """nbgrader's release, of what the gate has found fair; it does not run the gate, which takes minutes."""

    gated = Bool(True, help="Whether the gate has to have passed what is released.")

    def init_src(self) -> None:
        """Find what is to be released, and refuse it if it is not known to be fair."""
        super().init_src()
        name = self.coursedir.assignment_id
        if self.gated and not is_proven(Path(self.coursedir.root), name, Path(self.src_path)):
            self.fail(
                f"{name} has not been proven fair as it is now, so students do not get it. "
                f"Run: coursekit assignment gate {name}"
            )


class RestoreCells(NbGraderPreprocessor):  # type: ignore[misc]  # nbgrader has no types
    """Put the student's work back into the instructor's notebook; the first step of all."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Restore one notebook, and keep what was found for the report."""
        source, released = _versions(self, resources)
        cells, notes = restore(source, released, nb)
        nb.cells = [_as_node(cell) for cell in cells]
        nb.nbformat, nb.nbformat_minor = 4, max(5, nb.nbformat_minor)
        resources["coursekit_notes"] = notes
        return nb, resources


class Execute(NbGraderPreprocessor):  # type: ignore[misc]
    """Run the notebook in a sandbox of its own, in the place of nbgrader's step of the same name."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Run one notebook, and write the outputs into its cells."""
        course, names = _course_dir(self), resources["nbgrader"]
        student, assignment, notebook = names["student"], names["assignment"], names["notebook"]
        source, released = _versions(self, resources)
        submitted = course / "submitted" / student / assignment
        theirs = read_submitted(submitted / f"{notebook}.ipynb")
        _, notes = restore(source, released, theirs)
        request = make_request(
            nb,
            source,
            student=student,
            assignment=assignment,
            files=files_beside(submitted, course / "source" / assignment),
        )
        store = open_store(course)
        if store.box.weakness:
            self.log.warning("Sandbox %s: %s.", store.box.kind, store.box.weakness)
        outcome = store.run(request)
        write_outputs(nb.cells, outcome)
        nb.cells = [_as_node(cell) for cell in nb.cells]
        resources["nbgrader"][_FLAGGED] = bool(outcome.tampered)
        write_report(course, student=student, assignment=assignment, cells=nb.cells, outcome=outcome, notes=notes)
        return nb, resources


class SaveScores(SaveAutoGrades):  # type: ignore[misc]
    """nbgrader's own step, after which what a person gave for an unchanged answer holds without another look.

    A submission that worked on its own grading gets nothing until a person has looked, each time.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Save the scores of one notebook."""
        names, course = resources["nbgrader"], _course_dir(self)
        with Gradebook(names["db_url"]) as book:
            settled = {grade.name for grade in _grades(book, names) if _is_settled(grade)}
        nb, resources = super().preprocess(nb, resources)
        kept = answers_path(course, names["assignment"], names["notebook"], names["student"])
        submission = submission_digest(course / "submitted" / names["student"] / names["assignment"])
        with Gradebook(names["db_url"]) as book:
            grades, before = _grades(book, names), read_answers(kept)
            now = fingerprints(nb.cells, {grade.name: grade.auto_score for grade in grades}, submission)
            for grade in grades:
                if names.get(_FLAGGED):
                    grade.auto_score, grade.needs_manual_grade = 0.0, True
                elif grade.name in settled and before.get(grade.name) == now.get(grade.name):
                    grade.needs_manual_grade = False
            book.db.commit()
        keep_answers(kept, now)
        return nb, resources


class HideHiddenTests(ClearHiddenTests):  # type: ignore[misc]
    """Take hidden tests out of the feedback: their source, what was printed while they ran, and their traces.

    Autograding puts the hidden tests back into the student's copy; nbgrader's feedback would print them.
    """

    def preprocess_cell(self, cell: Any, resources: Any, cell_index: int) -> tuple[Any, Any]:
        """Clear the hidden region of one test cell, and keep its report and the last line of its error."""
        if cell.cell_type != "code" or not utils.is_grade(cell):
            return cell, resources
        if self._remove_hidden_test_region(cell):
            for output in cell.outputs:
                if output.output_type == "error":
                    output.traceback = [f"{output.ename}: {output.evalue}"]
            if any(_is_report(output) for output in cell.outputs):
                kept = ("error", "execute_result")
                cell.outputs = [each for each in cell.outputs if _is_report(each) or each.output_type in kept]
        return cell, resources


class StyleFeedback(NbGraderPreprocessor):  # type: ignore[misc]
    """Add the style of the feedback page to those that nbconvert puts into it."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """Append one style sheet."""
        style = Path(__file__).parent / "templates" / "feedback.css"
        resources["inlining"]["css"].append(style.read_text(encoding="utf-8"))
        return nb, resources


def _grades(book: Gradebook, names: Any) -> list[Any]:
    found = book.find_submission_notebook(names["notebook"], names["assignment"], names["student"])
    return list(found.grades)


def _is_settled(grade: Any) -> bool:
    """Whether a person gave it, and nobody waits for another look."""
    return grade.manual_score is not None and not grade.needs_manual_grade


def _is_report(output: Any) -> bool:
    return output.output_type == "display_data" and dict(output.metadata) == REPORT


def _course_dir(step: Any) -> Path:
    return Path(step.config.CourseDirectory.root)


def _versions(step: Any, resources: Any) -> Versions:
    names = resources["nbgrader"]
    return read_versions(_course_dir(step), names["assignment"], names["notebook"])


def _as_node(cell: Any) -> Any:
    import nbformat

    from_dict: Any = nbformat.from_dict
    node = cell if isinstance(cell, NotebookNode) else from_dict(cell)
    if node.cell_type == "code":
        node.outputs = [from_dict(output) for output in node.get("outputs", [])]
        node.execution_count = None
    else:
        node.pop("outputs", None)
        node.pop("execution_count", None)
    return node
