# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from pumphouse.core.errors import UserError
from pumphouse.pgo.domain.request import TuneRequest, check_request, write_command

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("request_", "where"),
    [
        (TuneRequest(board="ssh:pi"), "--board"),
        (TuneRequest(boots=1), "--boots"),
        (TuneRequest(options=["o4"]), "--option"),
        (TuneRequest(options=["o3", "o3-hot"]), "--option"),
    ],
)
def test_what_cannot_be_done_is_refused_at_its_option_with_the_next_step(request_, where):
    with pytest.raises(UserError) as caught:
        check_request(request_)
    assert caught.value.text.where == where
    assert caught.value.text.next_step


def test_the_command_names_what_is_not_the_default():
    request = TuneRequest(source="/src/linux tree", options=["o3-hot"])
    assert write_command(request) == "pumphouse pgo tune --source='/src/linux tree' --option=o3-hot"
