"""The review app in the browser: pages made on the server, one module for each noun."""

import secrets
import sqlite3
from pathlib import Path
from typing import Any

from flask import Flask, Response, g, render_template, request, session
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import HTTPException, SecurityError

from pipeline.errors import UserError
from pipeline.settings import Settings
from pipeline.web import check, codebooks, comments, entry, home, learn, quality, queue, report, uncoded
from pipeline.web.place import KEY, NAME, State, close_runs, opened_runs
from pipeline.web.words import problem_words

BLUEPRINTS = tuple(
    noun.blueprint for noun in (entry, home, queue, comments, check, quality, codebooks, uncoded, learn, report)
)
LARGEST_UPLOAD = 200 * 1024 * 1024  # bytes
LOCAL = ("127.0.0.1", "localhost", "[::1]")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# The pages of a run, as they stand in its menu: the end of the address, and the name.
PAGES = (
    ("", "Comments"),
    ("check", "Check sample"),
    ("quality", "Quality"),
    ("codebook", "Codebook"),
    ("uncoded", "Uncoded"),
    ("learn", "Learn"),
    ("report", "Report"),
)


def create_app(
    settings: Settings, folder: Path, *, only: str | None = None, password: str | None = None, token: str | None = None
) -> Flask:
    """The app over the runs in a folder. only: the one run to show.

    People come in with the password, or where there is none by a link that works once; token: the secret of that
    link, made up where none is given.
    """
    app = Flask("pipeline.web")
    app.config.update(
        SECRET_KEY=secrets.token_bytes(32),
        SESSION_COOKIE_NAME=f"feedback-{secrets.token_hex(4)}",  # another app on another port has its own
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=LARGEST_UPLOAD,
        WTF_CSRF_TIME_LIMIT=None,  # a form is good as long as the session
        TRUSTED_HOSTS=list(LOCAL),
    )
    app.extensions[KEY] = State(settings, folder, only)
    entry.guard(app, password, token)  # before the forms are read, so that strangers cannot send large ones
    CSRFProtect(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.context_processor(_common)
    app.after_request(_add_headers)
    app.teardown_appcontext(close_runs)
    _tell_errors(app)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    return app


def _common() -> dict[str, Any]:
    """What every page may show."""
    run = (request.view_args or {}).get("run")
    signed_in = session.get(NAME)
    return {"run": run if signed_in else None, "signed_in": signed_in, "pages": PAGES}


def _add_headers(response: Response) -> Response:
    response.headers.update(HEADERS)
    if "policy" in g:  # of a page that brings its own looks
        response.headers["Content-Security-Policy"] = g.policy
    response.headers["Cache-Control"] = "no-cache" if request.endpoint == "static" else "no-store"
    return response


def _tell_errors(app: Flask) -> None:
    """Every error is told on a page that says what to do."""

    def of_user(error: UserError) -> tuple[str, int]:
        return render_template("error.html", title="That did not work", what=problem_words(error)), 400

    def of_store(error: sqlite3.DatabaseError) -> tuple[str, int]:
        told = next((one for run in opened_runs() if (one := run.store.told(error))), None)
        if told is None:
            raise error  # a bug keeps its traceback
        return of_user(told)

    def of_form(_: CSRFError) -> tuple[str, int]:
        what = "This page has been open since before the app was started again. Go back, load it again, and repeat."
        return render_template("error.html", title="That was not saved", what=what), 400

    def of_address(error: SecurityError) -> Response:
        return Response("This address is not one the app answers to.\n", error.code, mimetype="text/plain")

    def of_web(error: HTTPException) -> tuple[str, int]:
        title = {404: "Not found", 403: "Not allowed", 413: "Too large"}.get(error.code or 500, error.name)
        return render_template("error.html", title=title, what=error.description), error.code or 500

    app.register_error_handler(UserError, of_user)
    app.register_error_handler(sqlite3.DatabaseError, of_store)
    app.register_error_handler(CSRFError, of_form)
    app.register_error_handler(SecurityError, of_address)
    app.register_error_handler(HTTPException, of_web)
