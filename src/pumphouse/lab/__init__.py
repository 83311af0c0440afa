# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""The lab: kernels, images, boards and measurements. It knows only the core."""
