"""From turns to sound."""
