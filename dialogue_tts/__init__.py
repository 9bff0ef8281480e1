"""Dialogue TTS: a script with speaker turns in, a conversation out."""
