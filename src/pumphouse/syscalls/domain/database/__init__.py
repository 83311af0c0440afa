# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""What appeared when: sizes and flags of extensible system calls by release, with evidence."""
