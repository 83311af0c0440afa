# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Reading a kernel tree: tables, definitions, prototypes, headers, functions. No build, nothing written."""

from pumphouse.syscalls.domain.tree.kernel import KernelTree, read_tree

__all__ = ["KernelTree", "read_tree"]
