"""The server's store: jobs, the turns they have made, and kept voices, in SQLite or PostgreSQL. See docs/operations.md."""
