#!/bin/sh
# Make the environment in .venv from uv.lock, and fetch uv first where it is missing.
# `make` runs this whenever .venv/.ready is older than pyproject.toml or uv.lock.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

# A Python good enough to fetch uv; uv itself then chooses the one for .venv.
any_python() {
    for python in python3 python3.13 python3.12 python3.11 python; do
        if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null; then
            printf '%s' "$python"
            return
        fi
    done
    say "There is no Python. Install Python 3.11, 3.12 or 3.13 (Debian: apt-get install python3 python3-venv)."
    return 1
}

fetch_uv() {
    python=$(any_python)
    say "Fetching uv, the installer (25 MB), into .tools ..."
    rm -rf .tools/uv
    if "$python" -m venv .tools/uv >/dev/null 2>&1; then
        .tools/uv/bin/python -m pip install --quiet --disable-pip-version-check uv && return
    elif "$python" -c 'import pip' 2>/dev/null; then
        rm -rf .tools/uv
        "$python" -m pip install --quiet --disable-pip-version-check --target .tools/uv uv && return
    else
        rm -rf .tools/uv
        say "$python can neither make an environment nor run pip. Debian: apt-get install python3-venv"
        return 1
    fi
    rm -rf .tools/uv
    say "uv could not be fetched; pip says above why. Is there a network?"
    return 1
}

if command -v uv >/dev/null; then
    uv=uv
else
    uv=.tools/uv/bin/uv
    "$uv" --version >/dev/null 2>&1 || fetch_uv
fi

if [ -e .venv/.ready ]; then
    say "Bringing the environment in .venv up to date ..."
else
    say "Setting up the environment in .venv: about a minute the first time, 1 GB on disk ..."
fi
rm -f .venv/.ready
unset VIRTUAL_ENV # an environment that happens to be active is not ours to change
if ! UV_PROJECT_ENVIRONMENT=.venv "$uv" sync --locked; then
    say "The environment could not be made; uv says above why."
    say "It needs Python 3.11, 3.12 or 3.13, a network, and a uv.lock in step with pyproject.toml (uv lock)."
    exit 1
fi
# Make sets up again a clone that was moved: the environment holds its place.
pwd -P >.venv/.ready
say "The environment is ready."
