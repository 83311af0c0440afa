# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Reading what cyclictest wrote: real files are understood, damaged ones are refused with the place and the reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pumphouse.core.errors import UserError
from pumphouse.core.histogram import Quantile
from pumphouse.latency.domain.cyclictest import CyclictestResult, ThreadResult, read_json, refuse_unless_same
from pumphouse.latency.domain.cyclictest_text import read_text

pytestmark = pytest.mark.unit

DATA = Path(__file__).parents[2] / "data" / "latency"
READABLE_JSON = ["one_thread", "two_threads_with_sum_column", "overflow", "ended_by_break", "policy_other"]
READABLE_TEXT = ["one_thread.hist", "two_threads_with_sum_column.hist", "overflow.hist", "ended_by_break.txt"]


def read(name: str) -> CyclictestResult:
    return read_json((DATA / f"{name}.json").read_bytes(), name=name)


def load(name: str) -> dict[str, Any]:
    return json.loads((DATA / f"{name}.json").read_bytes())


def refusal(document: Any) -> str:
    """What the reader says against a JSON document (text as it is, anything else encoded)."""
    with pytest.raises(UserError) as caught:
        read_json(document if isinstance(document, str | bytes) else json.dumps(document), name="x.json")
    return str(caught.value)


def assert_at_one_with_itself(threads: tuple[ThreadResult, ...], *, cut: bool) -> None:
    """The figures of each thread agree, computed here anew and plainly."""
    for thread in threads:
        histogram = thread.histogram
        bins = dict(zip(histogram.values.tolist(), histogram.counts.tolist(), strict=True))
        assert thread.cycles == sum(bins.values()) + thread.overflow > 0
        assert all(0 <= value < histogram.width for value in bins)
        assert all(count > 0 for count in bins.values())
        assert thread.minimum == min(bins, default=thread.minimum)
        if thread.overflow == 0:
            assert thread.maximum == max(bins)
            true = sum(value * count for value, count in bins.items()) / thread.cycles
            assert thread.average == (int(true) if cut else pytest.approx(true, abs=0.0051))
        else:
            assert thread.maximum >= histogram.width


@pytest.mark.parametrize("name", READABLE_JSON)
def test_real_files_are_understood(name: str) -> None:
    assert_at_one_with_itself(read(name).threads, cut=False)


@pytest.mark.parametrize("name", READABLE_TEXT)
def test_real_histograms_are_understood(name: str) -> None:
    assert_at_one_with_itself(read_text((DATA / name).read_bytes()).threads, cut=True)


def test_the_fields_of_a_result_are_those_of_the_file() -> None:
    result = read("two_threads_with_sum_column")
    assert (result.version, result.release, result.machine, result.realtime) == ("2.40", "6.18.44", "x86_64", False)
    assert (result.options.priority, result.options.policy, result.options.histogram_width) == (95, "fifo", 100)
    assert [thread.cpu for thread in result.threads] == [0, 1]
    assert result.cycles == sum(thread.cycles for thread in result.threads) == result.histogram.total


def test_an_overflow_that_json_does_not_tell_is_found_and_counted() -> None:
    result = read("overflow")
    (thread,) = result.threads
    inside = sum(load("overflow")["thread"]["0"]["histogram"].values())
    assert thread.overflow == thread.cycles - inside > 1
    assert result.histogram.find_quantile(1 - thread.overflow / (2 * thread.cycles)) == Quantile(value=16, beyond=True)


@pytest.mark.parametrize("name", ["one_minute_with_load", "one_minute_idle"])
def test_missed_wakeups_follow_from_the_latencies_to_the_last_one(name: str) -> None:
    result = read(name)
    assert result.expected_cycles == 300_000
    assert result.missed_wakeups == result.expected_cycles - result.cycles > 0


def test_an_interrupted_run_made_fewer_cycles_than_its_latencies_explain() -> None:
    result = read("interrupted")
    assert result.expected_cycles == 10_000
    assert result.cycles + result.missed_wakeups < 2_000


def test_nanoseconds_are_read_as_such() -> None:
    result = read("nanoseconds")
    assert result.options.nanoseconds
    assert result.cycles == 100
    assert result.histogram.minimum > 1_000


@pytest.mark.parametrize("spelling", ["cmdline", "cmdline:"])
def test_keys_are_read_with_and_without_the_stray_colon(spelling: str) -> None:
    document = load("one_thread")
    document[spelling] = document.pop("cmdline:")
    document[spelling.replace("cmdline", "rt_test_version")] = document.pop("rt_test_version:")
    assert read_json(json.dumps(document)) == read("one_thread")


@pytest.mark.parametrize("name", ["one_thread", "two_threads_with_sum_column", "overflow"])
def test_json_and_histogram_file_of_one_run_tell_the_same(name: str) -> None:
    result = read(name)
    text = read_text((DATA / f"{name}.hist").read_bytes(), width=result.options.histogram_width)
    refuse_unless_same(result, text.threads, where=name)


def test_json_and_histogram_of_different_runs_are_told_apart() -> None:
    one = read_text((DATA / "one_thread.hist").read_bytes())
    for name in ("overflow", "two_threads_with_sum_column", "ended_by_break"):
        with pytest.raises(UserError, match="JSON file"):
            refuse_unless_same(read(name), one.threads, where="one_thread.hist")


def test_the_difference_between_json_and_histogram_is_named() -> None:
    document = load("one_thread")
    bins = document["thread"]["0"]["histogram"]
    first, second = list(bins)[:2]
    bins[first], bins[second] = bins[first] + 1, bins[second] - 1
    document["thread"]["0"]["avg"] = sum(int(v) * n for v, n in bins.items()) / document["thread"]["0"]["cycles"]
    text = read_text((DATA / "one_thread.hist").read_bytes())
    with pytest.raises(UserError) as caught:
        refuse_unless_same(read_json(json.dumps(document)), text.threads, where="one_thread.hist")
    assert f"bin {first} holds {bins[first] - 1}, in the JSON file {bins[first]}" in str(caught.value)
    assert "one_thread.hist: thread 0" in str(caught.value)


def test_a_run_ended_by_its_break_value_tells_the_value() -> None:
    text = read_text((DATA / "ended_by_break.txt").read_bytes())
    assert text.break_value == read("ended_by_break").threads[0].maximum


def test_a_histogram_with_everything_beyond_its_width_is_read() -> None:
    text = read_text((DATA / "everything_overflows.txt").read_bytes())
    assert [(thread.cycles, thread.overflow) for thread in text.threads] == [(300, 300), (300, 300)]


def test_a_file_that_does_not_exist_yet_or_is_cut_short_says_so() -> None:
    whole = (DATA / "one_thread.json").read_text()
    assert "the file is empty" in refusal("")
    for length in range(1, len(whole.rstrip())):
        assert "cut short" in refusal(whole[:length]) or "line" in refusal(whole[:length])


def test_a_histogram_that_is_cut_short_anywhere_is_refused() -> None:
    whole = (DATA / "overflow.hist").read_bytes()
    for length in range(len(whole.rstrip())):
        with pytest.raises(UserError):
            read_text(whole[:length], width=16)


def test_a_thread_that_made_no_cycle_is_told_as_that() -> None:
    assert "a thread made no cycle" in refusal((DATA / "no_cycle.json").read_text())


def test_a_run_without_a_histogram_is_told_how_to_get_one() -> None:
    text = refusal((DATA / "no_histogram.json").read_text())
    assert "without -h or -H" in text
    assert "next:" in text


THREAD = ("thread", "0")


@pytest.mark.parametrize(
    ("place", "value", "why"),
    [
        (("file_version",), 2, "it is 2; cyclictest writes 1"),
        (("file_version",), True, "True is not a whole number"),
        (("cmdline:",), 7, "is not one text"),
        (("cmdline:",), "cyclictest -h 90 -i", "-i has no value"),
        (("cmdline:",), "cyclictest -h 90 -j", "-j is not an option"),
        (("cmdline:",), "cyclictest -h 90 --histof", "--histof has no value"),
        (("cmdline:",), "cyclictest -h 90 --hist 3", "--hist is not an option"),
        (("cmdline:",), "cyclictest -h 90 -i 0", "an interval of 0 us"),
        (("cmdline:",), "cyclictest -h 90 -D 5x", "'5x' is not a time"),
        (("cmdline:",), "cyclictest -h 90 -t2", "asks for 2"),
        (("cmdline:",), "cyclictest -h 90 -N", "contradicts the command line"),
        (("cmdline:",), "cyclictest -h 13", "not a latency below the histogram's width 13"),
        (("num_threads",), 2, "yet the threads are ['0']"),
        (("num_threads",), 0, "not between 1"),
        (("resolution_in_ns",), 1, "contradicts the command line"),
        (("sysinfo",), [], "an object should stand here"),
        (("sysinfo", "realtime"), 2, "not between 0 and 1"),
        (("return_code",), "0", "is not a whole number"),
        ((*THREAD, "cycles"), 499, "yet the bins hold 500"),
        ((*THREAD, "cycles"), 501, "contradicts the histogram"),
        ((*THREAD, "cycles"), 2**60, "not between"),
        ((*THREAD, "min"), 0, "yet the lowest filled bin is"),
        ((*THREAD, "max"), 5, "contradicts the histogram"),
        ((*THREAD, "avg"), 12.0, "yet that of the histogram is"),
        ((*THREAD, "avg"), "13", "is not an average"),
        ((*THREAD, "avg"), -1.0, "is not an average"),
        ((*THREAD, "cpu"), -2, "not between -1"),
        ((*THREAD, "histogram", "013"), 1, "not a latency below"),
        ((*THREAD, "histogram", "90"), 1, "not a latency below"),
        ((*THREAD, "histogram", "13"), 0, "not between 1"),
        ((*THREAD, "histogram", "13"), 1.5, "is not a whole number"),
    ],
)
def test_a_field_that_is_wrong_is_refused_with_its_place(place: tuple[str, ...], value: Any, why: str) -> None:
    document = load("one_thread")
    inner = document
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    text = refusal(document)
    assert why in text
    assert "x.json" in text


def test_every_field_that_is_missing_is_named() -> None:
    def remove_each(document: dict[str, Any], path: tuple[str, ...]) -> None:
        for key in list(document):
            kept = document.pop(key)
            text = refusal(whole)
            if path not in {("thread",), ("thread", "0", "histogram")}:
                assert key.rstrip(":") in text
            document[key] = kept
            if isinstance(kept, dict):
                remove_each(kept, (*path, key))

    whole = load("one_thread")
    del whole["sysinfo"]["sysname"], whole["sysinfo"]["nodename"]  # nothing rests on these two
    remove_each(whole, ())


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ("[]", "an object should stand here"),
        ("{'a': 1}", "line 1, column 2"),
        ('{"file_version": 1, "file_version": 1}', "'file_version' stands there twice"),
        ('{"file_version": NaN}', "NaN is not a number"),
        (b"\xff\xfe", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ('{"file_version": ' + "9" * 5_000 + "}", "it is not JSON"),
        ('{"file_version": ' + "9" * 100 + "}", "a number of more than 20 digits"),
        ('{"cmdline": "a "b" c"}', "line 1, column 17"),
    ],
)
def test_what_is_no_json_of_cyclictest_is_refused(document: str | bytes, why: str) -> None:
    assert why in refusal(document)


def test_contradicting_spellings_of_one_field_are_refused() -> None:
    document = load("one_thread")
    document["cmdline"] = "cyclictest -h 90"
    assert "is not one text" in refusal(document)


def change_line(name: str, start: str, change: str) -> bytes:
    """A real histogram with the first line that begins with `start` changed, or left out for ""."""
    lines = (DATA / name).read_text().split("\n")
    place = next(i for i, line in enumerate(lines) if line.startswith(start))
    lines[place : place + 1] = [change] if change else []
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    ("name", "start", "change", "why"),
    [
        ("one_thread.hist", "000007", "000007 0000x1", "line 9"),
        ("one_thread.hist", "000007", "000006 000000", "not above that of the line before"),
        ("one_thread.hist", "000007", "000007 000000\t000000", "is not a row of 1 counts"),
        ("one_thread.hist", "# Histogram", "# Histo", "no line '# Histogram'"),
        ("one_thread.hist", "# Total", "# Total: 000000999", "its total is 999"),
        ("one_thread.hist", "# Min", "# Min Latencies: 00003", "the minimum is 3"),
        ("one_thread.hist", "# Avg", "# Avg Latencies: 00003", "the average is 3"),
        ("one_thread.hist", "# Max", "# Max Latencies: 00003", "contradicts the histogram"),
        ("one_thread.hist", "# Max", "# Max Latencies: many", "is not followed by numbers"),
        ("one_thread.hist", "# Max", "# Max Latencies: 00003 00003", "2 figures for 1 threads"),
        ("one_thread.hist", "# Max", "# Min Latencies: 00003", "a second line"),
        ("one_thread.hist", "# Histogram Overflows", "# Histogram Overflows: 00001", "contradicts the histogram"),
        ("one_thread.hist", "# Thread 0", "# Thread 0: 00005", "does not account for 0 overflows"),
        ("one_thread.hist", "# Thread 0", "# Thread 0: five", "not a list of cycle numbers"),
        ("one_thread.hist", "# Thread 0", "", "'# Thread 0' is missing"),
        ("overflow.hist", "# Thread 0", "# Thread 0: 00005 # 00001 others", "does not account for"),
        ("two_threads_with_sum_column.hist", "000012", "000012 000001\t000001\t000003", "not the sum of the others"),
        ("two_threads_with_sum_column.hist", "# Max", "# Max Latencies: 00001", "1 figures for 2 threads"),
    ],
)
def test_a_damaged_histogram_is_refused_with_its_place(name: str, start: str, change: str, why: str) -> None:
    with pytest.raises(UserError) as caught:
        read_text(change_line(name, start, change), name=name)
    assert why in str(caught.value)
    assert name in str(caught.value)


def test_sums_of_the_footer_that_are_none_are_refused() -> None:
    right = (DATA / "two_threads_with_sum_column.hist").read_text()
    for label in ("Total", "Max Latencies", "Histogram Overflows"):
        line = next(line for line in right.split("\n") if line.startswith(f"# {label}:"))
        with pytest.raises(UserError, match="does not sum up"):
            read_text(right.replace(line, f"{line}1"))


def test_cycle_numbers_that_do_not_exist_are_refused() -> None:
    right = (DATA / "overflow.hist").read_text()
    line = next(line for line in right.split("\n") if line.startswith("# Thread 0:"))
    first = line.split()[3]
    for wrong in ("99999", line.split()[4]):
        with pytest.raises(UserError, match="do not rise"):
            read_text(change_line("overflow.hist", "# Thread 0", line.replace(f" {first} ", f" {wrong} ", 1)))


def test_rows_that_newer_versions_leave_out_are_zeros() -> None:
    dense = (DATA / "overflow.hist").read_text()
    sparse = "\n".join(line for line in dense.split("\n") if not line.endswith(" 000000\t000000"))
    sparse = "\n".join(line for line in sparse.split("\n") if not line.endswith(" 000000"))
    assert sparse != dense
    assert read_text(sparse, width=16) == read_text(dense)
    with pytest.raises(UserError, match="name it"):
        read_text(sparse)


def test_a_row_of_zeros_among_left_out_ones_is_refused() -> None:
    dense = (DATA / "one_thread.hist").read_text()
    with pytest.raises(UserError, match="none should be left out"):
        read_text(dense.replace("000003 000000\n", ""))
    with pytest.raises(UserError, match="90 rows of 95"):
        read_text(dense, width=95)
    with pytest.raises(UserError, match="beyond its width"):
        read_text(dense, width=40)


def test_a_serial_line_may_have_changed_the_line_ends() -> None:
    right = (DATA / "overflow.hist").read_bytes()
    assert read_text(right.replace(b"\n", b"\r\n")) == read_text(right)


def test_older_versions_print_no_total() -> None:
    right = (DATA / "one_thread.hist").read_bytes()
    assert read_text(change_line("one_thread.hist", "# Total", "")).threads == read_text(right).threads


def test_a_histogram_of_a_million_rows_is_read_whole() -> None:
    rows = "".join(f"{value:06d} {(value + 1) % 7:06d}\n" for value in range(1_000_000))
    total = sum(value * ((value + 1) % 7) for value in range(1_000_000))
    cycles = sum((value + 1) % 7 for value in range(1_000_000))
    footer = (
        f"# Min Latencies: 00000\n# Avg Latencies: {total // cycles:05d}\n# Max Latencies: 999999\n"
        "# Histogram Overflows: 00000\n# Histogram Overflow at cycle number:\n# Thread 0: \n\n"
    )
    assert read_text(f"# Histogram\n{rows}{footer}").threads[0].cycles == cycles


@st.composite
def mutations(draw: st.DrawFn, names: list[str]) -> bytes:
    """A real file after a few small accidents: bytes lost, doubled, changed, digits changed, pieces moved."""
    data = bytearray((DATA / draw(st.sampled_from(names))).read_bytes())
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, max(0, len(data) - 1)))
        length = draw(st.integers(1, 40))
        match draw(st.sampled_from(["drop", "double", "byte", "digit", "cut", "move"])):
            case "drop":
                del data[start : start + length]
            case "double":
                data[start:start] = data[start : start + length]
            case "byte":
                data[start : start + 1] = draw(st.binary(min_size=1, max_size=1))
            case "digit":
                digits = [i for i, byte in enumerate(data) if chr(byte).isdigit()]
                if digits:
                    data[draw(st.sampled_from(digits))] = ord(draw(st.sampled_from("0123456789")))
            case "cut":
                del data[start:]
            case "move":
                piece = data[start : start + length]
                del data[start : start + length]
                place = draw(st.integers(0, len(data)))
                data[place:place] = piece
    return bytes(data)


@settings(max_examples=400)
@given(mutations([f"{name}.json" for name in READABLE_JSON]))
def test_a_mutated_json_file_is_refused_or_still_at_one_with_itself(data: bytes) -> None:
    try:
        result = read_json(data)
    except UserError:
        return
    assert_at_one_with_itself(result.threads, cut=False)
    assert result.options.histogram_width == result.threads[0].histogram.width


@settings(max_examples=400)
@given(mutations(READABLE_TEXT))
def test_a_mutated_histogram_is_refused_or_still_at_one_with_itself(data: bytes) -> None:
    try:
        text = read_text(data)
    except UserError:
        return
    assert_at_one_with_itself(text.threads, cut=True)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_any_value_in_any_field_is_refused_or_read(value: Any) -> None:
    for place in (("cmdline:",), ("thread",), ("num_threads",), ("sysinfo",), ("thread", "0"), ("thread", "0", "avg")):
        document = load("one_thread")
        inner = document
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value
        try:
            result = read_json(json.dumps(document))
        except UserError:
            continue
        assert_at_one_with_itself(result.threads, cut=False)


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_bytes_are_refused_without_a_crash(data: bytes | str) -> None:
    for reader in (read_json, read_text):
        with pytest.raises(UserError):
            reader(data)
