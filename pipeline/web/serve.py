"""Runs the app on this computer, or for a team."""

import socket
import threading
import webbrowser
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import Flask
from waitress.server import BaseWSGIServer, create_server

from pipeline.errors import InputError
from pipeline.web import LARGEST_UPLOAD, LOCAL
from pipeline.web.entry import KEY

THREADS = 8
MOST_SENT = 2 * LARGEST_UPLOAD  # bytes; below it the app says what is too large, beyond it nothing is even received
LOOPBACK = ("127.0.0.1", "localhost", "::1")
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 (allowed with a password only)


@dataclass(frozen=True)
class Listening:
    """A server that holds its port; link: what to open in the browser."""

    server: BaseWSGIServer
    port: int
    link: str


def listen(app: Flask, host: str = "127.0.0.1", port: int = 0, names: Sequence[str] = ()) -> Listening:
    """Takes a port for the app. port 0: a free one; names: further names of this computer that people may type.

    Raises InputError where others could reach the app without a password, or the port cannot be had.
    """
    secret = app.extensions[KEY].token
    if host not in LOOPBACK and secret is not None:
        fix = "set a password, or leave out the host to work on this computer alone"
        raise InputError("everybody who can reach this computer could read the comments", where=host, fix=fix)
    app.config["TRUSTED_HOSTS"] = [*LOCAL, *names, *_names_of(host)]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        door = socket.create_server((host, port), family=family)
    except OSError as error:
        where, fix = f"{host}, port {port}", "choose another"
        why = str(error.strerror or error).partition(" (while")[0]  # Python tells the address again
        raise InputError(f"cannot be had ({why})", where=where, fix=fix) from None
    server = create_server(app, sockets=[door], threads=THREADS, ident="", max_request_body_size=MOST_SENT)
    taken = door.getsockname()[1]
    return Listening(server, taken, f"http://{_in_link(host)}:{taken}/" + (f"enter?token={secret}" if secret else ""))


def serve(
    app: Flask,
    host: str = "127.0.0.1",
    port: int = 0,
    open_browser: bool = True,
    *,
    say: Callable[[str], None] = print,
    names: Sequence[str] = (),
) -> None:
    """Answers until it is interrupted. say: is given the link to open; the rest as for `listen`, which may raise."""
    listening = listen(app, host, port, names)
    say(listening.link)
    if open_browser:  # in a thread, since some browsers keep the one who opens them waiting
        threading.Thread(target=webbrowser.open, args=(listening.link,), daemon=True).start()
    try:
        listening.server.run()
    finally:
        listening.server.close()


def _names_of(host: str) -> list[str]:
    """What a browser may call this computer."""
    if host in LOOPBACK:
        return []
    if host not in EVERYWHERE:
        return [_in_link(host)]
    own = socket.gethostname()
    try:
        addresses = {str(found[4][0]) for found in socket.getaddrinfo(own, None)}
    except OSError:
        addresses = set()
    return [own, socket.getfqdn(), *map(_in_link, sorted(addresses))]


def _in_link(host: str) -> str:
    """A host as it stands in an address; one that is everywhere is shown by this computer's name."""
    name = socket.gethostname() if host in EVERYWHERE else host
    return f"[{name}]" if ":" in name else name
