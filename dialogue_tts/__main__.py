"""`python -m dialogue_tts` is the command `dialogue-tts`."""

from dialogue_tts.cli import main

if __name__ == "__main__":
    main()
