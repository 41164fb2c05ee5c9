#!/usr/bin/env bash
# Runs a command with the Node that scripts/setup.sh found or fetched first in PATH.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
for folder in "$root"/.node/node_modules/node-linux-*/bin; do
  if [ -x "$folder/node" ]; then PATH=$folder:$PATH; fi
done
export PATH
exec "$@"
