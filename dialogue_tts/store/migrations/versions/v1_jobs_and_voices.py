"""Jobs with their voices, takes and turns; kept voices; servers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "dialogue_tts_servers",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("alive_until", sa.Float, nullable=False),
    )
    op.create_table(
        "dialogue_tts_jobs",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("bundle", sa.String(64), nullable=False),
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("findings", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("turns", sa.Integer, nullable=False),
        sa.Column("expected_s", sa.Float, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("ended_at", sa.Float),
        sa.Column("server", sa.String(32)),
        sa.Column("begun", sa.Integer, nullable=False),
    )
    op.create_index("dialogue_tts_jobs_by_state", "dialogue_tts_jobs", ["state", "bundle"])
    op.create_table(
        "dialogue_tts_job_voices",
        _of_job(),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "dialogue_tts_takes",
        _of_job(),
        sa.Column("turn", sa.Integer, primary_key=True),
        sa.Column("take", sa.Integer, primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "dialogue_tts_turns",
        _of_job(),
        sa.Column("turn", sa.Integer, primary_key=True),
        sa.Column("times", sa.Text, nullable=False),
        sa.Column("end_s", sa.Float, nullable=False),
    )
    op.create_table(
        "dialogue_tts_voices",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )


def _of_job() -> sa.Column[str]:
    reference = sa.ForeignKey("dialogue_tts_jobs.id", ondelete="CASCADE")
    return sa.Column("job", sa.String(32), reference, primary_key=True)
