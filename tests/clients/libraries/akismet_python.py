"""Calls PyPI's akismet as told on the standard input, and prints what it returned or raised.

Its address is a constant: a transport of httpx leads to Vigie what is for that one.
"""

import asyncio
import enum
import json
import sys
from time import perf_counter
from typing import Any

import akismet
import httpx

asked = json.load(sys.stdin)
base = httpx.URL(asked["base"])
config = akismet.Config(key=asked["key"], url="https://journal.example/")
usual = {"headers": {"User-Agent": akismet.USER_AGENT}, "timeout": 1.0, "params": asked.get("params")}
"""What the library gives a client that it makes itself, and what a test wants besides."""


def readdressed(request: httpx.Request) -> httpx.Request:
    assert request.url.host == "rest.akismet.com"
    request.url = request.url.copy_with(scheme=base.scheme, host=base.host, port=base.port)
    return request


class Transport(httpx.HTTPTransport):
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return super().handle_request(readdressed(request))


class AsyncTransport(httpx.AsyncHTTPTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await super().handle_async_request(readdressed(request))


def plain(value: Any) -> Any:
    return value.name if isinstance(value, enum.Enum) else value


def failed(error: Exception) -> dict[str, Any]:
    return {"error": type(error).__name__, "message": str(error).strip()}


def speak() -> list[dict[str, Any]]:
    said = []
    http = httpx.Client(transport=Transport(), **usual)
    try:
        client = akismet.SyncClient.validated_client(config=config, http_client=http)
    except akismet.APIKeyError as error:
        return [failed(error)]
    with client:
        for name, arguments in asked["calls"]:
            start = perf_counter()
            try:
                told = {"value": plain(getattr(client, name)(**arguments))}
            except akismet.AkismetError as error:
                told = failed(error)
            said.append(told | {"seconds": perf_counter() - start})
    return said


async def speak_asynchronously() -> list[dict[str, Any]]:
    """Make all calls at once."""
    http = httpx.AsyncClient(transport=AsyncTransport(), **usual)
    try:
        client = await akismet.AsyncClient.validated_client(config=config, http_client=http)
    except akismet.APIKeyError as error:
        return [failed(error)]
    async with client:
        values = await asyncio.gather(*(getattr(client, name)(**arguments) for name, arguments in asked["calls"]))
    return [{"value": plain(value)} for value in values]


sys.stdout.write(json.dumps(asyncio.run(speak_asynchronously()) if asked.get("asynchronous") else speak()))
