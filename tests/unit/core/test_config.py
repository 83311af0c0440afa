# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from pumphouse.core.errors import UserError
from pumphouse.core.site import Site, create_site

pytestmark = pytest.mark.unit


def make(tmp_path, text):
    (tmp_path / "pumphouse.toml").write_text(text)
    return tmp_path


def test_a_new_site_is_valid(tmp_path):
    create_site(tmp_path / "new", name='A "quoted" \\ name')
    site = Site(tmp_path / "new")
    site.check()
    assert site.settings.site.name == 'A "quoted" \\ name'
    assert site.settings.web.port == 8420


def test_a_site_is_not_made_over_another(tmp_path):
    create_site(tmp_path)
    with pytest.raises(UserError, match="there is a site already"):
        create_site(tmp_path)


def test_an_unknown_key_is_refused_with_its_line_and_the_key_that_was_meant(tmp_path):
    with pytest.raises(UserError) as caught:
        Site(make(tmp_path, '[site]\nname = "x"\n\n[web]\nprot = 80\n'))
    text = caught.value.text
    assert text.what == "unknown key web.prot"
    assert text.where.endswith("pumphouse.toml:5")
    assert text.next_step == "did you mean port?"


def test_an_unknown_table_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(UserError) as caught:
        Site(make(tmp_path, "[xyz]\na = 1\n"))
    assert caught.value.text.what == "unknown key xyz"
    assert "database" in caught.value.text.next_step


def test_a_value_out_of_range_is_told_with_key_value_and_line(tmp_path):
    with pytest.raises(UserError) as caught:
        Site(make(tmp_path, "[web]\nhost = '::1'\nport = 0\n"))
    text = caught.value.text
    assert text.what == "web.port = 0 is not valid"
    assert text.where.endswith(":3")
    assert ">= 1" in text.why


def test_broken_toml_is_told_with_line_and_column(tmp_path):
    with pytest.raises(UserError) as caught:
        Site(make(tmp_path, "[web]\nport = \n"))
    assert caught.value.text.where.endswith("pumphouse.toml:2:8")


def test_a_missing_site_says_how_to_make_one(tmp_path):
    with pytest.raises(UserError) as caught:
        Site(tmp_path)
    assert "pumphouse init" in caught.value.text.next_step


def test_settings_of_a_part_that_is_not_built_are_refused(tmp_path):
    site = Site(make(tmp_path, "[venue]\na = 1\n"))
    with pytest.raises(UserError, match="venue has no settings"):
        site.check()


def test_a_password_in_the_file_is_refused(tmp_path):
    site = Site(make(tmp_path, "[database]\nurl = 'postgresql://me:secret@host/db'\n"))
    with pytest.raises(UserError, match="holds a password") as caught:
        site.check()
    assert "secret@" not in str(caught.value)


def test_a_secret_comes_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("DB", "postgresql://me:secret@host/db")
    site = Site(make(tmp_path, "[database]\nurl = 'env:DB'\n"))
    assert site.database_url == "postgresql://me:secret@host/db"
    monkeypatch.delenv("DB")
    with pytest.raises(UserError, match="DB, which is not set"):
        _ = site.database_url


def test_a_secret_comes_from_a_file_beside_the_settings(tmp_path):
    (tmp_path / "url").write_text("postgresql://me:secret@host/db\n")
    site = Site(make(tmp_path, "[database]\nurl = 'file:url'\n"))
    assert site.database_url == "postgresql://me:secret@host/db"


def test_a_database_that_nobody_speaks_is_refused(tmp_path):
    site = Site(make(tmp_path, "[database]\nurl = 'mysql://host/db'\n"))
    with pytest.raises(UserError, match="'mysql' is not one that Pumphouse speaks"):
        _ = site.database
