# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""collect.sh on a folder that looks like debugfs, in every shell that is here, and through a real sshd on loopback."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from pgo_profiles import CALLS_GCDA, CALLS_GCNO
from pumphouse.pgo.collect import find_script
from pumphouse.pgo.domain.bundle import read_bundle
from pumphouse.pgo.domain.collected import read_collected
from pumphouse.shell.cli import run_command

pytestmark = pytest.mark.net

SHELLS = [shell for shell in (["dash"], ["busybox", "sh"], ["bash", "--posix"]) if shutil.which(shell[0])]
SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")


@pytest.fixture
def debugfs(tmp_path: Path) -> Path:
    """A folder like /sys/kernel/debug/gcov, with a name that needs care and a link as kernels make them."""
    gcov = tmp_path / "debug" / "gcov"
    kernel = gcov / "build of mine" / "kernel"
    kernel.mkdir(parents=True)
    (gcov / "reset").write_text("")
    (kernel / "calls.gcda").write_bytes(CALLS_GCDA)
    (kernel / "calls.gcno").symlink_to("/nowhere/calls.gcno")
    return gcov


@pytest.fixture
def build(tmp_path: Path) -> Path:
    folder = tmp_path / "instrumented"
    (folder / "kernel").mkdir(parents=True)
    (folder / "kernel" / "calls.gcno").write_bytes(CALLS_GCNO)
    metadata = {
        "tree_identity": "1" * 64,
        "tree_version": "6.1.192",
        "toolchain": "gcc (Debian 12.2.0-14+deb12u1) 12.2.0",
        "config_sha256": "0" * 64,
        "command": ["make", "-C", "/usr/src/linux", "O=/build of mine", "bzImage"],
    }
    (folder / "metadata.json").write_bytes(msgspec.json.encode(metadata))
    return folder


def collect(shell: list[str], debugfs: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    environment = {"PATH": os.environ["PATH"], "PUMPHOUSE_GCOV": str(debugfs), "TMPDIR": str(debugfs.parent.parent)}
    argv = [*shell, str(find_script()), *arguments]
    done = subprocess.run(argv, env=environment, cwd=debugfs.parent, capture_output=True, check=False)
    assert list(debugfs.parent.parent.glob("pumphouse-collect*")) == []
    return done


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_counters_are_copied_in_every_shell(shell: list[str], debugfs: Path, tmp_path: Path) -> None:
    done = collect(shell, debugfs, "-o", str(tmp_path / "c.tar.gz"), "-r", "--", "sh", "-c", "echo working")
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"working" in done.stderr
    assert b"1 files of counters after 0 s" in done.stderr
    assert (debugfs / "reset").read_text() == "0\n"
    read = read_collected((tmp_path / "c.tar.gz").read_bytes(), name="c", objects_path="/build of mine")
    assert (read.files, read.is_reset) == ({"kernel/calls.gcda": CALLS_GCDA}, True)
    piped = collect(shell, debugfs, "-o", "-")
    assert read_collected(piped.stdout, name="c", objects_path="/build of mine").files == read.files


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_each_reason_not_to_collect_is_told(shell: list[str], debugfs: Path) -> None:
    for arguments, code, said in (
        (("-o", "x", "--", "false"), 1, b"false ended with 1: nothing is collected"),
        ((), 2, b"no -o"),
        (("-o", "x", "-s", "soon"), 2, b"-s soon: give whole seconds"),
        (("-o", "x", "-s", "1", "--", "true"), 2, b"not both"),
        (("-x",), 2, b"usage"),
        (("-o", "missing/x"), 3, b"missing/x cannot be written"),
    ):
        done = collect(shell, debugfs, *arguments)
        assert (done.returncode, done.stdout) == (code, b"")
        assert said in done.stderr
        assert not (debugfs.parent / "x").exists()
    (debugfs / "empty.gcda").write_bytes(b"")
    assert b"empty.gcda was empty" in collect(shell, debugfs, "-o", "x").stderr
    for path in debugfs.rglob("*.gcda"):
        path.unlink()
    assert b"has no counters" in collect(shell, debugfs, "-o", "x").stderr
    shutil.rmtree(debugfs)
    assert b"debugfs is not there" in collect(shell, debugfs, "-o", "x").stderr
    (debugfs.parent / "tracing").mkdir()
    done = collect(shell, debugfs, "-o", "x")
    assert (done.returncode, b"boot the instrumented one" in done.stderr) == (3, True)


Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def pumphouse(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Runs `pumphouse pgo collect ...`; returns exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run_command(["pgo", "collect", *arguments])
        return code, *capfd.readouterr()

    return call


def test_an_archive_becomes_a_bundle(pumphouse: Call, debugfs: Path, build: Path, tmp_path: Path) -> None:
    collect(["sh"], debugfs, "-o", str(tmp_path / "c.tar.gz"))
    arguments = ("--from", "c.tar.gz", "--build", str(build), "-o", "box.bundle")
    code, out, err = pumphouse(*arguments, "--workload", "redis")
    assert code == 0, err
    assert out.splitlines()[0] == "box.bundle: 2 of 4 functions ran (50.0 %)"
    assert "the counters were not reset before" in err
    bundle = read_bundle((tmp_path / "box.bundle").read_bytes(), name="box.bundle")
    assert (bundle.manifest.workload.name, bundle.manifest.source.path) == ("redis", "/usr/src/linux")
    assert json.loads(pumphouse(*arguments, "--json")[1])["left_out"] == []
    code, _, err = pumphouse(*arguments, "--objects", "/somewhere/else")
    assert (code, "they are of objects in /build of mine" in err) == (2, True)
    for more in (("--ssh", "box"), ("--seconds", "3"), ("--", "true")):
        assert pumphouse(*arguments, *more)[0] == 2


@pytest.fixture
def ssh_server(tmp_path: Path, debugfs: Path) -> Iterator[str]:
    """A real sshd on a loopback port with keys of its own; gives the name by which the client's config knows it."""
    if SSHD is None or not shutil.which("ssh-keygen"):
        pytest.skip("sshd is not on this machine: sudo apt-get install openssh-server")
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
    (tmp_path / "authorized").write_text((tmp_path / "user.pub").read_text())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {
        "ListenAddress": "127.0.0.1",
        "Port": port,
        "HostKey": tmp_path / "host",
        "AuthorizedKeysFile": tmp_path / "authorized",
        "PidFile": "none",
        "StrictModes": "no",
        "UsePAM": "no",
        "SetEnv": f"PUMPHOUSE_GCOV={debugfs}",
    }
    (tmp_path / "sshd_config").write_text("".join(f"{key} {value}\n" for key, value in options.items()))
    client = {
        "HostName": "127.0.0.1",
        "Port": port,
        "IdentityFile": tmp_path / "user",
        "IdentitiesOnly": "yes",
        "StrictHostKeyChecking": "no",
        "UserKnownHostsFile": tmp_path / "known",
        "LogLevel": "ERROR",
    }
    (tmp_path / "ssh_config").write_text("Host box\n" + "".join(f"  {key} {value}\n" for key, value in client.items()))
    wrapper = tmp_path / "bin" / "ssh"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {tmp_path}/ssh_config "$@"\n')
    wrapper.chmod(0o755)
    Path("/run/sshd").mkdir(exist_ok=True)
    server = subprocess.Popen([SSHD, "-D", "-e", "-f", tmp_path / "sshd_config"], stderr=subprocess.DEVNULL)
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    yield "box"
    server.terminate()
    server.wait()


@pytest.mark.skipif(os.geteuid() != 0, reason="sshd logs in as root here: run the tests as root")
def test_a_machine_is_collected_over_ssh(pumphouse: Call, ssh_server: str, build: Path, tmp_path: Path) -> None:
    arguments = ("--ssh", ssh_server, "--build", str(build), "-o", "box.bundle")
    code, _, err = pumphouse(*arguments, "--reset", "--", "sh", "-c", 'echo "[$0]"', "a  b")
    assert code == 0, err
    assert "[a  b]" in err  # one word, as it was given
    assert "not reset" not in err
    assert read_bundle((tmp_path / "box.bundle").read_bytes(), name="x").manifest.coverage.total == 30241
    code, _, err = pumphouse(*arguments, "--", "false")
    assert (code, "the command failed there" in err) == (2, True)
    code, _, err = pumphouse("--ssh", "nobody.invalid", *arguments[2:])
    assert (code, "could not be reached" in err) == (3, True)
