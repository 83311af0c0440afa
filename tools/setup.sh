#!/bin/sh
# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
#
# Leaves .venv/bin/pumphouse: Debian packages when run with the rights, then the locked Python packages by hash.
# Usage: tools/setup.sh up|test    (test also installs what only the tests need)
set -eu
cd "$(dirname "$0")/.."
level=${1:-up}
list=tools/debian-packages.txt

# A package counts as there when dpkg says so; elsewhere than on Debian the list is only printed.
missing() {
    sed '/^#/d; /^$/d' "$list" | while read -r package needed_by part purpose; do
        [ "$needed_by" = up ] || [ "$level" = test ] || continue
        status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
        [ "$status" = "install ok installed" ] || printf '%s\t%s\t%s\n' "$package" "$part" "$purpose"
    done
}

wanted=$(missing)
if [ -n "$wanted" ]; then
    names=$(printf '%s\n' "$wanted" | cut -f1 | tr '\n' ' ')
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "setup: installing Debian packages: $names" >&2
        apt-get update -qq
        # shellcheck disable=SC2086  # the names are words
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $names >/dev/null
    else
        echo "setup: these Debian packages are missing; what does not need them works:" >&2
        printf '%s\n' "$wanted" | awk -F'\t' '{ printf "  %-18s %-8s %s\n", $1, $2, $3 }' >&2
        echo "  to get them: sudo apt-get install --no-install-recommends $names" >&2
    fi
fi

python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "setup: $python is missing or older than 3.11; install Python 3.11 or newer, or say PYTHON=/path/to/it" >&2
    exit 2
fi
if [ ! -x .venv/bin/python ] || ! .venv/bin/python -c '' 2>/dev/null; then
    echo "setup: making .venv" >&2
    rm -rf .venv
    if ! "$python" -m venv .venv; then
        echo "setup: $python cannot make a virtual environment; sudo apt-get install python3-venv" >&2
        exit 2
    fi
fi
echo "setup: installing the locked Python packages" >&2
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tools/uv.txt
.venv/bin/uv pip sync --quiet --python .venv/bin/python --require-hashes requirements.lock tools/uv.txt
.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
