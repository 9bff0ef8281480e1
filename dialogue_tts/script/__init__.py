"""The script: text to turns, what is wrong in it, and cutting turns into segments."""
