# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import hashlib
import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[3]
VENDOR = ROOT / "src/pumphouse/core/web/static/vendor"


def manifest():
    return json.loads((VENDOR / "manifest.json").read_text())["files"]


def test_every_vendored_file_is_what_the_manifest_says_and_no_other_is_there():
    entries = {entry["file"]: entry for entry in manifest()}
    files = {path.name for path in VENDOR.iterdir()} - {"manifest.json"}
    assert set(entries) == files
    for name, entry in entries.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == entry["sha256"], name


def test_vendored_versions_are_those_of_the_lock_and_their_licences_are_kept():
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    for entry in manifest():
        assert packages[f"node_modules/{entry['name']}"]["version"] == entry["version"]
        assert (ROOT / "LICENSES" / f"{entry['licence']}.txt").is_file()


def test_the_lock_names_no_registry():
    assert "resolved" not in (ROOT / "package-lock.json").read_text()
    assert "://" not in (ROOT / "package-lock.json").read_text()
