# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Making an extensible system call from a specification, and another version of its struct: patches, never edits."""
