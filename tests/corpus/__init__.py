"""The engine over whole libraries from PyPI: `make corpus` writes `docs/coverage.md`. Not collected by pytest."""
