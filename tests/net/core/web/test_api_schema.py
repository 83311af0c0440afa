# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Every operation of the API under many inputs, made from its own OpenAPI description (schemathesis)."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from tests.serving import serving

from pumphouse.core.auth.identity import Identity
from pumphouse.core.jobs.state import State

pytestmark = pytest.mark.net


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    from pumphouse.core.site import create_site

    root = tmp_path_factory.mktemp("api") / "site"
    create_site(root)
    with serving(root) as served:
        for _ in range(3):
            served.call(served.site.runs.create(kind="demo.count", title="x", params={}, actor="test"))
        yield served


@pytest.fixture(scope="module")
def token(served):
    web = served.app.state["web"]
    account = served.call(web.accounts.add("boss", "administrator", actor="test"))
    owner = Identity(role="administrator", via="session", name="boss", account_id=account.id)
    return served.call(web.tokens.create(owner, name="schemathesis", role="administrator", days=1))


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_operation_keeps_to_its_description(served, token, mode):
    schema = schemathesis.openapi.from_url(f"{served.url}/api/openapi.json")
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) == 11
    for operation in operations:
        # Which kinds of runs are offered is a matter of the installed parts, not of the shape of a request.
        excluded = [positive_data_acceptance] if operation.label == "POST /api/runs" else []
        try:
            checker(served, token, operation.as_strategy(generation_mode=mode), excluded)()
        except Unsatisfiable:
            assert mode is GenerationMode.NEGATIVE, "only an operation that takes nothing cannot be asked wrongly"


def checker(served, token, cases, excluded):
    @given(case=cases)
    @settings(max_examples=10, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    def check(case):
        served.app.state["web"].limiter._seen.clear()
        case.call_and_validate(headers={"authorization": f"Bearer {token}"}, excluded_checks=excluded)

    return check


def test_the_database_is_still_whole(served):
    assert served.call(served.site.runs.count_by_state()).get(State.QUEUED, 0) <= 3
