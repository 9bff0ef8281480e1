"""Two built-in voices speak a script; the times of all words are printed."""

from dialogue_tts import DialogueTTS

SCRIPT = """
[Anna] Have you seen the new bridge?
[Ben] From below. I was in a canoe at the time.
"""

tts = DialogueTTS.from_pretrained()
dialogue = tts.synthesize(SCRIPT, voices={"Anna": "alice", "Ben": "lewis"}, seed=3)
dialogue.save("bridge.wav")
for turn in dialogue.turns:
    for word in turn.words:
        print(f"{word.start:6.2f} {word.end:6.2f}  {turn.speaker}: {word.word}")
