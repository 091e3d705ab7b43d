"""The door: one goes in by a link that works once, or by a password, and says the name that stands in the record."""

import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import cast

from flask import Blueprint, Flask, abort, current_app, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import SecurityError
from werkzeug.security import check_password_hash, generate_password_hash

from pipeline.web.place import NAME

KEY = "feedback-door"
PASSED = "passed"  # under which a session keeps that its owner may come in
OPEN_TO_ALL = ("static", "entry.enter", "entry.come_in")
LONGEST_NAME = 60
FREE_GUESSES = 3
LONGEST_WAIT = 300.0  # seconds
MOST_ADDRESSES = 1000

blueprint = Blueprint("entry", __name__)


@dataclass
class Door:
    """Who may come in. password: its scrypt hash; token: the secret of the link, gone once used.

    guesses: how many wrong passwords each address gave, and until when it has to wait (seconds of the clock).
    """

    password: str | None
    token: str | None
    guesses: dict[str, tuple[int, float]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def use(self, token: str) -> bool:
        """Whether this is the link's secret, which is then burnt."""
        with self.lock:
            right = self.token is not None and secrets.compare_digest(self.token.encode(), token.encode())
            if right:
                self.token = None
        return right

    def wait(self, address: str) -> float:
        """How many seconds an address has to wait before its next guess; 0 where it may guess now.

        That guess counts as wrong until it is found right, so that many at once are no way round the wait. Each wrong
        one after the first few doubles it.
        """
        with self.lock:
            wrong, until = self.guesses.get(address, (0, 0.0))
            if (seconds := until - time.monotonic()) > 0:
                return seconds
            more = min(LONGEST_WAIT, 2.0 ** (wrong + 1 - FREE_GUESSES)) if wrong + 1 >= FREE_GUESSES else 0.0
            if len(self.guesses) >= MOST_ADDRESSES:
                self.guesses.pop(next(iter(self.guesses)))
            self.guesses[address] = (wrong + 1, time.monotonic() + more)
        return 0.0

    def guess(self, address: str, password: str) -> bool:
        """Whether this is the password."""
        right = self.password is not None and check_password_hash(self.password, password)
        if right:
            self.guesses.pop(address, None)
        return right


def guard(app: Flask, password: str | None, token: str | None) -> None:
    """Lets nobody see a page who has not come in, and said a name."""
    hashed = generate_password_hash(password, method="scrypt") if password else None
    app.extensions[KEY] = Door(hashed, None if password else token or secrets.token_urlsafe(32))
    app.before_request(_stop_strangers)


def door() -> Door:
    """The door of the app that answers."""
    return cast(Door, current_app.extensions[KEY])


def _stop_strangers() -> ResponseReturnValue | None:
    if isinstance(request.routing_exception, SecurityError):
        raise request.routing_exception  # by a name that is not this computer's
    # Anything unknown is stopped too, so that strangers learn nothing from what is "not found".
    if request.endpoint in OPEN_TO_ALL or (session.get(PASSED) and session.get(NAME)):
        return None
    if request.method in ("GET", "HEAD"):
        return redirect(url_for("entry.enter"), 303)
    return abort(403, "Come in first: this page was opened in a session that has ended.")


@blueprint.get("/enter")
def enter() -> ResponseReturnValue:
    """Asks for a name and, where there is one, the password; uses up the link."""
    token = request.args.get("token")
    if (
        token is not None and request.method == "GET"
    ):  # a program that only looks whether the link is alive burns nothing
        if not session.get(PASSED):
            session[PASSED] = door().use(token)
        return redirect(url_for("entry.enter"), 303)  # the secret leaves the address bar
    if session.get(PASSED) and session.get(NAME):
        return redirect("/", 303)
    return _form()


@blueprint.post("/enter")
def come_in() -> ResponseReturnValue:
    """Lets in whoever has the link or the password, under the name given."""
    name = " ".join(request.form.get("name", "").split())
    if not session.get(PASSED):
        refused = _refused()
        if refused:
            return _form(refused, name)
    session[PASSED] = True
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        return _form((f"Give a name of at most {LONGEST_NAME} letters.", 400), name)
    session[NAME] = name
    return redirect("/", 303)


def _refused() -> tuple[str, int] | None:
    """Why somebody without a link may not come in, and the status to answer with."""
    address = request.remote_addr or ""
    if door().password is None:
        return "This link has been used. Start the app again to get another.", 403
    if (seconds := door().wait(address)) > 0:
        return f"Too many wrong passwords. Wait {seconds:.0f} seconds.", 429
    if not door().guess(address, request.form.get("password", "")):
        return "That is not the password.", 403
    return None


@blueprint.post("/leave")
def leave() -> ResponseReturnValue:
    """Ends the session; the next person gives another name."""
    passed = door().password is None and session.get(PASSED)
    session.clear()
    session[PASSED] = bool(passed)  # the link is burnt, so the same browser may come back under another name
    flash("You have left.", "done")
    return redirect(url_for("entry.enter"), 303)


def _form(problem: tuple[str, int] | None = None, name: str = "") -> ResponseReturnValue:
    asks = door().password is not None and not session.get(PASSED)
    shut = door().password is None and not session.get(PASSED)
    words, status = problem or ("", 403 if shut else 200)
    page = render_template(
        "enter.html", problem=words, name=name, asks=asks, shut=shut, burnt=door().token is None, longest=LONGEST_NAME
    )
    return page, status
