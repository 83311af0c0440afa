# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Headers that a kernel exports, read by themselves: some of a tree's, or a folder of them without its tree.

What they include is there only if it is among them, so a constant or a struct that needs more is not known.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pumphouse.syscalls.domain.tree.files import MemoryFiles
from pumphouse.syscalls.domain.tree.headers import Headers
from pumphouse.syscalls.domain.tree.records import Constant

FOLDER = "include/uapi/"


class UapiHeaders:
    """Constants and struct sizes of headers that are given by name ("linux/openat2.h"). Reading them never fails.

    A name that several headers define counts in the first, by the headers' names.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._headers = Headers(MemoryFiles({FOLDER + name: text for name, text in texts.items()}))
        self.names = frozenset(texts)
        self.constants: dict[str, Constant] = {}
        for header in sorted(texts):
            for name, constant in self._headers.constants(FOLDER + header).items():
                self.constants.setdefault(name, msgspec.structs.replace(constant, header=header))

    def size(self, tag: str, kind: str = "struct") -> int | None:
        """The size of a struct or union on 64-bit machines in bytes, None where it or a type in it is not known."""
        layout = self._headers.layout(tag, kind)
        return layout.size if layout else None

    def home(self, tag: str, kind: str = "struct") -> str:
        """The header that defines a struct or union; an empty text where none does."""
        place = self._headers.place(tag, kind)
        return place.file.removeprefix(FOLDER) if place else ""
