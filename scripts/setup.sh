# Sourced by scripts/demo, scripts/test and scripts/lock: makes .venv from a lock file.
#
# Needs python3 (3.11 or newer) with venv and pip, and a package index that pip can reach.
# PYTHON=/path/to/python3 chooses another interpreter.

set -euo pipefail
unset PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME VIRTUAL_ENV
exec </dev/null

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
venv=$root/.venv
stamp=$venv/installed-locks

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "$(basename "$0"): error: $1"
    say "hint: $2"
    exit 1
}

# Make sure that a program is there whose Debian package has its name.
need() {
    local as_root=()
    command -v "$1" >/dev/null && return
    ((EUID == 0)) || as_root=(sudo -n)
    say "installing $1"
    { "${as_root[@]}" apt-get update -qq && "${as_root[@]}" apt-get install -qq --yes "$1"; } >&2 ||
        fail "$1 is missing and could not be installed" "on Debian and Ubuntu: apt install $1"
}

is_recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

# Print the first interpreter that is recent enough.
find_python() {
    local name
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if is_recent "$name"; then
            echo "$name"
            return
        fi
    done
    fail "clickcli needs Python 3.11 or newer, ${PYTHON:-python3} is $("${PYTHON:-python3}" --version 2>&1 || true)" \
        "install it, or name it: PYTHON=/path/to/python3 $0"
}

# Make an empty environment at $1.
make_venv() {
    local python
    python=$(find_python)
    say "making $(basename "$1") with $("$python" --version)"
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$python has no venv module" "on Debian and Ubuntu: apt install python3-venv"
    "$python" -m venv --clear "$1" || fail "$python could not make $1" "see the lines above"
}

pip_install() {
    "$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --no-deps \
        --no-build-isolation --use-pep517 "${@:2}"
}

# Install a lock file's packages, each checked against its hash, into the environment $1.
install_lock() {
    pip_install "$1" --require-hashes --requirement "$2" ||
        fail "pip could not install $(basename "$2")" "is a package index in reach? (pip config list)"
}

# One line that changes whenever the lock, the project's metadata or its place changes.
state_of() {
    (cd "$root" && cat "$1" pyproject.toml) | "$venv/bin/python" -c '
import hashlib, sys
print(sys.argv[1], hashlib.sha256(sys.stdin.buffer.read()).hexdigest(), sys.argv[2])
' "$1" "$root"
}

is_installed() { [[ -f $stamp ]] && grep --quiet --fixed-strings --line-regexp "$(state_of "$1")" "$stamp"; }

# Commands in an environment name its folder: one that came with a copied tree is of no use.
is_moved() { [[ -f $stamp ]] && ! grep --quiet --fixed-strings " $root" "$stamp"; }

# Make sure that .venv holds a lock file's packages and this project; the second lock, if
# given, holds all of the first and will do as well.
setup() {
    local lock=$1 larger=${2:-$1}
    if ! is_recent "$venv/bin/python" || is_moved; then
        make_venv "$venv"
    fi
    if is_installed "$lock" || is_installed "$larger"; then
        return
    fi
    say "installing $lock into .venv (once; takes a minute)"
    # What builds other packages is in the runtime lock, so that this comes first.
    install_lock "$venv" "$root/requirements.lock"
    [[ $lock == requirements.lock ]] || install_lock "$venv" "$root/$lock"
    pip_install "$venv" --editable "$root" ||
        fail "pip could not install the project itself" "see the lines above"
    state_of "$lock" >>"$stamp"
}
