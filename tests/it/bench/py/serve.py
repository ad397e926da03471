"""One AWS of Moto's on loopback, and a boto3 session in the same process to seed and change it.

Started by `bench/moto.rs`. Requests come as one JSON object a line on stdin, answers go as one a
line to stdout; at the end of stdin the process ends, so it never outlives its test. Server and
client share a process because a Python that has loaded boto3 and Moto costs over a second of CPU,
and because Moto's state then survives `pause`, which only closes the port.
"""

import json
import logging
import os
import socket
import sys
import traceback

# Nothing here may look for an instance's metadata service, a profile or a proxy.
os.environ.update(
    AWS_EC2_METADATA_DISABLED="true",
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_CONFIG_FILE=os.devnull,
    AWS_SHARED_CREDENTIALS_FILE=os.devnull,
    AWS_MAX_ATTEMPTS="1",
    NO_PROXY="*",
)

import boto3  # noqa: E402
from botocore.config import Config  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

import world  # noqa: E402

REGION = "us-west-2"


class Aws:
    """Clients for one endpoint, each made once: making one costs up to 0.3 s."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.session = boto3.session.Session(region_name=REGION)
        self.clients = {}

    def __call__(self, service):
        if service not in self.clients:
            self.clients[service] = self.session.client(
                service,
                endpoint_url=self.endpoint,
                config=Config(
                    # Otherwise DiscoverInstances goes to the host `data-127.0.0.1`.
                    inject_host_prefix=False,
                    # Long enough for a machine that builds and tests at the same time.
                    connect_timeout=60,
                    read_timeout=60,
                    retries={"total_max_attempts": 1},
                ),
            )
        return self.clients[service]


def free_port():
    """A port nobody listens on. Moto must come back on the same one after a pause."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Bench:
    """What the test can ask for: each method is a request by its name."""

    def __init__(self):
        self.port = free_port()
        self.server = None
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.aws = Aws(self.endpoint)
        self.world = None

    def resume(self):
        self.server = ThreadedMotoServer("127.0.0.1", self.port, verbose=False)
        self.server.start()
        return {"endpoint": self.endpoint, "port": self.port}

    def pause(self):
        self.server.stop()

    def seed(self, **spec):
        self.world = world.seed(self.aws, **spec)
        return self.world

    def defect(self, name, **about):
        return world.DEFECTS[name](self.aws, self.world, **about)

    def run(self, code, endpoint=None):
        """Runs boto3 code; what it leaves in `result` is the answer."""
        names = {
            "aws": Aws(endpoint) if endpoint else self.aws,
            "world": self.world,
            "result": None,
        }
        exec(compile(code, "<test>", "exec"), names)
        return names["result"]


def main():
    # Werkzeug logs each request, which would hide the one line that matters.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    answers = os.fdopen(os.dup(1), "w")
    # Whatever anybody prints goes to stderr: stdout is the protocol.
    os.dup2(2, 1)
    bench = Bench()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"ok": getattr(bench, request.pop("do"))(**request)}
        except Exception as error:
            answer = {
                "error": f"{type(error).__name__}: {error}",
                "trace": traceback.format_exc(),
            }
        answers.write(json.dumps(answer, default=str) + "\n")
        answers.flush()


main()
