"""The process that runs user code for an answer, and can die without anyone noticing."""
