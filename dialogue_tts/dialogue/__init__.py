"""What a synthesis gives: takes, their places, word times, subtitles, project files."""
