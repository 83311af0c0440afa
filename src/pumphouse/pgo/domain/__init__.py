# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The rules of the part: profiles, workloads, comparisons. No process is started here."""
