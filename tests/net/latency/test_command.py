# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`pumphouse latency compare` as a person and a program use it, on the fake board."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import msgspec
import pytest

from pumphouse.core.jobs.state import State
from pumphouse.core.schema import upgrade_schema
from pumphouse.core.site import Site
from pumphouse.latency.domain.comparison import Comparison

pytestmark = [pytest.mark.net, pytest.mark.anyio]

FAKE = ["--board=fake", "--a=fake:stock", "--cycles=1000", "--seed=3"]


@pytest.fixture
def latency(site_root, tmp_path):
    """Runs `pumphouse latency ...` on a fresh site; returns exit code, standard output and standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        argv = [sys.executable, "-m", "pumphouse.shell", "latency", *arguments, "--site", str(site_root)]
        done = subprocess.run(
            argv, capture_output=True, text=True, check=False, cwd=tmp_path, env=os.environ | {"COLUMNS": "80"}
        )
        return done.returncode, done.stdout, done.stderr

    return run


async def read_runs(site_root):
    site = Site(site_root)
    await upgrade_schema(site.database)
    try:
        return await site.runs.find()
    finally:
        await site.close()


async def test_a_better_kernel_ends_with_0_and_the_report(latency, tmp_path):
    code, out, err = latency("compare", *FAKE, "--b", "fake:realtime", "--png", "latency.png")
    assert code == 0, err
    assert out.startswith("6.1.0-realtime is better under stress: p99.9")
    assert all(len(line) <= 80 for line in out.splitlines())
    assert (tmp_path / "latency.png").read_bytes().startswith(b"\x89PNG")
    assert "run 1; `pumphouse runs show 1` tells its steps and files" in err


async def test_a_worse_kernel_ends_with_1_and_json_is_the_comparison(latency):
    code, out, _ = latency("compare", *FAKE, "--b", "fake:slower", "--json")
    comparison = msgspec.json.decode(out, type=Comparison)
    assert (code, comparison.verdict) == (1, "worse")
    assert json.loads(out)["version"] == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--boots", "3"], "use --boots 5 or more"),
        (["--shift", "12"], "use --shift 8"),
        (["--load", "heavy"], "use --load stress"),
        (["--interval-us=-5"], "use --interval-us 100"),
        (["--png", "no/such/folder/x.png"], "the folder of the picture does not exist"),
        (["--png", "x.png", "--detach"], "pumphouse runs artifact ID picture.png"),
    ],
)
async def test_input_that_cannot_work_ends_with_2_and_the_next_step(latency, site_root, options, told):
    code, out, err = latency("compare", *FAKE, "--b", "fake:realtime", *options)
    assert (code, out) == (2, "")
    assert told in " ".join(err.split())
    assert await read_runs(site_root) == []


async def test_a_kernel_that_the_board_has_not_ends_with_2(latency):
    code, _, err = latency("compare", *FAKE, "--b", "fake:unheard")
    assert code == 2
    assert "name one of fake:stock, fake:realtime" in err


async def test_a_detached_comparison_is_queued_for_a_worker(latency, site_root):
    code, out, _ = latency("compare", *FAKE, "--b", "fake:realtime", "--detach")
    assert (code, out) == (0, "run 1 queued; `pumphouse runs wait 1` follows it\n")
    (run,) = await read_runs(site_root)
    assert run.state is State.QUEUED


async def test_the_help_has_an_example(latency):
    code, out, _ = latency("compare", "--help")
    assert code == 0
    assert "Example: pumphouse latency compare" in " ".join(out.split())
