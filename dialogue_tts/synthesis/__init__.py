"""From scripts to takes.

planner.py       scripts, dialogues, projects -> requests; all that can be wrong is found there
request.py       what is asked for: values
scheduler.py     the one queue; ticket.py: a request's place in it
synthesizer.py   calls the networks, and nobody else does
candidates.py    which draw is better, and which to draw next
stream.py        a ticket listened to; asynchronous.py: the same, and waiting, on asyncio
unfinished.py    turns kept as they are made, and found again by whoever goes on
seeds.py         of turns, segments and draws
"""
