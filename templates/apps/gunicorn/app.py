"""A WSGI server that takes a new release by itself: on HUP, gunicorn starts workers that read the new code, and lets
the old ones finish what they are at. Its master, and with it supervisor's pid and the listening socket, stays.

Build:   cp app.py gunicorn.conf.py dist/ && echo v1.2 > dist/VERSION
Deploy:  build: { path: dist/ }

    programs:
      shop: { command: "/usr/bin/gunicorn --config {current}/gunicorn.conf.py --chdir {current} --bind 127.0.0.1:8080 app:app",
              reload: gunicorn, health: { http: "http://127.0.0.1:8080/healthz" } }

Two things matter:

  - `--chdir {current}`: without it, or with only supervisor's directory=, workers would start in the folder that
    `current` named when the master was started, which is the old release, for ever.
  - no `--preload`: it would load the code once, in the master, and HUP would never load it again.
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
    return "200 OK", RELEASE
