"""What browsers have in the studio."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"


def upgrade() -> None:
    op.create_table(
        "dialogue_tts_desks",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("seen", sa.Float, nullable=False),
    )
    op.create_table(
        "dialogue_tts_desk_voices",
        _on_desk(),
        sa.Column("key", sa.String(32), primary_key=True),
        sa.Column("kept", sa.Float, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "dialogue_tts_desk_dialogues",
        _on_desk(),
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("head", sa.Text, nullable=False),
        sa.Column("begun", sa.Float, nullable=False),
    )
    op.create_table(
        "dialogue_tts_desk_rows",
        *_key(64, "desk", "name", "row"),
        sa.Column("turn", sa.Text, nullable=False),
        _below("dialogue_tts_desk_dialogues", "desk", "name"),
    )
    op.create_table(
        "dialogue_tts_desk_takes",
        *_key(64, "desk", "name", "row"),
        sa.Column("take", sa.Integer, primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
        _below("dialogue_tts_desk_rows", "desk", "name", "row"),
    )


def _on_desk() -> sa.Column[str]:
    reference = sa.ForeignKey("dialogue_tts_desks.id", ondelete="CASCADE")
    return sa.Column("desk", sa.String(64), reference, primary_key=True)


def _key(of_desk: int, desk: str, *others: str) -> list[sa.Column[str]]:
    """Columns that name a row together."""
    return [
        sa.Column(desk, sa.String(of_desk), primary_key=True),
        *(sa.Column(name, sa.String(32), primary_key=True) for name in others),
    ]


def _below(table: str, *columns: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(columns, [f"{table}.{name}" for name in columns], ondelete="CASCADE")
