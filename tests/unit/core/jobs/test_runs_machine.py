# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The run table against a model: in any order of events a run has one executor, and none is lost or done twice."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pumphouse.core.clock import SettableClock
from pumphouse.core.db import Database, metadata, sqlite_url
from pumphouse.core.errors import ConflictError
from pumphouse.core.events import read_events
from pumphouse.core.jobs.owner import Owner
from pumphouse.core.jobs.records import LogLine
from pumphouse.core.jobs.runs import LeaseLostError, Runs
from pumphouse.core.jobs.state import State

pytestmark = pytest.mark.unit

LEASE_S = 20.0
OWNER = Owner("elsewhere", "boot", "ns", 1, 1)


class RunTable(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.loop = asyncio.new_event_loop()
        self.clock = SettableClock()
        self.database = Database(self.make_url())
        self.do(self.make_tables())
        self.runs = Runs(self.database, self.clock)
        self.model = {}  # id -> state
        self.leases = []  # every lease ever given
        self.valid = {}  # id -> the lease that is held
        self.until = {}  # id -> when it runs out

    def make_url(self):
        return sqlite_url(Path(self.folder.name) / "x.db")

    async def make_tables(self):
        async with self.database.write() as connection:
            await connection.run_sync(metadata.create_all)

    def do(self, coroutine):
        return self.loop.run_until_complete(coroutine)

    def teardown(self):
        self.do(self.database.close())
        self.loop.close()
        self.folder.cleanup()

    @rule(key=st.sampled_from([None, "a", "b"]))
    def create(self, key):
        run = self.do(self.runs.create(kind="demo.x", title="x", params={"key": key}, actor="me", idempotency_key=key))
        if key is not None and run.id in self.model:
            assert run.params == {"key": key}
        else:
            assert run.id not in self.model
            self.model[run.id] = State.QUEUED

    @rule()
    def claim(self):
        lease = self.do(self.runs.claim(owner=OWNER, lease_s=LEASE_S))
        queued = [run_id for run_id, state in self.model.items() if state is State.QUEUED]
        assert (lease is not None) == bool(queued)
        if lease:
            assert lease.run_id == min(queued)
            self.model[lease.run_id] = State.RUNNING
            self.leases.append(lease)
            self.valid[lease.run_id] = lease
            self.until[lease.run_id] = self.clock.now() + LEASE_S

    def attempt(self, lease, coroutine):
        """Do something with a lease: it works exactly while the lease is held."""
        if self.valid.get(lease.run_id) == lease:
            self.do(coroutine)
            return True
        with pytest.raises(LeaseLostError):
            self.do(coroutine)
        return False

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def renew(self, data):
        lease = data.draw(st.sampled_from(self.leases))
        seq = len(self.do(self.runs.log(lease.run_id))) + 1
        line = LogLine(seq=seq, at=self.clock.now(), level="info", text="x")
        if self.attempt(lease, self.runs.renew(lease, lease_s=LEASE_S, progress=0.5, log=[line])):
            self.until[lease.run_id] = self.clock.now() + LEASE_S
            seq += 1
        assert len(self.do(self.runs.log(lease.run_id))) == seq - 1

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), state=st.sampled_from([State.DONE, State.FAILED, State.CANCELLED]))
    def finish(self, data, state):
        lease = data.draw(st.sampled_from(self.leases))
        if self.attempt(lease, self.runs.finish(lease, state=state)):
            self.model[lease.run_id] = state
            del self.valid[lease.run_id]

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def release(self, data):
        lease = data.draw(st.sampled_from(self.leases))
        if self.attempt(lease, self.runs.release(lease, reason="stopped", counts=False)):
            self.model[lease.run_id] = State.QUEUED
            del self.valid[lease.run_id]

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def cancel(self, data):
        run_id = data.draw(st.sampled_from(sorted(self.model)))
        if self.model[run_id].is_final:
            with pytest.raises(ConflictError):
                self.do(self.runs.cancel(run_id, actor="me"))
            return
        run = self.do(self.runs.cancel(run_id, actor="me"))
        assert run.cancel_requested_by == "me"
        if self.model[run_id] is State.QUEUED:
            self.model[run_id] = State.CANCELLED

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def retry(self, data):
        run_id = data.draw(st.sampled_from(sorted(self.model)))
        if self.model[run_id] in (State.FAILED, State.CANCELLED):
            run = self.do(self.runs.retry(run_id, actor="me"))
            assert run.cancel_requested_by is None
            self.model[run_id] = State.QUEUED
        else:
            with pytest.raises(ConflictError):
                self.do(self.runs.retry(run_id, actor="me"))

    @rule(seconds=st.sampled_from([1.0, LEASE_S + 1, -5.0]))
    def time_passes(self, seconds):
        self.clock.move(seconds)

    @invariant()
    def the_table_says_what_the_model_says(self):
        found = {run.id: run.state for run in self.do(self.runs.find(limit=10_000))}
        assert found == self.model
        held = {lease.run_id: lease for _, lease in self.do(self.runs.held())}
        assert held == self.valid

    @invariant()
    def leases_that_ran_out_are_found(self):
        expired = {lease.run_id for _, lease in self.do(self.runs.expired())}
        assert expired == {run_id for run_id in self.valid if self.until[run_id] < self.clock.now()}

    @invariant()
    def every_change_of_state_is_told_in_order(self):
        states = {}
        for event in self.do(read_events(self.database, limit=100_000)):
            run_id = event.data["run_id"]
            if event.name == "run.created":
                states[run_id] = State.QUEUED
            elif event.name == "run.started":
                assert states[run_id] is State.QUEUED
                states[run_id] = State.RUNNING
            elif event.name == "run.requeued":
                states[run_id] = State.QUEUED
            elif event.name == "run.finished":
                states[run_id] = State(event.data["state"])
        assert states == self.model


RunTable.TestCase.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestRunTable = RunTable.TestCase
