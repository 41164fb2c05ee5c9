#!/usr/bin/env bash
# Runs a command as root, with this PATH: tests start supervisord and sshd as root, and programs as other users. What it
# leaves in .tmp/ is given back to whoever called.
set -uo pipefail
if [ "$(id -u)" = 0 ]; then exec "$@"; fi
sudo -E env "PATH=$PATH" HOME=/root "$@"
code=$?
if [ -d .tmp ]; then sudo chown -R "$(id -u):$(id -g)" .tmp; fi
exit "$code"
