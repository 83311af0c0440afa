# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What happens to the words of a system call: followed through its functions, noted as events."""

from pumphouse.syscalls.domain.flow.records import Event, tag_of
from pumphouse.syscalls.domain.flow.trace import Trace

__all__ = ["Event", "Trace", "tag_of"]
