"""The store's tables. Whoever changes them adds a step to `migrations/versions`; a test compares the two."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

PREFIX = "dialogue_tts_"  # a database may hold other things, too
VERSIONS = f"{PREFIX}version"
metadata = MetaData()

# A server that runs. Times are in seconds since 1970, by its own clock.
servers = Table(
    f"{PREFIX}servers",
    metadata,
    Column("id", String(32), primary_key=True),
    # Unless it says so again, it is dead from then on, and its jobs are free.
    Column("alive_until", Float, nullable=False),
    # Dialogues that it had to make when it said so, jobs and others: who has none takes jobs of who has several.
    Column("active", Integer, nullable=False, server_default="0"),
)
jobs = Table(
    f"{PREFIX}jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("bundle", String(64), nullable=False),  # SHA-256: only servers with that bundle can go on with the job
    Column("project", Text, nullable=False),  # JSON of a `Project`
    Column("findings", Text, nullable=False),  # JSON, a list of `Finding`s
    Column("state", String(16), nullable=False),
    Column("turns", Integer, nullable=False),
    Column("expected_s", Float, nullable=False),
    Column("error", Text),
    Column("created_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("server", String(32)),  # which works on it
    Column("begun", Integer, nullable=False),  # how often it was begun since the last turn was made
    Index(f"{PREFIX}jobs_by_state", "state", "bundle"),
)
# The voices that the job was asked for with, in the order of the project's.
job_voices = Table(
    f"{PREFIX}job_voices",
    metadata,
    Column("job", ForeignKey(jobs.c.id, ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("data", LargeBinary, nullable=False),  # `Voice.to_bytes`
)
# A take that is made: of a finished turn, or kept from the job that another take was asked of.
takes = Table(
    f"{PREFIX}takes",
    metadata,
    Column("job", ForeignKey(jobs.c.id, ondelete="CASCADE"), primary_key=True),
    Column("turn", Integer, primary_key=True),
    Column("take", Integer, primary_key=True),
    Column("data", LargeBinary, nullable=False),  # `take_to_bytes`
)
# A turn that is finished, which is to say that all its takes and all turns before it are there.
turns = Table(
    f"{PREFIX}turns",
    metadata,
    Column("job", ForeignKey(jobs.c.id, ondelete="CASCADE"), primary_key=True),
    Column("turn", Integer, primary_key=True),
    Column("times", Text, nullable=False),  # JSON of `turn_times`
    Column("end_s", Float, nullable=False),  # from the dialogue's beginning
)
voices = Table(
    f"{PREFIX}voices",
    metadata,
    Column("key", String(64), primary_key=True),  # `name_key`
    Column("name", String(64), nullable=False),
    Column("data", LargeBinary, nullable=False),  # `Voice.to_bytes`
)

# What a browser has in the studio; known by a hash of what that browser alone knows.
desks = Table(
    f"{PREFIX}desks",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("seen", Float, nullable=False),  # when somebody was there, in seconds since 1970
)
desk_voices = Table(
    f"{PREFIX}desk_voices",
    metadata,
    Column("desk", ForeignKey(desks.c.id, ondelete="CASCADE"), primary_key=True),
    Column("key", String(32), primary_key=True),
    Column("kept", Float, nullable=False),
    Column("data", LargeBinary, nullable=False),  # `Voice.to_bytes`
)
desk_dialogues = Table(
    f"{PREFIX}desk_dialogues",
    metadata,
    Column("desk", ForeignKey(desks.c.id, ondelete="CASCADE"), primary_key=True),
    Column("name", String(32), primary_key=True),
    Column("head", Text, nullable=False),  # JSON: all but its rows
    Column("begun", Float, nullable=False),
)
desk_rows = Table(
    f"{PREFIX}desk_rows",
    metadata,
    Column("desk", String(64), primary_key=True),
    Column("name", String(32), primary_key=True),
    Column("row", String(32), primary_key=True),
    Column("turn", Text, nullable=False),  # JSON of a `SavedTurn`
    ForeignKeyConstraint(["desk", "name"], [desk_dialogues.c.desk, desk_dialogues.c.name], ondelete="CASCADE"),
)
desk_takes = Table(
    f"{PREFIX}desk_takes",
    metadata,
    Column("desk", String(64), primary_key=True),
    Column("name", String(32), primary_key=True),
    Column("row", String(32), primary_key=True),
    Column("take", Integer, primary_key=True),
    Column("data", LargeBinary, nullable=False),  # `take_to_bytes`
    ForeignKeyConstraint(
        ["desk", "name", "row"], [desk_rows.c.desk, desk_rows.c.name, desk_rows.c.row], ondelete="CASCADE"
    ),
)
