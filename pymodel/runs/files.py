"""The files of a run's folder, beside those that a training, a monitor or an explanation writes."""

RUN_FILE = "run.json"
RECIPE_FILE = "recipe.toml"
LOG_FILE = "log.txt"
LABEL_FILE = "label.json"
"""What people call the run, and what they note of it."""
WAITING_FILE = "waiting"
"""It is there while the run waits for its turn."""
