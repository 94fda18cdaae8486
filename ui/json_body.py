"""The JSON body of a request as a FastAPI dependency: an object, read with limits on size and depth."""

from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request

from ui.problems import TooLarge
from ui.receiving import body_of
from utils.errors import ReshootError
from utils.untrusted_json import MOST_BYTES, UntrustedJson, read_json


async def json_body(request: Request) -> dict[str, Any]:
    """Read the body as a JSON object; an empty body counts as an empty object."""
    refusal = TooLarge("This is more than a request may say.", "Ask for less at once.")
    body = await body_of(request, MOST_BYTES, refusal)
    try:
        body_object = read_json(body or b"{}")
    except UntrustedJson as error:
        raise ReshootError("The request is not JSON.", "Reload the page and try again.") from error
    if not isinstance(body_object, dict):
        raise ReshootError("The request is not an object of JSON.", "Reload the page and try again.")
    return body_object


JsonBody = Annotated[dict[str, Any], Depends(json_body)]
