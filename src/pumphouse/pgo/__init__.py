# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Pumphouse pgo: profile-guided optimisation of kernels with a figure that can be believed."""
