# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Passwords: argon2id with 19 MiB and two passes (OWASP Password Storage Cheat Sheet), hashed in a thread.

There is one such thread, which bounds the memory that a flood of sign-ins can take.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from pumphouse.core.errors import UserError

MIN_LENGTH = 12
MAX_LENGTH = 200

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_thread = ThreadPoolExecutor(1, thread_name_prefix="password")


def check_new_password(password: str, *, name: str) -> None:
    """Raise UserError where a password is too short, too long, or the account's name over and over."""
    length = len(password)
    if not MIN_LENGTH <= length <= MAX_LENGTH:
        raise UserError(
            f"the password has {length} characters",
            where="the new password",
            why=f"fewer than {MIN_LENGTH} are guessed, more than {MAX_LENGTH} are not read",
            next_step="take four or five words that do not belong together",
        )
    if len(set(password)) < 5 or (name and not password.lower().replace(name.lower(), "").strip("0123456789")):
        raise UserError(
            "the password is the first one that anybody would try",
            where="the new password",
            next_step="take four or five words that do not belong together",
        )


async def hash_password(password: str) -> str:
    """The argon2id hash of a password, with its parameters and salt."""
    return await asyncio.get_running_loop().run_in_executor(_thread, _hasher.hash, password)


async def verify_password(stored: str | None, password: str) -> bool:
    """Whether `password` is the one behind the hash; takes the same time where there is no account or no hash."""
    loop = asyncio.get_running_loop()
    right = await loop.run_in_executor(_thread, lambda: _verify(stored or _decoy(), password[:MAX_LENGTH]))
    return right and stored is not None


def _verify(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _decoy() -> str:
    return _hasher.hash("nobody has this password")
