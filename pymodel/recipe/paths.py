"""What the paths of a recipe are relative to."""

from __future__ import annotations

from pathlib import Path


def recipe_folder(recipe: Path) -> Path:
    """The folder of the recipe; of one inside of `.pymodel`, the folder that holds that."""
    path = recipe.absolute()
    for parent in path.parents:
        if parent.name == ".pymodel":
            return parent.parent
    return path.parent
