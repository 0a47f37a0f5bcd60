"""One LSP feature a file; each exports `register(server)`."""
