"""What a running venue says of its interface, read by validators that others have written.

Usage: specs.py HOST:PORT ID SECRET ID SECRET, the keys of two accounts with test money.
Each step prints its name; a step that fails ends the script with its reason.
"""

import base64
import json
import pathlib
import sys
import urllib.error
import urllib.parse
import urllib.request

from jsonschema import Draft7Validator, Draft202012Validator
from openapi_spec_validator import validate

ADDRESS = sys.argv[1]
KEY = (sys.argv[2], sys.argv[3])
SCHEMAS = pathlib.Path("api/tests/schemas")


def done(name, detail=""):
    print(f"ok   {name} {detail}".rstrip(), flush=True)


def ask(path, **fields):
    query = f"?{urllib.parse.urlencode(fields)}" if fields else ""
    request = urllib.request.Request(f"http://{ADDRESS}{path}{query}")
    if "/private/" in path:
        word = base64.b64encode(":".join(KEY).encode()).decode()
        request.add_header("Authorization", f"basic {word}")
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def check(document, path, **fields):
    """The reply of a running venue against what its document says of it."""
    status, reply = ask(path, **fields)
    responses = document["paths"][path]["get"]["responses"]
    said = responses[str(status)]
    if "$ref" in said:
        said = document["components"]["responses"][said["$ref"].rsplit("/", 1)[1]]
    schema = said["content"]["application/json"]["schema"]
    Draft202012Validator({"allOf": [schema], "components": document["components"]}).validate(reply)
    return status, reply


_, openapi = ask("/api/v2/openapi.json")
validate(openapi)
done("OpenAPI is valid", f"{len(openapi['paths'])} paths")

_, asyncapi = ask("/api/v2/asyncapi.json")
official = json.loads((SCHEMAS / "asyncapi-3.0.0.json").read_text())
Draft7Validator(official).validate(asyncapi)
done("AsyncAPI is valid", f"{len(asyncapi['operations'])} operations")

for schemas in (openapi["components"]["schemas"], asyncapi["components"]["schemas"]):
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
done("every schema is one")

_, listed = check(openapi, "/api/v2/public/get_instruments", currency="any", kind="future")
series = listed["result"][0]["instrument_name"]
asked = 0
for path, item in openapi["paths"].items():
    parameters = item.get("get", {}).get("parameters", [])
    required = [field["name"] for field in parameters if field["required"]]
    is_question = "/get_" in path or path.endswith(("/ticker", "/test", "/status", "/hello"))
    if not is_question or not path.startswith("/api/v2/p"):
        continue
    known = {"instrument_name": series, "index_name": "h100_usd", "day": "2027-01-15"}
    status, reply = check(openapi, path, **{name: known.get(name, "1") for name in required})
    assert (status == 200) == ("result" in reply), reply
    asked += 1
assert 40 < asked, asked
done("replies are as they are described", f"{asked} methods")

status, reply = check(openapi, "/api/v2/private/buy", amount=1, price=1)
assert (status, reply["error"]["data"]["param"]) == (400, "instrument_name"), reply
done("refusals too")
