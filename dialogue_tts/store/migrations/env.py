"""What Alembic runs for `dialogue_tts.store.database`, which gives the connection and holds a transaction around it."""

from __future__ import annotations

from alembic import context

from dialogue_tts.store.tables import VERSIONS, metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, version_table=VERSIONS)
with context.begin_transaction():
    context.run_migrations()
