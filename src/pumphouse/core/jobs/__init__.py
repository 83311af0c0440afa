# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Runs: the durable record of a piece of work, and everything that executes one.

state.py       the states, and which may follow which
records.py     a run as it is read
read.py        the table, for looking
runs.py        the table: create, claim, renew, finish, cancel, retry (every change is one guarded UPDATE)
job.py         what a part declares for a kind of run
context.py     what a job is given: steps, progress, log, artifacts, measurements
execute.py     one run in this process: heartbeat, flush, how it ends
supervisor.py  the local executor: claims runs, starts a process for each, kills what must end
procrastinate.py  the executor for many machines
"""
