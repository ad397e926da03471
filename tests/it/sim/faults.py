"""Faults as callers meet them, who may what, and the request log."""

import time

import botocore.exceptions as errors
from botocore.parsers import ResponseParserError
from world import advance, call, client, inject, log, nodes, refused, same

cm, asg, elb = client("servicediscovery"), client("autoscaling"), client("elbv2")
ec2 = client("ec2")
groups = elb.describe_target_groups()["TargetGroups"]
sid = cm.list_services()["Services"][0]["Id"]


def fault(kind, pattern, more=""):
    call("POST", "/_world/faults/clear")
    inject(f'[[fault]]\ncall = "{pattern}"\nkind = "{kind}"\n{more}\n')


# Each protocol has its own words for the same refusal.
for kind, codes in {
    "throttle": ("ThrottlingException", "Throttling", "ThrottlingException", "RequestLimitExceeded"),
    "deny": ("AccessDeniedException", "AccessDenied", "AccessDenied", "UnauthorizedOperation"),
    "expired": ("ExpiredTokenException", "ExpiredToken", "ExpiredToken", "RequestExpired"),
    "error": ("InternalFailure",) * 4,
}.items():
    fault(kind, "*")
    refused(codes[0], cm.list_namespaces)
    refused(codes[1], asg.describe_auto_scaling_groups)
    refused(codes[2], elb.describe_load_balancers)
    refused(codes[3], ec2.describe_instances)

# Only the calls meant: by name, by argument, by turn, by time.
fault("throttle", "elasticloadbalancing:DescribeTargetHealth", f'argument = "{groups[0]["TargetGroupName"]}"')
refused("ThrottlingException", elb.describe_target_health, TargetGroupArn=groups[0]["TargetGroupArn"])
elb.describe_target_health(TargetGroupArn=groups[1]["TargetGroupArn"])
elb.describe_listeners(LoadBalancerArn=elb.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"])
fault("throttle", "servicediscovery:List*", "every = 2")
cm.list_namespaces()
refused("ThrottlingException", cm.list_namespaces)
cm.list_namespaces()
fault("throttle", "servicediscovery:List*", 'from = "10s"\nuntil = "20s"')
cm.list_namespaces()
advance(10)
refused("ThrottlingException", cm.list_namespaces)
advance(10)
cm.list_namespaces()
fault("deny", "*", 'access_key = "AKIAOTHER"')
cm.list_namespaces()
refused("AccessDeniedException", client("servicediscovery", "AKIAOTHER").list_namespaces)

# Carried out, and answered with a failure.
fault("done_error", "servicediscovery:CreateService", "status = 503")
namespace = cm.list_namespaces()["Namespaces"][0]["Id"]
refused("ServiceUnavailable", cm.create_service, Name="made", NamespaceId=namespace, Type="HTTP")
call("POST", "/_world/faults/clear")
assert "made" in [one["Name"] for one in cm.list_services()["Services"]]


def fails(wanted, operation, **arguments):
    try:
        answer = operation(**arguments)
    except wanted as error:
        return error
    raise AssertionError(f"{operation.__name__} answered {answer!r}")


# What is no answer at all.
fault("malformed", "*")
fails(ResponseParserError, elb.describe_load_balancers)
assert "Namespaces" not in cm.list_namespaces(), "boto3 makes nothing of half a JSON document"
fault("truncated", "*")
fails((errors.ResponseStreamingError, errors.HTTPClientError, errors.ConnectionClosedError), elb.describe_load_balancers)
fault("html", "autoscaling:*")
error = fails((errors.ClientError, ResponseParserError), asg.describe_auto_scaling_groups)
fault("hang", "*")
hasty = client("elbv2", read_timeout=1)
fails(errors.ReadTimeoutError, hasty.describe_load_balancers)
fault("latency", "*", "delay_ms = 700")
before = time.monotonic()
cm.list_namespaces()
assert time.monotonic() - before > 0.65, "the answer came at once"

# A change whose answer is cut off has happened all the same.
fault("truncated", "elasticloadbalancing:DeregisterTargets")
gone = {"TargetGroupArn": groups[0]["TargetGroupArn"], "Targets": [{"Id": nodes("blue" if "blue" in groups[0]["TargetGroupName"] else "green")[0]}]}
fails((errors.ResponseStreamingError, errors.HTTPClientError), elb.deregister_targets, **gone)
call("POST", "/_world/faults/clear")
states = {one["TargetHealth"]["State"] for one in elb.describe_target_health(TargetGroupArn=groups[0]["TargetGroupArn"])["TargetHealthDescriptions"]}
assert "draining" in states, states

# A call that is accepted, and an operation that fails.
fault("operation_fails", "servicediscovery:RegisterInstance")
accepted = cm.register_instance(ServiceId=sid, InstanceId="late", Attributes={"AWS_INSTANCE_IPV4": "127.0.0.1"})["OperationId"]
same(cm.get_operation(OperationId=accepted)["Operation"].get("ErrorCode"), None)
advance(10)
failed = cm.get_operation(OperationId=accepted)["Operation"]
same((failed["Status"], failed["ErrorCode"]), ("FAIL", "ACCESS_DENIED"))
assert "late" not in {one["Id"] for one in cm.list_instances(ServiceId=sid)["Instances"]}
call("POST", "/_world/faults/clear")

# Who may what.
reader, operator = client("elbv2", "AKIAREADER"), client("elbv2", "AKIAOPERATOR")
listener = reader.describe_listeners(LoadBalancerArn=reader.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"])["Listeners"][0]
refused("AccessDenied", reader.register_targets, 403, TargetGroupArn=groups[0]["TargetGroupArn"], Targets=[{"Id": nodes("blue")[0]}])
error = refused("AccessDenied", operator.modify_listener, 403, ListenerArn=listener["ListenerArn"], DefaultActions=listener["DefaultActions"])
assert "user/operator is not authorized to perform: elasticloadbalancing:ModifyListener" in str(error)
operator.register_targets(TargetGroupArn=groups[0]["TargetGroupArn"], Targets=[{"Id": nodes("blue")[0]}])
refused("AccessDeniedException", client("servicediscovery", "AKIAREADER").register_instance, 403, ServiceId=sid, InstanceId="x", Attributes={"AWS_INSTANCE_IPV4": "127.0.0.1"})
same(client("sts", "AKIAREADER").get_caller_identity()["Arn"], "arn:aws:iam::123456789012:user/reader")

inject('[[principal]]\naccess_key = "AKIANEW"\nname = "new"\ndeny = ["*"]\n')
refused("AccessDenied", client("elbv2", "AKIANEW").describe_load_balancers, 403)

# The log has all of it.
line = log("ModifyListener")[-1]
same((line["service"], line["principal"], line["access_key"], line["status"], line["code"]),
     ("elasticloadbalancing", "arn:aws:iam::123456789012:user/operator", "AKIAOPERATOR", 403, "AccessDenied"))
same(line["arguments"]["ListenerArn"], listener["ListenerArn"])
assert line["request_id"] and line["time"].startswith("2026-11-22T")
same(log("DescribeLoadBalancers")[0]["fault"], "throttle")
same({one["fault"] for one in log("GetCallerIdentity")}, {None})

# ELBv2's buckets: a burst is served, then the account's rate is all there is.
burst = [0, 0]
for _ in range(70):
    try:
        elb.describe_load_balancers()
        burst[0] += 1
    except errors.ClientError as error:
        same(error.response["Error"]["Code"], "ThrottlingException")
        burst[1] += 1
assert burst[1] > 0, f"70 calls at once were all served: {burst}"
asg.describe_auto_scaling_groups()
advance(60)
elb.describe_load_balancers()

# The loss of a zone: calls that name none of its instances in particular, or one of them, fail.
everything = [one["Instances"][0] for one in ec2.describe_instances()["Reservations"]]
lost = [one["InstanceId"] for one in everything if one["Placement"]["AvailabilityZone"].endswith("a")]
kept = [one["InstanceId"] for one in everything if one["InstanceId"] not in lost]
assert lost and kept, everything
inject('[[event]]\ndo = "zone_down"\nzone = "a"\n')
refused("InternalError", ec2.describe_instances, 500)
refused("InternalError", ec2.describe_instances, 500, InstanceIds=lost)
same(len(ec2.describe_instances(InstanceIds=kept)["Reservations"]), len(kept))
by_filter = [{"Name": "instance-id", "Values": lost + kept}]
same(len(ec2.describe_instances(Filters=by_filter)["Reservations"]), len(everything))
inject('[[event]]\ndo = "zone_up"\nzone = "a"\n')
ec2.describe_instances()
print("faults: ok")
