"""The studio: a page to write a conversation, hear it, and mend single lines. The package knows it as `dialogue_tts._ui`.

turns.py    rows of the page <-> text of a script
engine.py   one work after another, for all users
voices.py   voices of one user: built in, kept, and brought along
work.py     one dialogue in the works: its rows' takes, the sound so far, files
desk.py     what belongs to one user, and is deleted when that user has been away
calls.py    what the page asks for -> answers; everything that comes in is checked here
app.py      the Gradio application around it
page/       the page itself: ES modules and one style sheet, no build step, nothing from elsewhere
"""
