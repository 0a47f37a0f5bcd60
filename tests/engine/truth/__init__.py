"""The truth harness: what `pymodel shapes --json` claims of a model, against the same model run for real on the CPU.

A *claim* is the document of one target. The document alone says how to make the model and what to feed it; the *real
run* does exactly that with real tensors at two bindings of its symbols and takes down what every variable held after
every store. The *comparison* lists each place where the two disagree. Point it at any file:

    python -m tests.engine.truth FILE[::NAME]…
"""
