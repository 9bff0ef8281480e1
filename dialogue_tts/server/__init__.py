"""The server: HTTP requests -> plans for one engine, whose turns go back as sound. See docs/server.md."""
