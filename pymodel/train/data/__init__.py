"""Where examples come from, and how they become batches."""

from .load import load_data as load_data
from .loaders import Data as Data
from .loaders import DataNotUsable as DataNotUsable
from .loaders import Loader as Loader
from .loaders import Sharing as Sharing
