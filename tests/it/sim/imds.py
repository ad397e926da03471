"""The instance metadata service, version 2, asked as a boot script asks."""

import http.client
import json
import os
import socket

from world import INFO, advance, nodes, same

ADDRESS = os.environ["WORLD"].removeprefix("http://")


def ask(method, path, timeout=5, **headers):
    connection = http.client.HTTPConnection(ADDRESS, timeout=timeout)
    connection.request(method, path, headers={key.replace("_", "-"): value for key, value in headers.items()})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


TTL = "X_aws_ec2_metadata_token_ttl_seconds"
node = nodes("blue")[0]
base = f"/imds/{node}/latest"
status, token = ask("PUT", f"{base}/api/token", **{TTL: "60"})
same(status, 200)
held = {"X_aws_ec2_metadata_token": token}
same(ask("GET", f"{base}/meta-data/instance-id", **held), (200, node))
address = ask("GET", f"{base}/meta-data/local-ipv4", **held)[1]
assert address.startswith("127."), address
same(ask("GET", f"{base}/meta-data/placement/region", **held), (200, INFO["region"]))
assert ask("GET", f"{base}/meta-data/placement/availability-zone", **held)[1].startswith(INFO["region"])
same(ask("GET", f"{base}/meta-data/tags/instance/STACK", **held), (200, "blue"))
same(ask("GET", f"{base}/meta-data/tags/instance/role", **held), (200, "observability"))
same(ask("GET", f"{base}/meta-data/tags/instance/none", **held)[0], 404)
document = json.loads(ask("GET", f"{base}/dynamic/instance-identity/document", **held)[1])
same((document["instanceId"], document["privateIp"], document["region"]), (node, address, INFO["region"]))

same(ask("GET", f"{base}/meta-data/instance-id")[0], 401, "no token")
same(ask("GET", f"{base}/meta-data/instance-id", X_aws_ec2_metadata_token="x")[0], 401, "a wrong one")
same(ask("PUT", f"{base}/api/token")[0], 400, "no life")
same(ask("PUT", f"{base}/api/token", **{TTL: "21601"})[0], 400, "too long a life")
same(ask("PUT", f"{base}/api/token", **{TTL: "60", "X_Forwarded_For": "1.2.3.4"})[0], 403)
advance(61)
same(ask("GET", f"{base}/meta-data/instance-id", **held)[0], 401, "expired")

# Behind one hop too many nothing comes back, not even an error.
try:
    ask("PUT", f"/imds/{nodes('green')[0]}/latest/api/token", timeout=1, **{TTL: "60"})
    raise AssertionError("the hop limit did not hold")
except socket.timeout:
    pass
print("imds: ok")
