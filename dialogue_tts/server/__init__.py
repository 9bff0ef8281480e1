"""The server: HTTP requests -> tickets of the one queue, whose turns go back as sound. See docs/server.md."""
