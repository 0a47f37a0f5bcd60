"""`pymodel/models` and `pymodel/trainOptions`: what reading the workspace as text finds."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pymodel.discover.data import find_data_factories
from pymodel.discover.document import read_document
from pymodel.discover.models import find_models
from pymodel.schema import ModelSite, to_json
from pymodel.schema.protocol import ModelsParams, ModelsResult, TrainOptionsParams, TrainOptionsResult

from ..convert import read_params, uri_to_path

if TYPE_CHECKING:
    from ..server import PyModelServer


def register(server: PyModelServer) -> None:

    @server.feature("pymodel/models")
    async def models(params: Any) -> Any:
        return to_json(ModelsResult(models_of(server, read_params(ModelsParams, params).uri)))

    @server.feature("pymodel/trainOptions")
    async def train_options(params: Any) -> Any:
        asked = read_params(TrainOptionsParams, params)
        path = uri_to_path(asked.uri)
        folder = next((each for each in server.folders if Path(path).is_relative_to(each)), str(Path(path).parent))
        documents = {state.path: state.text for state in server.analyses.states.values()}
        data = await asyncio.to_thread(find_data_factories, folder, path, documents)
        sites = models_of(server, asked.uri)
        chosen = tuple(site for site in sites if asked.target is None or site.target == asked.target)
        return to_json(TrainOptionsResult(chosen or sites, data, server.session.device or "CPU"))


def models_of(server: PyModelServer, uri: str) -> tuple[ModelSite, ...]:
    state = server.analyses.find(uri)
    return state.models if state is not None else find_models(read_document(uri_to_path(uri)))
