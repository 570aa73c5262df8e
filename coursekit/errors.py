"""Every error a user can meet, its exit code and its fix.

An error says what is wrong with the offending value in it, and ``fix`` names one action to take now.
Exit codes are unique (``tests/unit/test_errors.py`` holds that); 0 is success, 1 an unforeseen failure,
2 a command line that does not parse.

::

    CoursekitError
    ├── SettingsError                 10  a value that cannot be
    ├── MissingPackageError           11  an extra that is not installed
    ├── CourseNotFoundError           12  no lessons/ and assignments/ here
    ├── DoctorError                   13  this machine cannot run the course
    ├── MirrorError                   14  packages that cannot be fetched
    ├── NoGpuError                    15  no GPU here, or none with enough memory
    ├── EngineError                   20  the engine could not do it
    │   ├── EngineUnavailableError    21
    │   ├── NodeExistsError           22
    │   ├── CapacityError             23  not enough memory or cores
    │   ├── PortTakenError            24
    │   ├── JavaError                 25  no Java, or one Spark cannot use
    │   ├── NodeNotFoundError         26
    │   ├── ImageBuildError           27
    │   ├── ImageMissingError         28
    │   └── ImageCheckError           29  an image is not as its checks want it
    ├── ClusterError                  30
    │   ├── ClusterNotFoundError      31
    │   ├── ClusterStartError         32
    │   ├── WorkerDiedError           33
    │   ├── MasterDiedError           34
    │   ├── PythonMismatchError       35
    │   └── ClusterDiffersError       36  a cluster of that name, but another one
    ├── DatasetError                  40
    │   ├── UnknownDatasetError       41
    │   ├── CorruptDatasetError       42
    │   └── DownloadError             43
    ├── NotebookError                 50
    │   ├── NotebookNotFoundError     51
    │   ├── NotebookNotCleanError     52
    │   ├── CellFailedError           53
    │   └── NotebookDriftError        54  takes more than its contract says
    ├── GradingError                  60
    │   ├── AssignmentNotFoundError   61
    │   ├── AssignmentExistsError     62  released before
    │   ├── AutogradeError            63
    │   ├── SandboxError              64  no sandbox of that kind here
    │   ├── UnfairAssignmentError     65  the gate refuses it
    │   └── RefusedSubmissionError    66  what was submitted cannot be read
    ├── HubError                      70
    │   ├── HubNotRunningError        71
    │   ├── HubStartError             72
    │   ├── HubRunningError           73
    │   ├── RehearsalError            74
    │   └── RecordsError              78  the database of usage cannot be used
    ├── GatewayError                  80  the class's gateway could not do it
    │   ├── GatewayUnavailableError   81  it does not answer
    │   ├── NotAllowedError           82  not for this user
    │   ├── TooManyRequestsError      83
    │   ├── QueueError                84  the class has no workers left for a long time
    │   └── UnknownTokenError         85  the Hub does not know it
    └── TrainingError                 90  training on executors failed
        └── PeerLostError             91  a process that trains along does not answer
"""

from __future__ import annotations


class CoursekitError(Exception):
    """Anything the reader of the message can mend.

    Parameters
    ----------
    message : str
        What is wrong, with the offending value in it, one or two sentences.
    fix : str
        One action to take now, in the imperative.
    """

    exit_code = 1

    def __init__(self, message: str, *, fix: str) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message}\n  Fix: {self.fix}"

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.fix)


def _rebuild(kind: type[CoursekitError], message: str, fix: str) -> CoursekitError:
    """Unpickle: exceptions with keyword-only arguments need help to cross a process pool."""
    return kind(message, fix=fix)


class SettingsError(CoursekitError):
    """A setting or an argument that cannot be."""

    exit_code = 10


class MissingPackageError(CoursekitError):
    """A package of an optional extra is not installed."""

    exit_code = 11


class CourseNotFoundError(CoursekitError):
    """No course (``lessons/`` and ``assignments/``) here or above."""

    exit_code = 12


class DoctorError(CoursekitError):
    """``coursekit doctor`` found what stops the course from running."""

    exit_code = 13


class MirrorError(CoursekitError):
    """The mirrors that packages come from are not reached, or not trusted."""

    exit_code = 14


class NoGpuError(CoursekitError):
    """A notebook needs a GPU that this process does not have."""

    exit_code = 15


class EngineError(CoursekitError):
    """The engine could not do what it was asked."""

    exit_code = 20


class EngineUnavailableError(EngineError):
    """The engine is not there or does not answer."""

    exit_code = 21


class NodeExistsError(EngineError):
    """A node of that name runs already."""

    exit_code = 22


class CapacityError(EngineError):
    """More memory or cores are asked for than there are."""

    exit_code = 23


class PortTakenError(EngineError):
    """Another program listens on the port."""

    exit_code = 24


class JavaError(EngineError):
    """Java is missing, or Spark cannot run on it."""

    exit_code = 25


class NodeNotFoundError(EngineError):
    """No node has that name."""

    exit_code = 26


class ImageBuildError(EngineError):
    """A container image could not be built."""

    exit_code = 27


class ImageMissingError(EngineError):
    """The engine does not have the image that a node needs."""

    exit_code = 28


class ImageCheckError(EngineError):
    """A container image is not as its checks want it."""

    exit_code = 29


class ClusterError(CoursekitError):
    """A Spark cluster is not as it should be."""

    exit_code = 30


class ClusterNotFoundError(ClusterError):
    """No cluster has that name."""

    exit_code = 31


class ClusterStartError(ClusterError):
    """The nodes were started, but no cluster came of it in time; ``shortage`` says why executors are missing."""

    exit_code = 32
    shortage: object = None


class WorkerDiedError(ClusterError):
    """Workers that should run are gone."""

    exit_code = 33


class MasterDiedError(ClusterError):
    """The cluster's master is gone, and its applications with it."""

    exit_code = 34


class PythonMismatchError(ClusterError):
    """Driver and workers would run different Python versions."""

    exit_code = 35


class ClusterDiffersError(ClusterError):
    """A cluster of that name runs with other settings."""

    exit_code = 36


class DatasetError(CoursekitError):
    """A data set could not be had."""

    exit_code = 40


class UnknownDatasetError(DatasetError):
    """The catalog has no data set of that name."""

    exit_code = 41


class CorruptDatasetError(DatasetError):
    """A file is not what the catalog says it should be."""

    exit_code = 42


class DownloadError(DatasetError):
    """A public file could not be fetched."""

    exit_code = 43


class NotebookError(CoursekitError):
    """A notebook is not as it should be."""

    exit_code = 50


class NotebookNotFoundError(NotebookError):
    """No notebook has that name."""

    exit_code = 51


class NotebookNotCleanError(NotebookError):
    """A notebook is not fit to be committed."""

    exit_code = 52


class CellFailedError(NotebookError):
    """A cell raised while a notebook was executed."""

    exit_code = 53


class NotebookDriftError(NotebookError):
    """A notebook runs, but takes more time or memory than its contract says."""

    exit_code = 54


class GradingError(CoursekitError):
    """Releasing, collecting or grading failed."""

    exit_code = 60


class AssignmentNotFoundError(GradingError):
    """No assignment has that name."""

    exit_code = 61


class AssignmentExistsError(GradingError):
    """The assignment has been released before."""

    exit_code = 62


class AutogradeError(GradingError):
    """Submissions that could not be graded."""

    exit_code = 63


class SandboxError(GradingError):
    """There is no sandbox of that kind, or it did not start."""

    exit_code = 64


class UnfairAssignmentError(GradingError):
    """The release gate refuses an assignment: some answer does not get what it deserves."""

    exit_code = 65


class RefusedSubmissionError(GradingError):
    """What was submitted is not a notebook that can be read."""

    exit_code = 66


class HubError(CoursekitError):
    """The Hub could not do what it was asked."""

    exit_code = 70


class HubNotRunningError(HubError):
    """No Hub runs from this checkout."""

    exit_code = 71


class HubStartError(HubError):
    """The Hub did not come up."""

    exit_code = 72


class HubRunningError(HubError):
    """A Hub runs already."""

    exit_code = 73


class RehearsalError(HubError):
    """A bot student did not get what it deserved."""

    exit_code = 74


class RecordsError(HubError):
    """The database of what a class used cannot be read or written."""

    exit_code = 78


class GatewayError(CoursekitError):
    """The class's gateway could not do what it was asked."""

    exit_code = 80


class GatewayUnavailableError(GatewayError):
    """The class's gateway, or the Hub that it asks, does not answer."""

    exit_code = 81


class NotAllowedError(GatewayError):
    """The user may not do this, or the token is not good for it."""

    exit_code = 82


class TooManyRequestsError(GatewayError):
    """One user asks more often than the gateway answers."""

    exit_code = 83


class QueueError(GatewayError):
    """The class has had no workers left for a long time."""

    exit_code = 84


class UnknownTokenError(GatewayError):
    """There is no token, or one that the Hub does not know."""

    exit_code = 85


class TrainingError(CoursekitError):
    """Training, or a search, on a cluster's executors failed."""

    exit_code = 90


class PeerLostError(TrainingError):
    """A process that trains along ended, does not answer, or does not know the secret."""

    exit_code = 91
