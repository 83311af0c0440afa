# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""`pumphouse pgo profile`: the answer first, its exit code, and the same as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from pgo_profiles import CALLS_GCDA, CALLS_GCNO, as_kernel_writes, make_function, make_gcda
from pumphouse.core.errors import UserError
from pumphouse.pgo.commands.profile import app
from pumphouse.pgo.domain.bundle import Bundle, SourceRecord, WorkloadRecord, make_bundle, read_bundle, write_bundle
from pumphouse.pgo.domain.gcc_ident import public_ident, static_ident
from pumphouse.pgo.domain.gcda import Counters, Gcda, read_gcda, write_gcda
from pumphouse.pgo.domain.gcno import Gcno, read_gcno
from pumphouse.pgo.domain.match import WORDS, Check, FileCheck, Staleness
from pumphouse.pgo.domain.names import find_source_path, name_functions
from pumphouse.pgo.domain.profile_text import per_cent, show_check
from pumphouse.pgo.profile_files import open_build, write_file
from pumphouse.shell.cli import run_command

pytestmark = pytest.mark.unit

PATH = "/usr/src/linux-6.1"
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `pumphouse pgo profile ...` in a fresh folder; returns exit code and standard output."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str]:
        code = app(arguments, result_action="return_value")
        out = capsys.readouterr().out
        assert "--json" in arguments or all(len(line) <= 80 for line in out.splitlines())
        return code, out

    return call


def notes_at(path: str) -> Gcno:
    """The notes of the example as the object kernel/calls of a tree at `path`."""
    gcno = read_gcno(CALLS_GCNO, name="calls.gcno")
    functions = []
    for one in gcno.functions:
        source = f"{path}/kernel/calls.c"
        ident = static_ident("hot", source, "kernel/calls") if one.name == "hot" else public_ident(one.name)
        functions.append(msgspec.structs.replace(one, source=source, ident=ident))
    return msgspec.structs.replace(gcno, functions=tuple(functions))


def counters_at(path: str, *, times: int = 1) -> dict[str, Gcda]:
    gcda = as_kernel_writes(read_gcda(CALLS_GCDA, name="calls.gcda"))
    idents = {1886836927: static_ident("hot", f"{path}/kernel/calls.c", "kernel/calls")}
    functions = tuple(
        msgspec.structs.replace(
            one,
            ident=idents.get(one.ident, one.ident),
            counters=(Counters(0, tuple(times * count for count in one.arcs)),),
        )
        for one in gcda.functions
    )
    return {"kernel/calls": msgspec.structs.replace(gcda, functions=functions)}


def bundle(path: str = PATH, *, name: str = "redis", profile: dict[str, Gcda] | None = None) -> Bundle:
    return make_bundle(
        profile or counters_at(path),
        name_functions({"kernel/calls": notes_at(path)}, path),
        compiler="gcc (Debian 12.2.0-14+deb12u1) 12.2.0",
        config_sha256="0" * 64,
        source=SourceRecord(identity="1" * 64, version="6.1.192", path=path),
        workload=WorkloadRecord(name=name),
        duration_s=12.0,
    )


def save(name: str, content: Bundle) -> None:
    write_file(Path(name), write_bundle(content))


def write_build(folder: Path, gcno: bytes = b"") -> None:
    """An instrumented build as it is kept: its notes as they are on disk, and what it says of itself."""
    (folder / "kernel").mkdir(parents=True)
    (folder / "kernel" / "calls.gcno").write_bytes(gcno or CALLS_GCNO)


def test_show_answers_first_and_names_the_hottest(run: Run) -> None:
    save("redis.bundle", bundle())
    code, out = run("show", "redis.bundle")
    assert code == 0
    assert out.splitlines()[:2] == ["redis.bundle: 50.0 % of the functions ran,", "2 of 4 in 1 objects."]
    assert "source    6.1.192 in /usr/src/linux-6.1" in out
    assert "  93.7 %  hot  kernel/calls.c:5" in out
    code, out = run("show", "redis.bundle", "--functions", "1", "--json")
    told = json.loads(out)
    assert told["coverage"]["functions_executed"] == 2
    assert told["manifest"]["workload"]["name"] == "redis"
    assert [one["name"] for one in told["hottest"]] == ["hot"]


def test_show_reads_a_folder_of_counters_too(run: Run, tmp_path: Path) -> None:
    (tmp_path / "gcda" / "kernel").mkdir(parents=True)
    (tmp_path / "gcda" / "kernel" / "calls.gcda").write_bytes(CALLS_GCDA)
    code, out = run("show", "gcda")
    assert (code, out.splitlines()[0]) == (0, "gcda: 50.0 % of the functions ran,")
    assert json.loads(run("show", "gcda", "--json")[1])["manifest"] is None


def test_check_says_yes_to_the_build_that_was_trained(run: Run, tmp_path: Path) -> None:
    write_build(tmp_path / "o")
    (tmp_path / "gcda" / "kernel").mkdir(parents=True)
    (tmp_path / "gcda" / "kernel" / "calls.gcda").write_bytes(CALLS_GCDA)
    code, out = run("check", "gcda", "--build", "o")
    assert (code, out.splitlines()[0]) == (0, "Yes: gcda is of this build, all 4 functions in 1 files.")


def test_check_says_no_where_too_little_fits(run: Run, tmp_path: Path) -> None:
    notes = read_gcno(CALLS_GCNO, name="calls.gcno")
    at = CALLS_GCNO.index(next(one.cfg_checksum for one in notes.functions if one.name == "hot").to_bytes(4, "little"))
    changed = CALLS_GCNO[:8] + b"NEXT" + CALLS_GCNO[12:at] + b"ELSE" + CALLS_GCNO[at + 4 :]
    write_build(tmp_path / "o", changed)
    gcda = as_kernel_writes(read_gcda(CALLS_GCDA, name="calls.gcda"))
    save("x.bundle", bundle(profile={"kernel/calls": gcda}))
    code, out = run("check", "x.bundle", "--build", "o")
    assert (code, out.splitlines()[0]) == (
        1,
        "No: 6.29 % of the counts of x.bundle fit this build, less than 80.0 %.",
    )
    assert "     1 files not of this build" in out
    assert "  93.7 %  changed  hot  kernel/calls" in out
    code, out = run("check", "x.bundle", "--build", "o", "--least", "0.05", "--json")
    told = json.loads(out)
    assert (code, told["fits"], told["of_build"]) == (0, True, False)
    assert [one["name"] for one in told["functions"]] == ["hot"]


def test_check_says_no_to_damaged_counters(run: Run, tmp_path: Path) -> None:
    write_build(tmp_path / "o")
    gcda = read_gcda(CALLS_GCDA, name="x")
    (tmp_path / "gcda" / "kernel").mkdir(parents=True)
    fewer = msgspec.structs.replace(gcda, functions=gcda.functions[:-1])
    (tmp_path / "gcda" / "kernel" / "calls.gcda").write_bytes(write_gcda(fewer))
    code, out = run("check", "gcda", "--build", "o")
    assert (code, out.splitlines()[0]) == (1, "No: kernel/calls.gcda of gcda is of this build, but damaged.")
    assert "kernel/calls.gcda: hot has no counters" in out


def test_merge_adds_by_weight_and_follows_the_path_of_the_first(run: Run) -> None:
    save("a.bundle", bundle())
    save("b.bundle", bundle("/home/me/linux", name="http"))
    code, out = run("merge", "a.bundle", "b.bundle", "--weight", "1", "--weight", "3", "-o", "both.bundle")
    assert (code, out.splitlines()[0]) == (0, "both.bundle: 2 of 4 functions ran")
    both = read_bundle(Path("both.bundle").read_bytes(), name="both.bundle")
    assert both.manifest.workload.name == "redis + http x 3"
    assert both.manifest.source.path == PATH
    assert both.manifest.duration_s == 24
    assert both.manifest.coverage.total == 4 * 30241
    assert both.profile["kernel/calls"].summary is not None
    assert both.profile["kernel/calls"].summary.sum_max == 4 * 16000
    assert sorted(one.name for one in both.names["kernel/calls"].values()) == ["cold", "hot", "main", "never"]
    code, out = run("merge", "a.bundle", "b.bundle", "-o", "both.bundle", "--json")
    assert json.loads(out)["left_out"] == []
    with pytest.raises(UserError, match="one bundle is merged already"):
        run("merge", "a.bundle", "-o", "both.bundle")
    with pytest.raises(UserError, match="1 weights for 2 profiles"):
        run("merge", "a.bundle", "b.bundle", "--weight", "1", "-o", "both.bundle")


def test_merge_tells_what_did_not_fit(run: Run) -> None:
    save("a.bundle", bundle(profile={"a": make_gcda(make_function(1, 5))}))
    save("b.bundle", bundle(profile={"a": make_gcda(make_function(1, 5, cfg=9))}))
    code, out = run("merge", "a.bundle", "b.bundle", "-o", "both.bundle")
    assert code == 0
    assert "1 functions did not fit and were left out" in out
    assert "  a: function 1 of profile 2: other control flow, 5 counts" in out


def test_overlap_and_diff_compare_across_paths(run: Run) -> None:
    save("a.bundle", bundle())
    save("b.bundle", bundle("/home/me/linux", profile=counters_at("/home/me/linux", times=7)))
    code, out = run("overlap", "a.bundle", "b.bundle", "--least", "0.99")
    assert (code, out) == (0, "a.bundle and b.bundle overlap by 100 %.\n")
    code, out = run("diff", "a.bundle", "b.bundle")
    assert out.splitlines()[2:] == ["No function changed its share of the counts."]
    save("c.bundle", bundle(profile={"kernel/calls": make_gcda(make_function(public_ident("cold"), 9))}))
    assert run("overlap", "a.bundle", "c.bundle", "--least", "0.5")[0] == 1
    code, out = run("diff", "a.bundle", "c.bundle")
    assert code == 0
    assert out.splitlines()[3] == "  +100 %       0 %     100 %  cold  kernel/calls"
    assert " -93.7 %    93.7 %       0 %  hot  kernel/calls" in out
    assert json.loads(run("diff", "a.bundle", "c.bundle", "--json")[1])["changes"][0]["change"] == pytest.approx(1)
    assert json.loads(run("overlap", "a.bundle", "c.bundle", "--json")[1])["overlap"] == 0


def test_what_is_not_there_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for arguments, said in (
        (("show", "nothing.bundle"), "nothing.bundle cannot be read"),
        (("show", "empty"), "no counters are in empty"),
        (("check", "x.bundle", "--build", "empty"), "no notes of an instrumented build are in empty"),
    ):
        save("x.bundle", bundle())
        with pytest.raises(UserError, match=said) as caught:
            run(*arguments)
        assert caught.value.text.next_step
    with pytest.raises(UserError, match="cannot be written"):
        write_file(tmp_path / "missing" / "x", b"")
    write_build(tmp_path / "built")
    assert open_build(tmp_path / "built").record is None


def test_shares_are_never_rounded_to_all_or_nothing() -> None:
    shares = (0, 1e-9, 0.00123, 0.0456, 0.123456, 0.99999, 1)
    assert [per_cent(share) for share in shares] == ["0 %", "<0.01 %", "0.12 %", "4.56 %", "12.3 %", "99.9 %", "100 %"]


def test_every_verdict_has_words() -> None:
    files = [FileCheck(object=name, verdict=name, functions=1, mismatches=[]) for name in WORDS]  # type: ignore[arg-type]
    lines = show_check(Check(files=files, missing=["a"]), Staleness(usable=1, moved=0, changed=0, gone=0, functions=[]))
    assert len(lines) == len(WORDS) + 2


def test_check_tells_what_the_build_was_made_with(run: Run, tmp_path: Path) -> None:
    write_build(tmp_path / "o")
    metadata = {
        "tree_identity": "2" * 64,
        "tree_version": "6.1.200",
        "toolchain": "gcc (Debian 12.2.0-14+deb12u1) 12.2.0",
        "config_sha256": "0" * 64,
        "command": ["make", "-C", "/usr/src/linux-6.1", "O=/o", "bzImage"],
    }
    (tmp_path / "o" / "metadata.json").write_bytes(msgspec.json.encode(metadata))
    save("x.bundle", bundle())
    _, out = run("check", "x.bundle", "--build", "o")
    assert out.splitlines()[-1] == "another source: 6.1.192 111111111111, here 6.1.200 222222222222"
    assert json.loads(run("check", "x.bundle", "--build", "o", "--json")[1])["differences"] == [out.splitlines()[-1]]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda data: data[:-30], "it is cut off"),
        (lambda data: data[:100] + b"?" + data[101:], "x.bundle: "),
        (lambda data: b"", "neither .tar.gz nor .tar"),
        (lambda data: CALLS_GCDA, "neither .tar.gz nor .tar"),
    ],
    ids=["truncated", "a byte changed", "empty", "not a bundle"],
)
def test_a_planted_fault_is_told_in_one_line(
    damage: Callable[[bytes], bytes], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.bundle"
    path.write_bytes(damage(write_bundle(bundle())))
    assert run_command(["pgo", "profile", "show", str(path)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert said in told.err.splitlines()[0]
    assert "next: " in told.err
    assert "Traceback" not in told.err


def test_a_folder_with_one_truncated_file_names_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "kernel").mkdir()
    (tmp_path / "kernel" / "calls.gcda").write_bytes(CALLS_GCDA[:100])
    assert run_command(["pgo", "profile", "show", str(tmp_path)]) == 2
    assert "pumphouse: kernel/calls.gcda: it ends before its end mark" in capsys.readouterr().err


def test_a_build_tells_by_its_notes_where_its_tree_was() -> None:
    assert find_source_path({"kernel/calls": notes_at(PATH)}) == PATH
    assert find_source_path({"kernel/calls": read_gcno(CALLS_GCNO, name="x")}) == ""
