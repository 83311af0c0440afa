# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""One linear Alembic history for the core and all parts. `pumphouse.core.schema` runs it; there is no alembic.ini."""
