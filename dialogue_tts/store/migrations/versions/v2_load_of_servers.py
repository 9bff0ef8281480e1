"""How much each server has to do, so that idle ones take jobs from it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"


def upgrade() -> None:
    op.add_column("dialogue_tts_servers", sa.Column("active", sa.Integer, nullable=False, server_default="0"))
