# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Getting the counters of somebody's running instrumented machine, and making a bundle of them."""

from __future__ import annotations

import hashlib
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pumphouse
from pumphouse.core.errors import InfraError, UserError
from pumphouse.pgo.domain.archive import PACKED_MAX
from pumphouse.pgo.domain.build_record import BuildRecord
from pumphouse.pgo.domain.bundle import Bundle, SourceRecord, WorkloadRecord, make_bundle
from pumphouse.pgo.domain.collected import Collected
from pumphouse.pgo.domain.gcda import Gcda, read_gcda
from pumphouse.pgo.domain.match import check_against_notes
from pumphouse.pgo.domain.names import name_functions
from pumphouse.pgo.domain.profile import Notes

EXIT_COMMAND, EXIT_MACHINE = 1, 3  # of collect.sh
EXIT_SSH = 255


@dataclass(frozen=True, kw_only=True)
class CollectOptions:
    """What collect.sh is asked to do: wait so many seconds, or for a command."""

    reset: bool = False
    seconds: int = 0
    command: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Packed:
    """A bundle, and the files that are not in it, with the reason."""

    bundle: Bundle
    left_out: list[str]


def script_argv(options: CollectOptions) -> list[str]:
    """The arguments of collect.sh, the archive going to standard output."""
    waits = ["-s", str(options.seconds)] if options.seconds else []
    return [
        "-o",
        "-",
        *(["-r"] if options.reset else []),
        *waits,
        *(["--", *options.command] if options.command else []),
    ]


def ssh_argv(host: str, options: CollectOptions) -> list[str]:
    """The command that runs collect.sh, given on standard input, on another machine (ssh(1)).

    The other side's shell sees one line, so every word is quoted. Raises UserError for a host that is an option.
    """
    if not host or host.startswith("-") or any(character.isspace() for character in host):
        raise UserError(
            f"{host!r} is no host", where="--ssh", next_step="give HOST or USER@HOST, as ssh itself takes it"
        )
    line = shlex.join(["sh", "-s", "--", *script_argv(options)])
    return ["ssh", "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=15", "--", host, line]


def find_script() -> Path:
    """native/pgo/collect.sh. Raises InfraError where this installation came without it."""
    package = Path(pumphouse.__file__).parent
    for place in (package / "native" / "pgo", package.parents[1] / "native" / "pgo"):
        if (place / "collect.sh").is_file():
            return place / "collect.sh"
    raise InfraError(
        "collect.sh is not here",
        where=str(package.parents[1] / "native" / "pgo"),
        why="this installation came without the folder native",
        next_step="use Pumphouse from its source tree: make setup",
    )


def fetch(argv: Sequence[str]) -> bytes:
    """The archive that a command (ssh_argv) prints; what collect.sh says goes to standard error as it comes.

    Raises UserError where the command that should be profiled failed or collect.sh was used wrongly, InfraError where
    ssh or the machine failed.
    """
    try:
        with (
            find_script().open("rb") as script,
            subprocess.Popen(argv, stdin=script, stdout=subprocess.PIPE) as process,  # noqa: S603 - ssh_argv quotes
        ):
            archive = process.stdout.read(PACKED_MAX + 1) if process.stdout else b""
            if len(archive) > PACKED_MAX:
                process.kill()
    except FileNotFoundError as error:
        raise InfraError(
            f"{argv[0]} is not on this machine",
            where=shlex.join(argv)[:200],
            next_step="sudo apt-get install openssh-client",
        ) from error
    if process.returncode != 0:
        raise _explain(process.returncode, argv)
    return archive


def _explain(code: int, argv: Sequence[str]) -> UserError | InfraError:
    where = shlex.join(argv)[:200]
    if code == EXIT_COMMAND:
        return UserError(
            "the command failed there, so nothing was collected",
            where=where,
            why="its own words stand above",
            next_step="run it there by hand until it succeeds",
        )
    if code == EXIT_SSH:
        return InfraError(
            "the machine could not be reached",
            where=where,
            why="ssh's own words stand above",
            next_step="make `ssh HOST true` work without a password, or collect there and use --from",
        )
    return InfraError(
        "nothing could be collected there",
        where=where,
        why=f"its words stand above; exit code {code}",
        next_step="do what it says, or run native/pgo/collect.sh there and use --from",
    )


def pack_collected(collected: Collected, notes: Notes, build: BuildRecord, *, workload: WorkloadRecord) -> Packed:
    """A bundle of what was collected of a build; files that are damaged or not of the build are left out.

    Raises UserError where none is left.
    """
    profile: dict[str, Gcda] = {}
    left_out = [f"{path}: of no object of this build" for path in collected.elsewhere]
    for name, content in sorted(collected.files.items()):
        one = name.removesuffix(".gcda")
        try:
            gcda = read_gcda(content, name=name)
            if one not in notes:
                left_out.append(f"{name}: of no object of this build")
                continue
            check_against_notes(one, gcda, notes[one])
        except UserError as error:
            left_out.append(error.text.what)
            continue
        profile[one] = gcda
    if not profile:
        raise UserError(
            f"none of {len(left_out)} files of counters can be used",
            where="what was collected",
            why=left_out[0],
            next_step="name the build that runs there: --build FOLDER",
        )
    bundle = make_bundle(
        profile,
        name_functions(notes, build.source_path),
        compiler=build.toolchain,
        config_sha256=build.config_sha256,
        source=SourceRecord(identity=build.tree_identity, version=build.tree_version, path=build.source_path),
        workload=workload,
        duration_s=collected.duration_s,
    )
    return Packed(bundle=bundle, left_out=left_out)


def describe_workload(name: str) -> WorkloadRecord:
    """A workload by its name, or by the file that describes it, whose sum is kept."""
    path = Path(name)
    if path.suffix == ".toml" and path.is_file():
        return WorkloadRecord(name=path.stem, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    return WorkloadRecord(name=name)
