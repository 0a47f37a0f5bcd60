"""The language server: LSP in front of the engine. Never imports torch, never runs user code, knows no tensors."""
