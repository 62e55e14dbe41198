"""Calls google-api-python-client as told on the standard input, and prints what it returned or raised."""

import json
import sys
from time import perf_counter
from typing import Any
from urllib.request import urlopen

from googleapiclient import discovery, errors

asked = json.load(sys.stdin)


def described() -> Any:
    """Return a client made from the description that Vigie gives of itself."""
    return discovery.build(
        "commentanalyzer",
        "v1alpha1",
        developerKey=asked["key"],
        discoveryServiceUrl=asked["base"] + "/$discovery/rest?version=v1alpha1",
        static_discovery=False,
    )


def documented() -> Any:
    """Return a client made from a document that says Google's address, given another one."""
    with urlopen(asked["base"] + "/$discovery/rest") as answer:
        document = json.load(answer)
    document["rootUrl"] = document["baseUrl"] = "https://commentanalyzer.googleapis.com/"
    return discovery.build_from_document(
        document, developerKey=asked["key"], client_options={"api_endpoint": asked["base"]}
    )


def told(comments: Any, name: str, body: Any) -> dict[str, Any]:
    start = perf_counter()
    try:
        said = {"value": getattr(comments, name)(body=body).execute()}
    except errors.HttpError as error:
        more = {"status": error.status_code, "details": error.error_details}
        said = {"error": "HttpError", "message": error.reason, "more": more}
    return said | {"seconds": perf_counter() - start}


with {"described": described, "documented": documented}[asked["made"]]() as service:
    sys.stdout.write(json.dumps([told(service.comments(), *call) for call in asked["calls"]]))
