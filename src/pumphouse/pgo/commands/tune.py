# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`pumphouse pgo tune`: the whole way from a workload to a kernel and to what it gained."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from pumphouse.core.jobs.foreground import actor, execute_here, report_end
from pumphouse.core.jobs.state import State
from pumphouse.core.site import Site
from pumphouse.core.terminal import JsonOption, SiteOption, print_json, print_lines, say, with_site
from pumphouse.pgo.build import choose_spec
from pumphouse.pgo.domain.bundle import read_bundle
from pumphouse.pgo.domain.request import TuneRequest, check_request, write_title
from pumphouse.pgo.domain.workload import read_workload
from pumphouse.pgo.kinds import TUNE
from pumphouse.pgo.profile_files import read_file

DEFAULTS = TuneRequest()


def tune(
    *,
    source: Annotated[str, Parameter(help="deb:linux-source-6.1, or a kernel tree.")] = DEFAULTS.source,
    config: Annotated[str, Parameter(help="small, running (of this machine's kernel), or a file.")] = DEFAULTS.config,
    workload: Annotated[str, Parameter(help="A workload by name, or its TOML file.")] = DEFAULTS.workload,
    board: Annotated[str, Parameter(help="Where kernels are trained and compared: qemu.")] = DEFAULTS.board,
    boots: Annotated[int, Parameter(help="Boots of the base and of the tuned kernel, 2 to 16.")] = DEFAULTS.boots,
    option: Annotated[
        list[str] | None, Parameter(negative="", help="o3-hot, o3: more optimisation; may be given again.")
    ] = None,
    profile: Annotated[str, Parameter(help="Build with this bundle instead of training.")] = DEFAULTS.profile,
    detach: Annotated[bool, Parameter(negative="", help="Only queue the run; a worker executes it.")] = False,
    site: SiteOption = None,
    json: JsonOption = False,
) -> int:
    """Tune a kernel to a workload: build, train, build with the profile, boot both, and tell what it gained.

    Exits with 1 where a gain is not shown or the kernel got worse. Four kernels are built the first time.

    Example: pumphouse pgo tune --workload redis
    """
    request = TuneRequest(
        source=source,
        config=config,
        workload=workload,
        board=board,
        boots=boots,
        options=option or [],
        profile=str(Path(profile).resolve()) if profile else "",
    )
    check_request(request)
    choose_spec(source, config)
    read_workload(workload)
    if profile:
        read_bundle(read_file(Path(profile)), name=profile)

    async def work(opened: Site) -> int:
        params = msgspec.to_builtins(request)
        if detach:
            run = await opened.runs.create(kind=TUNE, title=write_title(request), params=params, actor=actor())
            if json:
                print_json(run)
            else:
                print_lines([f"run {run.id} queued; `pumphouse runs wait {run.id}` follows it"])
            return 0
        run = await execute_here(opened, kind=TUNE, title=write_title(request), params=params)
        if run.state is not State.DONE:
            return report_end(run, as_json=json)
        if json:
            print_json(run.result)
        else:
            report = await opened.runs.artifact_path(run.id, "report.txt", opened.artifacts)
            print_lines(report.read_text(encoding="utf-8").splitlines())
        say(f"run {run.id}; `pumphouse runs show {run.id}` tells its steps and files")
        return 1 if run.is_no else 0

    return with_site(site, work)
