"""PyModel: what the code of an `nn.Module` means, read from the code itself.

The engine knows nothing of editors. `schema` holds the data that crosses processes; the folders beside it are the
steps a piece of code goes through, in the order `discover`, `resolve`, `trace`, then `check`, `cost` and `graph`.
"""

__version__ = "0.1.0"
