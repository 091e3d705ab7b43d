"""What all commands share: how errors, progress and results are told."""

import getpass
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import click

from pipeline.errors import InputError, UserError
from pipeline.files.whole_file import give_up

F = TypeVar("F", bound=Callable[..., Any])

PATH = click.Path(path_type=Path, readable=False)  # what cannot be read is told by what reads it
SHOW_AFTER = 1.0
REDRAW_AFTER = 0.2

_ended = threading.Event()


def command(group: click.Group, name: str) -> Callable[[F], click.Command]:
    """A command of a group whose user errors are told in one line, with exit status 1."""

    def decorate(function: F) -> click.Command:
        @wraps(function)
        def told(*args: Any, **kwargs: Any) -> Any:
            try:
                with _ended_as_interrupted():
                    return function(*args, **kwargs)
            except UserError as error:
                click.echo(f"Error: {error}", err=True)
            except MemoryError:
                click.echo("Error: not enough memory. Fix: close other programs, or split the export.", err=True)
            except BrokenPipeError:
                leave(1)  # whoever read our output has gone
            except OSError as error:
                place = f"{error.filename}: " if error.filename else ""
                click.echo(f"Error: {place}{error.strerror or error}. Fix: check the place and the rights.", err=True)
            except KeyboardInterrupt:
                give_up()
                click.echo("Stopped. Nothing was left half-written.", err=True)
                leave(end_status(1))  # at once: helper processes are not waited for
            sys.exit(1)

        return group.command(name)(told)

    return decorate


def leave(status: int) -> None:
    """Ends the process without waiting for its helpers; all files are whole or gone by then."""
    give_up()
    os._exit(status)


@contextmanager
def _ended_as_interrupted() -> Iterator[None]:
    """While a command works, SIGTERM ends it as Ctrl+C does, unless whoever began us has it ignored."""
    ours = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if ours:
        _ended.clear()
        signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        if ours and not _ended.is_set():
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _end(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # so that a second one does not stop the cleaning up
    _ended.set()
    raise KeyboardInterrupt


def end_status(otherwise: int) -> int:
    """The exit status of a command that was stopped: 143, which is 128 and the signal's number, after SIGTERM."""
    return 128 + signal.SIGTERM if _ended.is_set() else otherwise


def replace_option(function: F) -> F:
    """`--replace`, shared by the commands that write a folder."""
    return click.option("--replace", is_flag=True, help="Write over what is there already.")(function)


def quiet_option(function: F) -> F:
    """`--quiet`, shared by the commands that show progress."""
    return click.option("--quiet", "-q", is_flag=True, help="No messages and no progress on standard error.")(function)


def json_option(function: F) -> F:
    """`--json`, shared by the commands that a script may read."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output.")(
        function
    )


def who_option(function: F) -> F:
    """`--who`, shared by the commands that write into the record."""
    return click.option("--who", help="The name that stands in the record; by default that of your account.")(function)


def person(who: str | None) -> str:
    """The name that stands in the record: the one given, or that of the account. Raises InputError without one."""
    try:
        return who or getpass.getuser()
    except (OSError, KeyError):  # an account without a name
        raise InputError("your account has no name", fix="say who you are with --who") from None


def tell_what_was_left(conflicts: Iterable[object], problems: Sequence[object]) -> None:
    """Tells what of a workbook was not taken back; exit status 1 where some of it could not be read."""
    for clash in conflicts:
        click.echo(f"Not saved, {clash}", err=True)
    for problem in problems:
        click.echo(f"Not read, {problem}", err=True)
    if problems:
        sys.exit(1)


class Progress:
    """Tells on standard error how far a long step is, once a second has passed; one line, drawn over on a terminal."""

    def __init__(self, quiet: bool) -> None:
        self.quiet, self.started, self.drawn = quiet, time.monotonic(), 0.0
        self.terminal = sys.stderr.isatty()
        self.step = ""

    def __call__(self, step: str, done: int, total: int) -> None:
        now = time.monotonic()
        due = self.terminal or step != self.step or now - self.drawn > 5
        if self.quiet or now - self.started < SHOW_AFTER or now - self.drawn < REDRAW_AFTER or not due:
            return
        share = f"{done} of {total}" if total else f"{done:,}"
        text = f"{step}: {share}"
        click.echo(f"\r{text:<60}" if self.terminal else text, err=True, nl=not self.terminal)
        self.drawn, self.step = now, step

    def say(self, text: str) -> None:
        """A message for people."""
        if not self.quiet:
            if self.terminal and self.drawn:
                click.echo(f"\r{'':<60}\r", err=True, nl=False)
            click.echo(text, err=True)
