# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What a build says of itself in its metadata.json (lab/build.py), as far as profiles need it."""

from __future__ import annotations

import msgspec

from pumphouse.core.errors import UserError

NOT_JSON = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)  # what msgspec raises where bytes are no JSON


class BuildRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A build: `source_path` and `objects_path` are the absolute folders that kbuild was given."""

    tree_identity: str
    tree_version: str
    toolchain: str
    config_sha256: str
    source_path: str
    objects_path: str


class _Metadata(msgspec.Struct, frozen=True, kw_only=True):
    tree_identity: str
    tree_version: str
    toolchain: str
    config_sha256: str
    command: list[str]


def read_build_record(data: bytes, *, name: str) -> BuildRecord:
    """The record in a metadata.json. Raises UserError where it is none, or does not name its folders."""
    try:
        told = msgspec.json.decode(data, type=_Metadata)
    except NOT_JSON as error:
        raise _not_a_build(name, str(error)) from error
    source = next((value for word, value in zip(told.command, told.command[1:], strict=False) if word == "-C"), "")
    objects = next((word[2:] for word in told.command if word.startswith("O=")), "")
    if not source.startswith("/") or not objects.startswith("/"):
        raise _not_a_build(name, "its command names no absolute -C and O=")
    return BuildRecord(
        tree_identity=told.tree_identity,
        tree_version=told.tree_version,
        toolchain=told.toolchain,
        config_sha256=told.config_sha256,
        source_path=source,
        objects_path=objects,
    )


def _not_a_build(name: str, why: str) -> UserError:
    return UserError(
        f"{name} does not describe a build",
        where=name,
        why=why,
        next_step="name the folder of a kernel that pumphouse built: metadata.json lies beside its bzImage",
    )
