# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""sys_features(): its answers, the words that have names, the C header, the patches that add it to a kernel."""
