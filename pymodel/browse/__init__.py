"""The graph page in a browser, without an editor: `pymodel graph TARGET --open`."""
