"""A WSGI application under uWSGI, which takes a new release by itself: on HUP its workers finish what they are at, then the
master executes itself anew with the same pid and the same listening socket, and loads the code that `current` names.

Build:   cp app.py uwsgi.ini dist/ && echo v1.2 > dist/VERSION
Deploy:  build: { path: dist/ }

    programs:
      shop: { command: "/usr/bin/uwsgi-core --ini {current}/uwsgi.ini --http-socket 127.0.0.1:8080",
              reload: uwsgi, check: "/usr/bin/python3 -c 'import app'",
              health: { http: "http://127.0.0.1:8080/healthz" } }

That is Debian's uwsgi-core and uwsgi-plugin-python3; one from elsewhere may be named uwsgi, and have Python in it already.
Behind nginx, say --socket instead of --http-socket, and let `health` ask nginx.

What matters stands in uwsgi.ini. `check` is run before the flip: a release that can not even be imported costs nothing then,
and an outage without it, because no worker of the old release is left when the new one is loaded.
"""

import json
import time
from pathlib import Path
from urllib.parse import parse_qs

# Read when the code is loaded: a worker goes on being of the release that it was started from.
RELEASE = Path(__file__).with_name("VERSION").read_text().strip()
LONGEST_MS = 60_000


def check_health():
    """Raises when this process can not do its work. Ask here what yours depends on: a database, a queue."""


def app(environ, start_response):
    path = environ.get("PATH_INFO", "/")
    if path == "/":
        status, text = "200 OK", f"hello from {RELEASE}"
    elif path == "/version":
        status, text = "200 OK", RELEASE
    elif path == "/healthz":
        status, text = health()
    elif path == "/slow":
        status, text = slow(environ.get("QUERY_STRING", ""))
    elif path == "/log":
        status, text = log(environ)
    else:
        status, text = "404 Not Found", "not found"
    body = f"{text}\n".encode()
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("X-Release", RELEASE),
    ]
    start_response(status, headers)
    return [body]


def health():
    try:
        check_health()
    except Exception as error:
        return "503 Service Unavailable", str(error)
    return "200 OK", "ok"


def slow(query):
    """A request that takes its time, to watch a deploy wait for it."""
    text = parse_qs(query).get("ms", [""])[0]
    if not text.isascii() or not text.isdigit() or int(text) > LONGEST_MS:
        return "400 Bad Request", f"ms must be a number from 0 to {LONGEST_MS}"
    time.sleep(int(text) / 1000)
    return "200 OK", RELEASE


def log(environ):
    """A line in the log, to watch that none is lost."""
    text = parse_qs(environ.get("QUERY_STRING", "")).get("text", [""])[0]
    environ["wsgi.errors"].write(f"release {RELEASE} was told {json.dumps(text)}\n")
    environ["wsgi.errors"].flush()
    return "200 OK", RELEASE
