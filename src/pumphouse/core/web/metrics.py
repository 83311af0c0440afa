# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Metrics in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from pumphouse.core.jobs.state import State

CONTENT_TYPE = "text/plain; version=0.0.4"  # the framework adds the charset
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class Metrics:
    """The metrics of one web process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.requests = Counter(
            "pumphouse_http_requests_total",
            "Requests answered, by method, route and status.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self.request_seconds = Histogram(
            "pumphouse_http_request_seconds",
            "Time to answer a request, by route.",
            ["route"],
            buckets=BUCKETS_S,
            registry=self._registry,
        )
        self._runs = Gauge("pumphouse_runs", "Runs in the table, by state.", ["state"], registry=self._registry)
        self._live = Gauge("pumphouse_live_clients", "Browsers that watch a page live.", registry=self._registry)

    def render(self, *, runs: Mapping[str, int], live_clients: int) -> bytes:
        """All metrics as text, with these present values."""
        for state in State:
            self._runs.labels(state=state).set(runs.get(state, 0))
        self._live.set(live_clients)
        return generate_latest(self._registry)
