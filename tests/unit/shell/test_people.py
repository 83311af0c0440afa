# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import asyncio
import json

import pytest

from pumphouse.core.auth.links import Links
from pumphouse.core.site import Site
from pumphouse.shell.cli import run_command

pytestmark = pytest.mark.unit


@pytest.fixture
def run(site_root, capsys):
    def run(*arguments):
        code = run_command(["people", *arguments, "--site", str(site_root)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def test_somebody_is_added_and_their_link_lets_them_in(run, site_root):
    code, out, err = run("add", "anne", "--role", "operator")
    assert (code, "signs anne in as operator, once" in err) == (0, True)
    assert out.startswith("http://127.0.0.1:8420/sign-in/link/")

    async def redeem():
        site = Site(site_root)
        account = await Links(site.database, site.clock).redeem(out.strip().rpartition("/")[2])
        await site.close()
        return account.name

    assert asyncio.run(redeem()) == "anne"


def test_people_are_listed_with_what_they_may_do(run):
    assert "nobody yet" in run("list")[2]
    run("add", "anne")
    assert run("list")[1].split() == ["anne", "viewer", "has", "not", "signed", "in", "yet"]
    (anne,) = json.loads(run("list", "--json")[1])
    assert (anne["name"], anne["role"], "password_hash" in anne) == ("anne", "viewer", False)


def test_who_forgot_their_password_gets_a_new_link(run):
    run("add", "anne")
    code, out, _ = run("link", "anne", "--json")
    assert (code, json.loads(out)["name"]) == (0, "anne")


def test_a_link_for_nobody_and_a_name_that_is_taken_are_told(run):
    code, _, err = run("link", "bert")
    assert (code, "there is no account 'bert'" in err, "pumphouse people list" in err) == (2, True, True)
    run("add", "anne")
    code, _, err = run("add", "anne")
    assert (code, "there is an account anne already" in err) == (2, True)
