# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`pumphouse pgo collect`: the counters of a running instrumented machine as a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from pumphouse.core.errors import UserError
from pumphouse.core.terminal import JsonOption, print_json, print_lines, say
from pumphouse.pgo.collect import CollectOptions, describe_workload, fetch, pack_collected, ssh_argv
from pumphouse.pgo.domain.bundle import ANYWHERE, move_bundle, write_bundle
from pumphouse.pgo.domain.collected import read_collected
from pumphouse.pgo.domain.profile_text import per_cent
from pumphouse.pgo.profile_files import open_build, read_file, write_file


def collect(
    *command: Annotated[str, Parameter(help="After --: a command to run there; collected when it has ended.")],
    build: Annotated[Path, Parameter(help="The folder of the instrumented kernel that runs there.")],
    output: Annotated[Path, Parameter(name=["--output", "-o"], help="The bundle to write.")],
    ssh: Annotated[str, Parameter(help="The machine, as ssh takes it: HOST or root@HOST.")] = "",
    from_file: Annotated[
        Path | None, Parameter(name="--from", help="An archive that native/pgo/collect.sh wrote there.")
    ] = None,
    seconds: Annotated[int, Parameter(help="With --ssh: wait so long before collecting.")] = 0,
    reset: Annotated[bool, Parameter(negative="", help="With --ssh: reset the counters first.")] = False,
    objects: Annotated[Path | None, Parameter(help="Where it was built, if not where the build says.")] = None,
    workload: Annotated[str, Parameter(help="The name of what ran, or its TOML file.")] = "not named",
    keep_path: Annotated[bool, Parameter(negative="", help="Keep the path of the source tree in the bundle.")] = False,
    json: JsonOption = False,
) -> int:
    """Make a bundle of the counters of a machine that runs an instrumented kernel.

    The bundle tells nothing of the machine: neither its name nor its paths.

    Example: pumphouse pgo collect --ssh root@box --reset --seconds 60 --build o/instrumented -o box.bundle
    """
    if bool(ssh) == (from_file is not None):
        raise UserError(
            "it must be told where the counters are", where="--ssh, --from", next_step="give one of --ssh and --from"
        )
    if from_file is not None and (command or seconds or reset):
        raise UserError(
            "an archive is collected already",
            where="--from",
            next_step="leave out --seconds, --reset and the command; collect.sh takes them there",
        )
    if seconds < 0 or (seconds and command):
        raise UserError(
            "how long to wait is not clear", where="--seconds", next_step="give seconds or a command, not both"
        )
    held = open_build(build)
    if held.record is None:
        raise UserError(
            f"{build} does not say what it is",
            where=str(build / "metadata.json"),
            next_step="name the folder of a kernel that pumphouse built",
        )
    if from_file is not None:
        label, archive = from_file.name, read_file(from_file)
    else:
        options = CollectOptions(reset=reset, seconds=seconds, command=command)
        label, archive = ssh, fetch(ssh_argv(ssh, options))
    collected = read_collected(archive, name=label, objects_path=str(objects or held.record.objects_path))
    packed = pack_collected(collected, held.notes, held.record, workload=describe_workload(workload))
    bundle, lost = (packed.bundle, []) if keep_path else move_bundle(packed.bundle, ANYWHERE)
    write_file(output, write_bundle(bundle))
    coverage = bundle.manifest.coverage
    if not collected.is_reset:
        say("the counters were not reset before: they count since that machine booted")
    if json:
        manifest = {key: value for key, value in msgspec.to_builtins(bundle.manifest).items() if key != "counters"}
        print_json(
            {"output": str(output), "manifest": manifest, "left_out": packed.left_out, "not_followed": len(lost)}
        )
    else:
        ran = coverage.functions_executed / (coverage.functions or 1)
        print_lines(
            [
                f"{output}: {coverage.functions_executed:,} of {coverage.functions:,} functions ran ({per_cent(ran)})",
                f"in {coverage.objects:,} objects, {collected.duration_s:g} s; {len(packed.left_out)} files left out.",
                *(f"  {one}"[:80] for one in packed.left_out[:10]),
            ]
        )
    return 0
