# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from pumphouse.core.web.static_files import FOLDER, hash_folders

pytestmark = pytest.mark.unit


def test_the_address_of_static_files_changes_with_any_of_them(tmp_path):
    (tmp_path / "a.js").write_text("1")
    first = hash_folders([tmp_path])
    assert hash_folders([tmp_path]) == first
    (tmp_path / "a.js").write_text("2")
    second = hash_folders([tmp_path])
    (tmp_path / "a.js").rename(tmp_path / "b.js")
    assert len({first, second, hash_folders([tmp_path])}) == 3


def test_what_a_first_visit_loads_stays_below_300_kilobytes():
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 250_000
