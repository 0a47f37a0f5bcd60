"""The run folder: made, read, written, listed, and its job stopped. Standard library and schema only: the server reads
runs with it, jobs write them with it."""

from .advice import Advice as Advice
from .advice import advise as advise
from .advice import advise_run as advise_run
from .atomic import write_atomically as write_atomically
from .attached import find_attached as find_attached
from .explaining import explain_run as explain_run
from .folder import RECIPE_FILE as RECIPE_FILE
from .folder import RUN_FILE as RUN_FILE
from .folder import FolderNotWritable as FolderNotWritable
from .folder import RunNotFound as RunNotFound
from .folder import create_run as create_run
from .folder import find_runs_root as find_runs_root
from .folder import initialise_run as initialise_run
from .folder import list_runs as list_runs
from .folder import read_request as read_request
from .folder import read_run as read_run
from .folder import short_name as short_name
from .folder import write_run as write_run
from .layers import SampledSteps as SampledSteps
from .metrics import MetricWriter as MetricWriter
from .metrics import metrics_csv as metrics_csv
from .metrics import read_curves as read_curves
from .metrics import read_metrics as read_metrics
from .metrics import to_number as to_number
from .monitored import read_monitored as read_monitored
from .process import describe_process as describe_process
from .process import is_alive as is_alive
from .stop import CannotResume as CannotResume
from .stop import queue_again as queue_again
from .stop import stop_run as stop_run
