"""What the server can do, as it says in answer to `initialize`: known before anything that does it is imported.

Reading and connecting the parts takes longer than pygls itself does; an editor that waits for `initialize` waits for
pygls alone. `tests/unit/test_server_start.py` holds this list to what is served in the end.
"""

from __future__ import annotations

from typing import Any

from lsprotocol import types

METHODS: dict[str, Any] = {
    types.TEXT_DOCUMENT_DID_OPEN: None,
    types.TEXT_DOCUMENT_DID_CHANGE: None,
    types.TEXT_DOCUMENT_DID_SAVE: None,
    types.TEXT_DOCUMENT_DID_CLOSE: None,
    types.NOTEBOOK_DOCUMENT_DID_OPEN: None,
    types.NOTEBOOK_DOCUMENT_DID_CHANGE: None,
    types.NOTEBOOK_DOCUMENT_DID_SAVE: None,
    types.NOTEBOOK_DOCUMENT_DID_CLOSE: None,
    types.WORKSPACE_DID_CHANGE_CONFIGURATION: None,
    types.WORKSPACE_DID_CHANGE_WATCHED_FILES: None,
    types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: None,
    types.TEXT_DOCUMENT_HOVER: None,
    types.TEXT_DOCUMENT_INLAY_HINT: None,
    types.TEXT_DOCUMENT_CODE_LENS: types.CodeLensOptions(resolve_provider=False),
    types.TEXT_DOCUMENT_DIAGNOSTIC: types.DiagnosticOptions(
        inter_file_dependencies=True, workspace_diagnostics=False, identifier="pymodel"
    ),
    types.TEXT_DOCUMENT_CODE_ACTION: types.CodeActionOptions(
        code_action_kinds=[types.CodeActionKind.QuickFix, types.CodeActionKind.RefactorRewrite]
    ),
    types.TEXT_DOCUMENT_COMPLETION: types.CompletionOptions(trigger_characters=[*'#:=,[" \n']),
}
"""By method, its options."""
COMMANDS = (
    "pymodel.models",
    "pymodel.shapes",
    "pymodel.summary",
    "pymodel.why",
    "pymodel.graph",
    "pymodel.check",
    "pymodel.train",
    "pymodel.runs",
    "pymodel.stopRun",
    "pymodel.runAdvice",
    "pymodel.compareRuns",
    "pymodel.findLogs",
    "pymodel.pauseRun",
    "pymodel.continueRun",
    "pymodel.labelRun",
    "pymodel.resumeRun",
    "pymodel.scriptCommand",
    "pymodel.createSample",
    "pymodel.preflight",
    "pymodel.export",
    "pymodel.weightsPage",
    "pymodel.samplePage",
    "pymodel.candidates",
    "pymodel.pin",
    "pymodel.report",
)
NOTEBOOKS = types.NotebookDocumentSyncOptions(
    notebook_selector=[types.NotebookDocumentFilterWithCells([types.NotebookCellLanguage("python")])]
)
