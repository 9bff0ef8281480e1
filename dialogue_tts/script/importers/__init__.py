"""Documents that people and programs write -> lines of a script, a module a format."""
