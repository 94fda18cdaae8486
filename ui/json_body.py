"""What a request says: a small object of JSON, read with limits."""

from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request

from ui.problems import TooLarge
from utils.errors import ReshootError
from utils.untrusted_json import MOST_BYTES, UntrustedJson, read_json


async def said(request: Request) -> dict[str, Any]:
    """The object; saying nothing is an empty one."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise TooLarge("This is more than a request may say.", "Ask for less at once.")
    try:
        told = read_json(bytes(body) or b"{}")
    except UntrustedJson as error:
        raise ReshootError("The request is not JSON.", "Reload the page and try again.") from error
    if not isinstance(told, dict):
        raise ReshootError("The request is not an object of JSON.", "Reload the page and try again.")
    return told


Said = Annotated[dict[str, Any], Depends(said)]
