"""What the scripts share: clients, the world's clock, and checks that say what they found."""

import json
import os
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

WORLD = os.environ["WORLD"]
INFO = json.loads(os.environ["WORLD_INFO"])


def client(service, key="AKIATEST", **more):
    """A client that makes one attempt and does not put `data-` before an IP address."""
    config = Config(retries={"total_max_attempts": 1, "mode": "standard"}, inject_host_prefix=False,
                    read_timeout=more.pop("read_timeout", 20), **more)
    return boto3.client(service, config=config, aws_access_key_id=key,
                        aws_secret_access_key="none")


def call(method, path, body=None):
    data = body.encode() if body is not None else None
    request = urllib.request.Request(WORLD + path, data=data, method=method)
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{path}: {error.code} {error.read()!r}") from error


def advance(seconds):
    return call("POST", f"/_world/advance?seconds={seconds}")


def inject(text):
    call("POST", "/_world/inject", text)


def state():
    return call("GET", "/_world/state")


def log(operation):
    return call("GET", f"/_world/log?operation={operation}")["lines"]


def healthy():
    broken = call("GET", "/_world/invariants")["broken"]
    assert not broken, broken


def same(found, wanted, what=""):
    assert found == wanted, f"{what}: found {found!r}, wanted {wanted!r}"


def refused(code, operation, status=None, **arguments):
    """The call must fail with this code (and status)."""
    try:
        answer = operation(**arguments)
    except ClientError as error:
        same(error.response["Error"]["Code"], code, operation.__name__)
        if status is not None:
            same(error.response["ResponseMetadata"]["HTTPStatusCode"], status, operation.__name__)
        assert error.response["ResponseMetadata"]["RequestId"], "no request id"
        assert error.response["Error"]["Message"], "no message"
        return error
    raise AssertionError(f"{operation.__name__} should fail with {code}, and answered {answer!r}")


def nodes(stack):
    return next(one["nodes"] for one in INFO["fleets"] if one["stack"] == stack)
