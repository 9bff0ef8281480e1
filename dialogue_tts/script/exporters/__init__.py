"""Scripts -> documents, a module a format; `dialogue_tts.script.documents` chooses."""
