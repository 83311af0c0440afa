# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The counting plugin beside a second implementation, fed by a stand-in for QEMU (tests/data/pgo/plugin/emulator.c)."""

from __future__ import annotations

import asyncio
import dataclasses
import random
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from pumphouse.pgo.domain.counts import SideCounts, read_counts, read_heat
from pumphouse.pgo.native import build_native

pytestmark = [
    pytest.mark.net,
    pytest.mark.skipif(
        shutil.which("gcc") is None, reason="no compiler: sudo apt-get install gcc libc6-dev make (make setup)"
    ),
]

SOURCE = Path(__file__).parents[2] / "data" / "pgo" / "plugin" / "emulator.c"
KERNEL, USER, HOST = 0xFFFFFFFF81000000, 0x401000, 0x7F0000000000
NOP, REP_MOVSB, REP_STOSQ, REP_RET = "90", "f3a4", "f348ab", "f3c3"


def mark(number: int) -> str:
    return f"0f1f80{number:02x}5a4850"


@pytest.fixture(scope="session")
def plugin():
    return asyncio.run(build_native("libcounts.so"))


@pytest.fixture(scope="session")
def emulator(tmp_path_factory):
    program = tmp_path_factory.mktemp("emulator") / "emulator"
    subprocess.run(["gcc", "-O1", "-Wall", "-Werror", "-rdynamic", "-o", program, SOURCE], check=True)
    return program


@dataclasses.dataclass(frozen=True)
class Block:
    address: int
    instructions: tuple[str, ...]
    host: int | None = None  # None: the same page offset, somewhere else

    @property
    def end(self):
        return self.address + sum(len(code) // 2 for code in self.instructions)

    def lines(self):
        host = self.address - KERNEL + HOST if self.host is None else self.host
        shift = (host - self.address) if host else 0
        address, lines = self.address, []
        for code in self.instructions:
            last = address + len(code) // 2 - 1
            lines += [(at + shift) >> 6 for at in (address, last) if at >> 12 == address >> 12]
            address = last + 1
        return lines


@pytest.fixture
def count(plugin, emulator, tmp_path):
    """Runs blocks through the plugin; gives the phases by number, and the heat table."""

    def run(blocks):
        numbers = {block: number for number, block in enumerate(dict.fromkeys(blocks))}
        text = "".join(
            f"tb {number} {block.address:x} "
            f"{(block.address - KERNEL + HOST if block.host is None else block.host) & (1 << 64) - 1:x} "
            f"{','.join(block.instructions)}\n"
            for block, number in numbers.items()
        )
        text += "".join(f"run {numbers[block]}\n" for block in blocks)
        out, heat = tmp_path / "counts.json", tmp_path / "heat"
        subprocess.run([emulator, plugin, f"out={out}", f"heat={heat}"], input=text.encode(), check=True)
        return {phase.number: phase for phase in read_counts(out.read_bytes()).phases}, read_heat(heat.read_bytes())

    return run


def test_a_mark_begins_a_phase_for_what_is_executed_after_it(count):
    enter, leave = Block(USER, (NOP, mark(7))), Block(USER + 100, (mark(0),))
    work = Block(KERNEL, (NOP,) * 5)
    phases, heat = count([work, enter, work, work, leave, work])
    assert set(phases) == {0, 7}
    assert phases[7].entries == 1
    assert phases[7].kernel.instructions == 10
    assert phases[7].user.instructions == 1  # the block that leaves was entered within the phase
    assert phases[0].kernel.instructions == 10
    assert [(piece.address, piece.size, piece.instructions, piece.entries) for piece in heat] == [(KERNEL, 5, 5, 2)]


def test_a_block_behind_the_one_before_is_no_taken_branch(count):
    first = Block(KERNEL, (NOP, NOP))
    behind, elsewhere = Block(first.end, (NOP,)), Block(KERNEL + 64, (NOP,))
    phases, _ = count([Block(USER, (mark(1),)), first, behind, elsewhere, first, behind])
    assert phases[1].kernel.taken_branches == 3  # into first from user space, to elsewhere, back to first


def test_rounds_of_a_string_instruction_are_one_instruction(count):
    before, again = Block(KERNEL, (NOP, REP_STOSQ)), Block(KERNEL + 1, (REP_STOSQ,))
    after = Block(again.end, (NOP,))
    phases, _ = count([Block(USER, (mark(1),)), before, again, again, again, after])
    assert phases[1].kernel == SideCounts(instructions=3, taken_branches=1, l1i_misses=1, string_rounds=3)


def test_a_loop_of_something_else_is_counted_round_by_round(count):
    loop = Block(KERNEL, (REP_RET,))
    phases, _ = count([Block(USER, (mark(1),)), loop, loop, loop])
    assert phases[1].kernel == SideCounts(instructions=3, taken_branches=3, l1i_misses=1)


def test_the_model_is_eight_ways_of_64_sets_with_the_least_recently_used_replaced(count):
    ways = [Block(KERNEL + 4096 * way, (NOP,)) for way in range(9)]
    first = ways[0]
    begin = Block(USER + 64, (mark(1),))
    phases, _ = count([begin, *ways[:8], first, ways[8], first, ways[1]])
    # Eight fill the set; the ninth replaces the second, for the first was used again.
    assert phases[1].kernel.l1i_misses == 8 + 1 + 1


def test_code_of_two_processes_at_one_address_is_not_the_same_line(count):
    one, other = Block(USER + 64, (NOP,), host=HOST + 0x40), Block(USER + 64, (NOP,), host=HOST + 0x1040)
    phases, _ = count([Block(USER, (mark(1),)), one, other, one, other])
    assert phases[1].user.l1i_misses == 2


class Model:
    """The second implementation: dictionaries and lists, and no thought of speed."""

    def __init__(self):
        self.phase, self.end, self.rep = 0, 0, None
        self.sets = defaultdict(list)
        self.counts = defaultdict(lambda: {"kernel": [0, 0, 0, 0], "user": [0, 0, 0, 0]})

    def run(self, block):
        side = self.counts[self.phase]["kernel" if block.address >> 63 else "user"]
        is_rep = block.instructions[-1] in (REP_MOVSB, REP_STOSQ)
        if is_rep and len(block.instructions) == 1 and block.address == self.rep:
            side[3] += 1
            self.end = block.end
            return
        side[0] += len(block.instructions)
        side[1] += block.address != self.end
        for line in block.lines():
            held = self.sets[line % 64]
            if line in held:
                held.remove(line)
            else:
                side[2] += 1
            held.append(line)
            del held[:-8]
        self.end = block.end
        self.rep = block.end - len(block.instructions[-1]) // 2 if is_rep else None
        for code in block.instructions:
            if code.startswith("0f1f80"):
                self.phase = int(code[6:8], 16)


@pytest.mark.parametrize("seed", range(6))
def test_random_programs_are_counted_as_by_the_second_implementation(count, seed):
    draw = random.Random(seed)
    codes = [NOP, "4889e5", "0f1f440000", REP_MOVSB, REP_STOSQ, REP_RET, "48b8" + "11" * 8]
    pool = [
        Block(
            draw.choice([KERNEL, KERNEL, USER + (1 << 20)]) + draw.randrange(1 << draw.choice([7, 12, 17])),
            tuple(draw.choices(codes, k=draw.randint(1, 30))),
        )
        for _ in range(200)
    ]
    pool += [Block(block.end, (NOP,) * draw.randint(1, 3)) for block in pool[:50]]
    pool += [
        Block(block.end - len(block.instructions[-1]) // 2, block.instructions[-1:])
        for block in pool
        if block.instructions[-1] in (REP_MOVSB, REP_STOSQ)
    ]
    pool += [Block(USER + 256 * number, (NOP, mark(number))) for number in range(4)]
    followers = defaultdict(list)
    for block in pool:
        followers[block.address].append(block)
    blocks, block = [], draw.choice(pool)
    for _ in range(4000):
        blocks.append(block)
        last = block.end - len(block.instructions[-1]) // 2
        near = followers[block.end] + [b for b in followers[last] if len(b.instructions) == 1]
        block = draw.choice(near) if near and draw.random() < 0.6 else draw.choice(pool)
    model = Model()
    for block in blocks:
        model.run(block)
    phases, _ = count(blocks)
    for number, phase in phases.items():
        for name in ("kernel", "user"):
            side = getattr(phase, name)
            told = [side.instructions, side.taken_branches, side.l1i_misses, side.string_rounds]
            assert told == model.counts[number][name], (number, name)
    assert sum(phase.kernel.string_rounds + phase.user.string_rounds for phase in phases.values()) > 0


@pytest.mark.parametrize(
    ("arguments", "says"), [([], "out=FILE is missing"), (["out=/tmp/x", "heta=y"], "the option heta=y is not known")]
)
def test_options_that_are_not_understood_stop_it(plugin, emulator, arguments, says):
    done = subprocess.run([emulator, plugin, *arguments], input=b"", capture_output=True, check=False)
    assert done.returncode == 1
    assert says in done.stderr.decode()
