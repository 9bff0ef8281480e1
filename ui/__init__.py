"""The studio: a page to write a conversation, hear it, and mend single lines. The package knows it as `dialogue_tts._ui`.

turns.py           rows of the page <-> text of a script
making.py          what the page wants to have made, and how far that is
dialogue_job.py    one dialogue: its ticket, its rows' takes, the sound so far, files
session_voices.py  voices of one user: built in, kept, and brought along
session.py         what belongs to one user, and is deleted when that user has been away
asked.py           everything that comes in is checked here
shown.py           what the page is told of a dialogue; downloads.py: a dialogue as files
handlers.py        what the page asks for -> answers
guard.py           what is looked at before a request reaches it
app.py             the Gradio application around it
page/              the page itself: ES modules and one style sheet, no build step, nothing from elsewhere
"""
