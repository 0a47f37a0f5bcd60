"""Recipes as text: read with the place of each fault, checked, written, completed. The server reads them with it."""

from .check import check_recipe as check_recipe
from .paths import recipe_folder as recipe_folder
from .patterns import matches as matches
from .propose import Proposal as Proposal
from .propose import propose_recipe as propose_recipe
from .read import Reading as Reading
from .read import RecipeNotUsable as RecipeNotUsable
from .read import load_recipe as load_recipe
from .read import read_recipe as read_recipe
from .write import format_recipe as format_recipe
