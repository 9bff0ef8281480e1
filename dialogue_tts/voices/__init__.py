"""Voices: recordings of people as prompts, kept ones, and who gets which."""
