"""The steps, each a module that Alembic loads."""
