"""How the store's tables came to be, a step a release that changed them; `dialogue_tts.store.database` takes the steps."""
