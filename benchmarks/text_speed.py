"""How long the front end takes for 100,000 characters of several kinds of text, in seconds of processor time.

    python benchmarks/text_speed.py examples/cafe.txt

The first kind is the given file's text over and over; the others are what takes normalisers long, the last of them drawn by
chance.
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path

from dialogue_tts.text.phonemes import TextFrontend

CHARACTERS = 100_000
PARTS = ("$5 ", "NO WAY! ", "a - ", "(a) ", "a", "aB", "1", '"a" ', "a-", "1-", "1. ", "1 ", "#a ", "1/2 ", "Henry I ")
DRAWN = ("0123456789-", "abc 123-")  # letters to draw from


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path, help="a text file")
    ordinary = parser.parse_args().text.read_text(encoding="utf-8").replace("[", "(").replace("]", ")") + " "
    frontend = TextFrontend()
    frontend.speak("Zorblax paid $5 at NASA's DOOR.")  # what is read at the first such words
    kinds = {f"{ordinary[:20]}...": ordinary} | {part * 3: part for part in PARTS}
    kinds |= {f"any of {letters}": "".join(random.Random(1).choices(letters, k=CHARACTERS)) for letters in DRAWN}
    for name, part in kinds.items():
        begin = time.process_time()
        spoken = frontend.speak((part * (CHARACTERS // len(part) + 1))[:CHARACTERS])
        print(f"{name!r:28} {time.process_time() - begin:6.2f} s, {len(spoken.words):6} words")


if __name__ == "__main__":
    main()
