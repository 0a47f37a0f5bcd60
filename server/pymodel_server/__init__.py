"""The language server: LSP in front of the engine. Knows nothing of tensors, never imports torch, never runs user code."""
