# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Random secrets (session cookies, tokens, links): shown once, kept only as SHA-256.

They have 256 random bits, so a fast hash is enough; passwords, which people choose, are in password.py.
"""

from __future__ import annotations

import hashlib
import secrets

TOKEN_PREFIX = "pht_"  # noqa: S105  so that a secret scanner recognises a leaked token


def new_secret(prefix: str = "") -> str:
    """A new secret, safe in URLs and headers."""
    return prefix + secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """What is stored: the SHA-256 in hex."""
    return hashlib.sha256(secret.encode()).hexdigest()
