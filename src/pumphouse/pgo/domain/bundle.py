# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Profiles that travel: one file with the counters of a kernel, the names of its functions, and where all that is from.

    manifest.json           of which compiler, configuration, source and workload; the sums of all files
    names.json              object -> [ident, name, source, line, in the tree]
    counters/OBJECT.gcda    by their objects' names relative to the build folder

A bundle says nothing of the machine but what is in the manifest. The same profile gives the same bytes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import NoReturn

import msgspec

from pumphouse.core.errors import UserError
from pumphouse.pgo.domain.archive import pack_files, unpack_files
from pumphouse.pgo.domain.build_record import NOT_JSON, BuildRecord
from pumphouse.pgo.domain.gcda import Gcda, read_gcda, write_gcda
from pumphouse.pgo.domain.names import FunctionName
from pumphouse.pgo.domain.profile import Coverage, measure_coverage, refuse_other_compilers
from pumphouse.pgo.domain.remap import Lost, remap

SCHEMA = 1
ANYWHERE = "/usr/src/linux"  # the path that stands for "any" in a bundle that tells nothing of its machine

_NEXT = "fetch it again, or ask for a bundle that `pumphouse pgo profile show` reads where it was made"
_SHA256 = re.compile(r"[0-9a-f]{64}")


class SourceRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The tree: its content by hash, its version, and its absolute path, which is in the identity of functions."""

    identity: str
    version: str
    path: str


class WorkloadRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ran. `sha256` is of its description, empty where there was none."""

    name: str
    sha256: str = ""


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a profile is from. `compiler` is the first line of `gcc --version`, `counters` the sums by object."""

    schema: int
    compiler: str
    gcda_version: str
    config_sha256: str
    source: SourceRecord
    workload: WorkloadRecord
    duration_s: float
    coverage: Coverage
    names_sha256: str
    counters: dict[str, str]


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """A profile with its manifest and the names of its functions (none where the notes were not at hand)."""

    manifest: Manifest
    profile: dict[str, Gcda]
    names: dict[str, dict[int, FunctionName]]


def make_bundle(
    profile: Mapping[str, Gcda],
    names: Mapping[str, Mapping[int, FunctionName]],
    *,
    compiler: str,
    config_sha256: str,
    source: SourceRecord,
    workload: WorkloadRecord,
    duration_s: float,
) -> Bundle:
    """A bundle of a profile. Names are kept of the functions in it, without paths outside the tree.

    Raises UserError for a profile of nothing, or of two compilers.
    """
    if not profile:
        raise UserError(
            "there are no counters to pack", where="the profile", next_step="train, or collect, before packing"
        )
    refuse_other_compilers([profile])
    kept = {name: _keep_names(gcda, names.get(name, {})) for name, gcda in sorted(profile.items())}
    return Bundle(
        manifest=Manifest(
            schema=SCHEMA,
            compiler=compiler,
            gcda_version=next(iter(profile.values())).version,
            config_sha256=config_sha256,
            source=source,
            workload=workload,
            duration_s=duration_s,
            coverage=measure_coverage(profile),
            names_sha256=_hash(_encode_names(kept)),
            counters={name: _hash(write_gcda(gcda)) for name, gcda in sorted(profile.items())},
        ),
        profile=dict(sorted(profile.items())),
        names=kept,
    )


def move_bundle(bundle: Bundle, path: str) -> tuple[Bundle, list[Lost]]:
    """The bundle for the same tree at another absolute path, and the functions that could not be followed there."""
    manifest = bundle.manifest
    moved = remap(bundle.profile, bundle.names, old_path=manifest.source.path, new_path=path)
    made = make_bundle(
        moved.profile,
        moved.names,
        compiler=manifest.compiler,
        config_sha256=manifest.config_sha256,
        source=msgspec.structs.replace(manifest.source, path=path),
        workload=manifest.workload,
        duration_s=manifest.duration_s,
    )
    return made, moved.lost


def list_differences(manifest: Manifest, build: BuildRecord) -> list[str]:
    """What a bundle was made with that a build was not, each as words: compiler, source, configuration.

    Of another compiler it is of no use; with another source or configuration only what still fits counts.
    """
    pairs = (
        ("compiler", manifest.compiler, build.toolchain),
        (
            "source",
            f"{manifest.source.version} {manifest.source.identity[:12]}",
            f"{build.tree_version} {build.tree_identity[:12]}",
        ),
        ("configuration", manifest.config_sha256[:12], build.config_sha256[:12]),
    )
    return [f"another {what}: {theirs}, here {ours}" for what, theirs, ours in pairs if theirs != ours]


def write_bundle(bundle: Bundle) -> bytes:
    """The bundle as one file: .tar.gz, the same bytes for the same bundle."""
    files = {f"counters/{name}.gcda": write_gcda(gcda) for name, gcda in bundle.profile.items()}
    files["names.json"] = _encode_names(bundle.names)
    files["manifest.json"] = msgspec.json.format(msgspec.json.encode(bundle.manifest), indent=1) + b"\n"
    return pack_files(files)


def read_bundle(data: bytes, *, name: str) -> Bundle:
    """The bundle in the file `name`, whole: every file that its manifest names, with the right sum, and no other.

    Raises UserError for anything else: file, what is wrong, next step.
    """
    files = unpack_files(data, name=name)
    if "manifest.json" not in files:
        _refuse(name, "it is no bundle: it has no manifest.json")
    manifest = _read_manifest(files.pop("manifest.json"), name)
    names_json = files.pop("names.json", b"")
    if _hash(names_json) != manifest.names_sha256:
        _refuse(name, "names.json in it was changed")
    try:
        names = msgspec.json.decode(names_json, type=dict[str, list[FunctionName]])
    except NOT_JSON as error:
        _refuse(name, "names.json in it is damaged", why=str(error))
    profile = {}
    for one, expected in sorted(manifest.counters.items()):
        content = files.pop(f"counters/{one}.gcda", None)
        if content is None:
            _refuse(name, f"counters/{one}.gcda is missing in it")
        if _hash(content) != expected:
            _refuse(name, f"counters/{one}.gcda in it was changed", why="its sum is not that of the manifest")
        profile[one] = read_gcda(content, name=f"{name}/counters/{one}.gcda")
        if profile[one].version != manifest.gcda_version:
            _refuse(name, f"counters/{one}.gcda in it is of another compiler than the manifest says")
    if files:
        _refuse(name, f"{min(files)} in it is not in its manifest")
    by_ident = {one: {told.ident: told for told in listed} for one, listed in names.items()}
    return Bundle(manifest=manifest, profile=profile, names=by_ident)


def _read_manifest(data: bytes, name: str) -> Manifest:
    try:
        schema = msgspec.json.decode(data, type=dict[str, msgspec.Raw]).get("schema", msgspec.Raw(b"0"))
        if bytes(schema) != str(SCHEMA).encode():
            _refuse(
                name,
                f"its manifest is of schema {bytes(schema).decode(errors='replace')[:20]}, and {SCHEMA} is read here",
            )
        manifest = msgspec.json.decode(data, type=Manifest)
    except NOT_JSON as error:
        _refuse(name, "its manifest is damaged", why=str(error))
    for one in manifest.counters:
        if one.startswith("/") or any(part in {"", ".", ".."} for part in one.split("/")):
            _refuse(name, f"its manifest names {one!a}, which is no object of a build")
    if not manifest.source.path.startswith("/") or not _SHA256.fullmatch(manifest.names_sha256):
        _refuse(name, "its manifest is damaged", why="the path of the source or the sum of the names is none")
    return manifest


def _keep_names(gcda: Gcda, known: Mapping[int, FunctionName]) -> dict[int, FunctionName]:
    idents = {one.ident for one in gcda.functions}
    return {ident: _without_paths(told) for ident, told in sorted(known.items()) if ident in idents}


def _without_paths(told: FunctionName) -> FunctionName:
    if told.in_tree or not told.source.startswith("/"):
        return told
    return msgspec.structs.replace(told, source="")


def _encode_names(names: Mapping[str, Mapping[int, FunctionName]]) -> bytes:
    return msgspec.json.encode({name: list(known.values()) for name, known in sorted(names.items())})


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _refuse(name: str, what: str, *, why: str = "") -> NoReturn:
    raise UserError(f"{name}: {what}", where=name, why=why, next_step=_NEXT)
