"""A voice from a recording: python examples/own_voice.py RECORDING. Use only voices whose owners agreed."""

import sys

from dialogue_tts import DialogueTTS

tts = DialogueTTS.from_pretrained()
voice = tts.voice(sys.argv[1])  # encoded once, used as often as you like
for number, line in enumerate(("It is ten past five.", "Then we are late."), start=1):
    tts.synthesize(f"[Me] {line}", voices={"Me": voice}, seed=number).save(f"line{number}.wav")
