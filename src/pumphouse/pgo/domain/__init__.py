# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The rules of profile-guided optimisation: profiles, workloads, counts. No framework, no process, no network."""
