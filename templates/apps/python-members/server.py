"""A Python server of which several run side by side, and drains on TERM: on a socket that supervisord has opened for all of
them (fd 0), or, where there is none, each on one of its own for the same port (SO_REUSEPORT). Nothing in it knows of
reloads: zdr starts the new release beside the old one, and when it accepts, and has done so for a while, stops the old
one. A release that crashes or hangs costs nothing.

Build:   cp server.py dist/ && echo v1.2 > dist/VERSION
Deploy:  build: { path: dist/ }

    programs:
      shop: { command: "/usr/bin/python3 {current}/server.py", reload: bluegreen, listen: "127.0.0.1:8080",
              health: { http: "http://127.0.0.1:8080/healthz" } }

`reload: rolling` with `members: 4` has four of them run all the time, and renews one after the other.

http.server is enough to show what matters; the same holds for any server that takes a socket. What it must do on TERM,
and many do not: hear whoever was let in already, answer what is under way with `Connection: close`, and only then end.
"""

import argparse
import os
import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

RELEASE = Path(__file__).with_name("VERSION").read_text().strip()
LONGEST_MS = 60_000
# For clients that connect and say nothing: they would hold up the drain.
HEARING_LIMIT = 5
IDLE_LIMIT = 15


def check_health():
    """Raises when this process can not do its work. Ask here what yours depends on: a database, a queue."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer leaves in one piece
    is_heard = False

    def handle_one_request(self):
        if self.is_heard and not self.server.rest(self.connection):
            self.close_connection = True
            return
        self.connection.settimeout(IDLE_LIMIT if self.is_heard else HEARING_LIMIT)
        super().handle_one_request()

    def parse_request(self):
        self.server.wake(self.connection)
        self.is_heard = True
        return super().parse_request()

    def do_GET(self):
        url = urlsplit(self.path)
        status, text = self.answer(url.path, parse_qs(url.query))
        body = f"{text}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Release", RELEASE)
        if self.server.is_stopping:
            self.send_header("Connection", "close")  # which ends this connection here too
        self.end_headers()
        self.wfile.write(body)

    def answer(self, path, query):
        if path == "/":
            return 200, f"hello from {RELEASE}"
        if path == "/version":
            return 200, RELEASE
        if path == "/healthz":
            return health()
        if path == "/slow":
            return slow(query.get("ms", [""])[0])
        if path == "/log":
            # A line in the log, to watch that none is lost.
            print(f'release {RELEASE} was told "{query.get("text", [""])[0]}"', file=sys.stderr, flush=True)
            return 200, RELEASE
        return 404, "not found"

    def log_message(self, *_):
        """Not a line for each request."""


def health():
    try:
        check_health()
    except Exception as error:
        return 503, str(error)
    return 200, "ok"


def slow(text):
    """A request that takes its time, to watch a deploy wait for it."""
    if not text.isascii() or not text.isdigit() or int(text) > LONGEST_MS:
        return 400, f"ms must be a number from 0 to {LONGEST_MS}"
    time.sleep(int(text) / 1000)
    return 200, RELEASE


class Server(ThreadingHTTPServer):
    daemon_threads = False  # server_close waits for the threads of all connections

    def __init__(self, listener):
        super().__init__(listener.getsockname(), Handler, bind_and_activate=False)
        self.socket.close()
        # Another process may be quicker to accept what this one was woken for.
        listener.setblocking(False)
        self.socket = listener
        self.is_stopping = False
        self.resting = set()
        self.lock = threading.Lock()

    def rest(self, connection):
        """A connection waits for its next request. False: there is to be none."""
        with self.lock:
            if not self.is_stopping:
                self.resting.add(connection)
            return not self.is_stopping

    def wake(self, connection):
        with self.lock:
            self.resting.discard(connection)

    def stop(self):
        """Returns when whoever was let in has been answered. No limit: supervisor ends this process after stopwaitsecs."""
        self.shutdown()
        with self.lock:
            self.is_stopping = True
            for connection in self.resting:
                end(connection)
        # Closes only what this process has of the socket: others go on listening on it.
        self.server_close()


def end(connection):
    """What has come already is still read, and answered."""
    try:
        connection.shutdown(socket.SHUT_RD)
    except OSError:
        pass  # the client was quicker


def listen(address):
    """supervisord's socket (an [fcgi-program:x]; nothing in it is about FastCGI but the name), or one of this process's own."""
    try:
        inherited = socket.socket(fileno=os.dup(0))
        if inherited.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return inherited
    except OSError:
        pass  # it is no socket
    host, _, port = address.rpartition(":")
    own = socket.socket()
    own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    own.bind((host, int(port)))
    own.listen(1024)
    return own


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--addr", default="127.0.0.1:8080", help="where supervisord has opened no socket")
    server = Server(listen(parser.parse_args().addr))
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    threading.Thread(target=server.serve_forever, args=(0.05,)).start()
    print(f"release {RELEASE} serves on {server.socket.getsockname()}", flush=True)
    told.wait()
    server.stop()
    print(f"release {RELEASE} is done", flush=True)


if __name__ == "__main__":
    main()
