"""Many scripts."""
