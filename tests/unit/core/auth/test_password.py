# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
import asyncio

import pytest

from pumphouse.core.auth.password import check_new_password, hash_password, verify_password
from pumphouse.core.errors import UserError

pytestmark = pytest.mark.unit


def test_only_the_right_password_is_accepted():
    async def work():
        stored = await hash_password("correct horse battery staple")
        assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        assert await verify_password(stored, "correct horse battery staple")
        assert not await verify_password(stored, "correct horse battery stapl")
        assert not await verify_password("not a hash", "x")

    asyncio.run(work())


def test_nobody_has_the_password_of_a_missing_account():
    assert asyncio.run(verify_password(None, "nobody has this password")) is False


@pytest.mark.parametrize("password", ["short", "x" * 201, "aaaaaaaaaaaaaaaa", "anneanneanne1"])
def test_a_password_that_would_be_guessed_is_refused_with_a_better_idea(password):
    with pytest.raises(UserError) as caught:
        check_new_password(password, name="anne")
    assert "words" in caught.value.text.next_step


def test_a_long_password_is_taken():
    check_new_password("four words that differ", name="anne")
