"""Long work behind the pages, such as coding an export: one piece at a time, the others wait their turn."""

import logging
import queue
import secrets
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any, cast

from pipeline.errors import UserError
from pipeline.learning.training import Progress
from pipeline.web.place import state
from pipeline.web.words import problem_words

WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"
MOST_KEPT = 50
MOST_WAITING = 10
KEY = "jobs"

Work = Callable[[Progress], Any]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """A piece of work as it stands. kind: which page it belongs to; run: the run it is about.

    step, done and total are what it last told of its progress, total 0 where nobody knows; problem: one line, with the
    fix; result: what the work gave. seconds: how long it has been at work.
    """

    id: str
    kind: str
    title: str
    run: str
    who: str
    state: str = WAITING
    step: str = ""
    done: int = 0
    total: int = 0
    problem: str = ""
    result: Any = None
    started: float | None = None
    ended: float | None = None

    @property
    def over(self) -> bool:
        """Whether it is done or has failed."""
        return self.state in (DONE, FAILED)

    @property
    def seconds(self) -> float:
        """How long it has been at work, or was."""
        return 0.0 if self.started is None else (self.ended or monotonic()) - self.started

    @property
    def percent(self) -> int | None:
        """How far the step is, in whole per cent; None where nobody knows."""
        return min(100, 100 * self.done // self.total) if self.total else None


@dataclass
class Jobs:
    """All work there is. One thread does it; it starts with the first piece, and ends with the app."""

    kept: dict[str, Job] = field(default_factory=dict)
    waiting: "queue.Queue[tuple[str, Work]]" = field(default_factory=queue.Queue)
    lock: threading.Lock = field(default_factory=threading.Lock)
    thread: threading.Thread | None = None

    def start(self, kind: str, title: str, run: str, who: str, work: Work) -> Job:
        """Puts work at the end of the queue. Raises UserError where the same is under way, or too much waits."""
        with self.lock:
            waiting = [job for job in self.kept.values() if not job.over]
            if any((job.kind, job.run) == (kind, run) for job in waiting):
                raise UserError(f"{title} is under way already", fix="wait until it is done")
            if len(waiting) >= MOST_WAITING:
                raise UserError("too much work is waiting", fix="wait until some of it is done")
            job = Job(secrets.token_urlsafe(9), kind, title, run, who)
            self._forget()
            self.kept[job.id] = job
            self.waiting.put((job.id, work))
            if self.thread is None:
                self.thread = threading.Thread(target=self._work, name="feedback-jobs", daemon=True)
                self.thread.start()
        return job

    def find(self, id_: str) -> Job | None:
        """A piece of work by its id, as long as it is remembered."""
        return self.kept.get(id_)

    def all(self) -> list[Job]:
        """All that is remembered, newest first."""
        return list(self.kept.values())[::-1]

    def last(self, kind: str, run: str) -> Job | None:
        """The newest of a kind about a run."""
        return next((job for job in self.all() if (job.kind, job.run) == (kind, run)), None)

    def ahead_of(self, job: Job) -> int:
        """How many pieces come before this one."""
        before = list(self.kept)[: list(self.kept).index(job.id)]
        return sum(not self.kept[id_].over for id_ in before)

    def _forget(self) -> None:
        """Drops the oldest that are over."""
        over = [id_ for id_, job in self.kept.items() if job.over]
        for id_ in over[: max(0, len(self.kept) - MOST_KEPT + 1)]:
            del self.kept[id_]

    def _change(self, id_: str, **changes: Any) -> None:
        with self.lock:
            self.kept[id_] = replace(self.kept[id_], **changes)

    def _work(self) -> None:
        while True:
            self._do(*self.waiting.get())

    def _do(self, id_: str, work: Work) -> None:
        def progress(step: str, done: int, total: int) -> None:
            self._change(id_, step=step, done=done, total=total)

        self._change(id_, state=RUNNING, started=monotonic())
        try:
            result = work(progress)
        except UserError as error:
            self._change(id_, state=FAILED, problem=problem_words(error), ended=monotonic())
        except Exception as error:  # whatever it is, the next piece must get its turn
            # Where it happened, but not what the error says: that may hold the words of a comment.
            places = "".join(traceback.format_tb(error.__traceback__))
            log.error("%s failed with %s\n%s", self.kept[id_].kind, type(error).__name__, places)
            problem = f"This is a fault of the tool ({type(error).__name__}). What to do: report it."
            self._change(id_, state=FAILED, problem=problem, ended=monotonic())
        else:
            self._change(id_, state=DONE, result=result, ended=monotonic())


def jobs() -> Jobs:
    """The work of the app that answers."""
    return cast(Jobs, state().jobs.setdefault(KEY, Jobs()))
