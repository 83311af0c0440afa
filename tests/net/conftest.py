# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A real PostgreSQL server, started for the tests and stopped at their end."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@dataclass
class PostgresqlServer:
    """A throw-away server on a loopback port. `restart` is what an operator does in the middle of the day."""

    folder: Path
    port: int
    prefix: list[str]  # the server refuses to run as root

    def start(self):
        argv = [*self.prefix, str(PROGRAMS[-1] / "postgres"), "-D", str(self.folder / "data")]
        self.process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            with (
                contextlib.suppress(psycopg.OperationalError),
                psycopg.connect(self.url("postgres"), connect_timeout=2),
            ):
                return
            time.sleep(0.05)
        raise AssertionError("PostgreSQL did not start")

    def stop(self):
        self.process.send_signal(signal.SIGINT)  # fast shutdown: sessions are ended
        self.process.wait(20)

    def url(self, database):
        return f"postgresql://pumphouse@127.0.0.1:{self.port}/{database}"

    def make_database(self):
        name = f"t{secrets.token_hex(6)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)


@pytest.fixture(scope="session")
def postgresql_server():
    if not PROGRAMS:
        pytest.skip("no PostgreSQL server: sudo apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="pumphouse-postgresql-"))
    prefix = []
    if os.geteuid() == 0:
        prefix = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        shutil.chown(folder, "nobody", "nogroup")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    initdb = [*prefix, str(PROGRAMS[-1] / "initdb"), "-D", str(folder / "data"), "-U", "pumphouse", "-A", "trust", "-N"]
    subprocess.run(initdb, check=True, capture_output=True)
    with (folder / "data" / "postgresql.conf").open("a") as stream:
        stream.write(f"port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\nfsync = off\n")
    server = PostgresqlServer(folder, port, prefix)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)
