# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""A child process in which trials are made: what kills it, or hangs in it, costs one answer and not the caller.

The answers come back through shared memory, so that nothing needs a descriptor.
"""

from __future__ import annotations

import contextlib
import gc
import mmap
import os
import resource
import signal
import struct
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence

HUNG_S = 2.0  # for one question, of wall time
_ROOM = 1 << 20
_HEAD = struct.Struct("<II")  # the question that is worked on, and the bytes of the answers so far
_LENGTH = struct.Struct("<II")
_START = 0xFFFF_FFFF
_BUG = 0xFFFF_FFFE


class Ended(Exception):  # noqa: N818 - it is an answer, not an error of the program
    """The child ended during a question: by which signal, 0 for an exit; `early`: before any question."""

    def __init__(self, number: int, *, early: bool = False) -> None:
        super().__init__(f"signal {number}")
        self.signal = number
        self.early = early


class Sacrifice:
    """Asks questions in children. `prepare` readies a child.

    `ask(index, careful)` answers a question as bytes; it is asked a second time, carefully, where the child ended.
    """

    def __init__(self, ask: Callable[[int, bool], bytes], prepare: Callable[[], None]) -> None:
        self._ask = ask
        self._prepare = prepare
        self._prepares = True
        self._careful: int | None = None

    def run(self, questions: Sequence[int]) -> Iterator[tuple[int, bytes | Ended]]:
        """The answer to each question in turn, or how the child ended in it.

        Raises OSError where no child can be made.
        """
        left = list(questions)
        with contextlib.closing(mmap.mmap(-1, _ROOM)) as memory:
            while left:
                _HEAD.pack_into(memory, 0, _START, 0)
                number = self._fork(memory, left)
                current, end = _HEAD.unpack_from(memory, 0)
                if current == _BUG:
                    raise RuntimeError(memory[_HEAD.size : _HEAD.size + end].decode(errors="replace"))
                for index, answer in _unpack(memory, end):
                    left.remove(index)
                    yield index, answer
                if current == _START:
                    if not self._prepares:
                        for index in left:
                            yield index, Ended(number, early=True)
                        return
                    self._prepares = False  # a filter may kill for the preparing calls themselves
                elif left and current == left[0]:
                    if self._careful == current:
                        left.pop(0)
                        yield current, Ended(number)
                    else:
                        self._careful = current

    def _fork(self, memory: mmap.mmap, questions: Sequence[int]) -> int:
        """Make a child for the questions and wait for its end; the signal that ended it, or 0."""
        with warnings.catch_warnings():
            # The child only makes system calls and writes to memory; it takes no lock of another thread.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            try:
                self._child(memory, questions)
            except BaseException:  # noqa: BLE001 - the child must not go on as a second caller
                text = traceback.format_exc().encode()[: _ROOM - _HEAD.size]
                _HEAD.pack_into(memory, 0, _BUG, len(text))
                memory[_HEAD.size : _HEAD.size + len(text)] = text
            finally:
                os._exit(0)
        try:
            _, status = os.waitpid(pid, 0)
        except ChildProcessError:  # the caller ignores SIGCHLD: the kernel has reaped it
            return 0
        return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0

    def _child(self, memory: mmap.mmap, questions: Sequence[int]) -> None:
        gc.disable()
        if self._prepares:
            ready_child()
            self._prepare()
        end = 0
        for index in questions:
            if self._prepares:  # before the question counts: a filter may kill for this too
                signal.setitimer(signal.ITIMER_REAL, HUNG_S)
            _HEAD.pack_into(memory, 0, index, end)
            answer = self._ask(index, index == self._careful)
            place = _HEAD.size + end
            if place + _LENGTH.size + len(answer) > _ROOM:
                return
            _LENGTH.pack_into(memory, place, index, len(answer))
            memory[place + _LENGTH.size : place + _LENGTH.size + len(answer)] = answer
            end += _LENGTH.size + len(answer)
            _HEAD.pack_into(memory, 0, index, end)


def ready_child() -> None:
    """Let signals end the child, leave no core file, and make room for descriptors."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in (signal.SIGALRM, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    # A trial may need a descriptor for a moment, and the caller may have none left; the table is the child's own.
    os.closerange(3, 64)


def _unpack(memory: mmap.mmap, end: int) -> Iterator[tuple[int, bytes]]:
    place = _HEAD.size
    while place < _HEAD.size + end:
        index, length = _LENGTH.unpack_from(memory, place)
        place += _LENGTH.size
        yield index, memory[place : place + length]
        place += length
