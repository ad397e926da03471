"""One table of (operation, what AWS does), run against Moto and against the world.

The world must do what AWS does, in every row. Moto does in most; where it does something else, the
row says what and why that matters to us, and that is checked too: should Moto change, this says so.
"""

import logging
import socket
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

import world as w

try:
    from moto.server import ThreadedMotoServer
except ImportError:
    print("moto is missing: install moto[server]")
    sys.exit(77)

logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
IP = "AWS_INSTANCE_IPV4"


class Place:
    """An AWS with one load balancer, two target groups, a group of two nodes and a registry."""

    def __init__(self, endpoint):
        config = Config(retries={"total_max_attempts": 1, "mode": "standard"}, inject_host_prefix=False)
        make = lambda name: boto3.client(name, endpoint_url=endpoint, config=config, region_name="us-west-2",
                                         aws_access_key_id="AKIATEST", aws_secret_access_key="none")
        self.cm, self.asg, self.elb = make("servicediscovery"), make("autoscaling"), make("elbv2")
        self.ec2, self.sts = make("ec2"), make("sts")

    def learn(self):
        self.group = self.asg.describe_auto_scaling_groups()["AutoScalingGroups"][0]
        self.name = self.group["AutoScalingGroupName"]
        self.nodes = sorted(one["InstanceId"] for one in self.group["Instances"])
        self.lb = self.elb.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
        listeners = {one["Port"]: one["ListenerArn"] for one in self.elb.describe_listeners(LoadBalancerArn=self.lb)["Listeners"]}
        self.listener, self.ruled = listeners[3100], listeners[3200]
        self.rules = {one["IsDefault"]: one for one in self.elb.describe_rules(ListenerArn=self.ruled)["Rules"]}
        groups = {one["TargetGroupName"]: one for one in self.elb.describe_target_groups()["TargetGroups"]}
        self.blue, self.green = groups["blue-loki"]["TargetGroupArn"], groups["green-loki"]["TargetGroupArn"]
        self.port = groups["blue-loki"]["Port"]
        self.space = self.cm.list_namespaces()["Namespaces"][0]
        service = next(one for one in self.cm.list_services()["Services"] if one["Name"] == "glt")
        self.service, self.service_arn = service["Id"], service["Arn"]
        self.names = {"NamespaceName": self.space["Name"], "ServiceName": "glt"}

    def wait(self, seconds):
        """Time passes where it can."""

    def members(self):
        pages = self.cm.get_paginator("list_instances").paginate(ServiceId=self.service)
        return pages.build_full_result()["Instances"]

    def state(self, arn, node, port=None):
        target = {"Id": node, **({"Port": port} if port else {})}
        found = self.elb.describe_target_health(TargetGroupArn=arn, Targets=[target])
        return found["TargetHealthDescriptions"][0]["TargetHealth"]["State"]

    def forward(self, *weights):
        groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights]
        return self.elb.modify_listener(ListenerArn=self.listener, DefaultActions=[
            {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}])

    def of_rule(self, rule, *weights):
        """What a rule forwards to, from here on."""
        groups = self.rules[False]["Actions"][0]["ForwardConfig"]["TargetGroups"]
        groups = [{"TargetGroupArn": one["TargetGroupArn"], "Weight": weight} for one, weight in zip(groups, weights)]
        return self.elb.modify_rule(RuleArn=rule, Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}])

    def rule_of(self, answer):
        return [one["Weight"] for one in answer["Rules"][0]["Actions"][0]["ForwardConfig"]["TargetGroups"]]


class World(Place):
    def __init__(self):
        super().__init__(w.WORLD)
        self.learn()

    def wait(self, seconds):
        w.advance(seconds)


class Moto(Place):
    """The same things, made by API calls: Moto starts empty."""

    def __init__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
        self.server.start()
        super().__init__(f"http://127.0.0.1:{port}")
        vpc = self.ec2.create_vpc(CidrBlock="127.60.0.0/16")["Vpc"]["VpcId"]
        subnets = [self.ec2.create_subnet(VpcId=vpc, CidrBlock=f"127.60.{n}.0/24", AvailabilityZone=f"us-west-2{zone}")["Subnet"]["SubnetId"]
                   for n, zone in enumerate("ab")]
        image = "ami-12c6146b"
        template = self.ec2.create_launch_template(LaunchTemplateName="blue", LaunchTemplateData={"ImageId": image, "InstanceType": "t3.micro"})
        groups = [self.elb.create_target_group(Name=f"{name}-loki", Protocol="TCP", Port=3100, VpcId=vpc, TargetType="instance")["TargetGroups"][0]["TargetGroupArn"]
                  for name in ("blue", "green")]
        lb = self.elb.create_load_balancer(Name="front", Type="network", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
        self.elb.create_listener(LoadBalancerArn=lb, Protocol="TCP", Port=3100, DefaultActions=[{"Type": "forward", "ForwardConfig": {
            "TargetGroups": [{"TargetGroupArn": groups[0], "Weight": 100}, {"TargetGroupArn": groups[1], "Weight": 0}]}}])
        both = [{"Type": "forward", "ForwardConfig": {
            "TargetGroups": [{"TargetGroupArn": groups[0], "Weight": 100}, {"TargetGroupArn": groups[1], "Weight": 0}]}}]
        ruled = self.elb.create_listener(LoadBalancerArn=lb, Protocol="TCP", Port=3200, DefaultActions=both)["Listeners"][0]["ListenerArn"]
        self.elb.create_rule(ListenerArn=ruled, Priority=1, Conditions=[{"Field": "host-header", "Values": ["traces.example"]}], Actions=both)
        self.asg.create_auto_scaling_group(AutoScalingGroupName="blue-asg", MinSize=1, MaxSize=4, DesiredCapacity=2, VPCZoneIdentifier=",".join(subnets),
            LaunchTemplate={"LaunchTemplateId": template["LaunchTemplate"]["LaunchTemplateId"], "Version": "1"}, TargetGroupARNs=groups[:1])
        self.cm.create_private_dns_namespace(Name="glt.internal", Vpc=vpc)
        space = self.cm.list_namespaces()["Namespaces"][0]["Id"]
        service = self.cm.create_service(Name="glt", NamespaceId=space, DnsConfig={"DnsRecords": [{"Type": "A", "TTL": 15}]})["Service"]["Id"]
        self.learn()
        for node in self.nodes:
            self.cm.register_instance(ServiceId=service, InstanceId=node, Attributes={IP: "127.60.0.9", "STACK": "blue"})


def register(place, member, attributes=None):
    return place.cm.register_instance(ServiceId=place.service, InstanceId=member, Attributes=attributes or {IP: "127.0.0.9", "STACK": "x"})


def twice(place):
    register(place, place.nodes[0])
    place.wait(10)
    return sum(one["Id"] == place.nodes[0] for one in place.members())


def crowd(place):
    for number in range(120):
        register(place, f"x-{number:03}")
    place.wait(10)
    return len(place.cm.list_instances(ServiceId=place.service)["Instances"])


def revision(place):
    before = place.cm.discover_instances_revision(**place.names)["InstancesRevision"]
    place.cm.deregister_instance(ServiceId=place.service, InstanceId="x-000")
    place.wait(10)
    return place.cm.discover_instances_revision(**place.names)["InstancesRevision"] > before


def at_once(place):
    register(place, "x-001", {IP: "127.0.0.1"})
    return register(place, "x-001", {IP: "127.0.0.2"}) and "accepted"


def merge(place):
    place.cm.update_service_attributes(ServiceId=place.service, Attributes={"a": "1"})
    place.cm.update_service_attributes(ServiceId=place.service, Attributes={"b": "2"})
    return place.cm.get_service_attributes(ServiceId=place.service)["ServiceAttributes"]["Attributes"]


def drain(place):
    place.elb.deregister_targets(TargetGroupArn=place.blue, Targets=[{"Id": place.nodes[0]}])
    found = place.state(place.blue, place.nodes[0])
    place.elb.register_targets(TargetGroupArn=place.blue, Targets=[{"Id": place.nodes[0]}])
    place.wait(300)
    return found


def two_ports(place):
    place.elb.register_targets(TargetGroupArn=place.blue, Targets=[{"Id": place.nodes[1], "Port": place.port + 1}])
    found = place.elb.describe_target_health(TargetGroupArn=place.blue)["TargetHealthDescriptions"]
    return sum(one["Target"]["Id"] == place.nodes[1] for one in found)


def out_of_listener(place):
    place.forward((place.green, 1))
    found = place.state(place.blue, place.nodes[0])
    place.forward((place.blue, 100), (place.green, 0))
    return found


def weights(place):
    place.forward((place.blue, 70), (place.green, 30))
    action = place.elb.describe_listeners(ListenerArns=[place.listener])["Listeners"][0]["DefaultActions"][0]
    return [one["Weight"] for one in action["ForwardConfig"]["TargetGroups"]]


def rule_weights(place):
    """As the call answers, and as it is read afterwards; the listener's own action stays as it is."""
    arn = place.rules[False]["RuleArn"]
    answered = place.rule_of(place.of_rule(arn, 70, 30))
    read = place.rule_of(place.elb.describe_rules(RuleArns=[arn]))
    own = place.elb.describe_listeners(ListenerArns=[place.ruled])["Listeners"][0]["DefaultActions"][0]
    return answered, read, [one["Weight"] for one in own["ForwardConfig"]["TargetGroups"]]


def suspended(place):
    place.asg.suspend_processes(AutoScalingGroupName=place.name, ScalingProcesses=["AZRebalance"])
    group = place.asg.describe_auto_scaling_groups()["AutoScalingGroups"][0]
    place.asg.resume_processes(AutoScalingGroupName=place.name, ScalingProcesses=["AZRebalance"])
    return [one["ProcessName"] for one in group["SuspendedProcesses"]]


def standby(place):
    place.wait(300)
    place.asg.enter_standby(AutoScalingGroupName=place.name, InstanceIds=place.nodes[:1], ShouldDecrementDesiredCapacity=True)
    found = place.state(place.blue, place.nodes[0], place.port)
    place.wait(310)
    group = place.asg.describe_auto_scaling_groups()["AutoScalingGroups"][0]
    words = {one["InstanceId"]: one["LifecycleState"] for one in group["Instances"]}
    return found, words[place.nodes[0]], group["DesiredCapacity"]


def target_health_tag(place, count):
    return place.elb.describe_tags(ResourceArns=[place.blue] * count) and "accepted"


def attribute(place, key):
    found = place.elb.describe_target_group_attributes(TargetGroupArn=place.blue)["Attributes"]
    return {one["Key"]: one["Value"] for one in found}.get(key)


def accepted(call, **arguments):
    call(**arguments)
    return "accepted"


# What, what AWS does, how to ask; in this order.
ROWS = [
    ("who am I", "123456789012", lambda p: p.sts.get_caller_identity()["Account"]),
    ("HTTP name of a private namespace", "glt.internal", lambda p: p.space["Properties"].get("HttpProperties", {}).get("HttpName")),
    ("register an id again: copies of it", 1, twice),
    ("first page of 122 members", 100, crowd),
    ("all pages of members", 122, lambda p: len(p.members())),
    ("DiscoverInstances without MaxResults", 100, lambda p: len(p.cm.discover_instances(**p.names)["Instances"])),
    ("DiscoverInstances, at most 1,000", 122, lambda p: len(p.cm.discover_instances(**p.names, MaxResults=1000, HealthStatus="ALL")["Instances"])),
    ("DiscoverInstances by attribute", 0, lambda p: len(p.cm.discover_instances(**p.names, QueryParameters={"STACK": "none"})["Instances"])),
    ("the revision grows when a member goes", True, revision),
    ("two operations on one id at once", "DuplicateRequest", at_once),
    ("an operation right after the call", "SUBMITTED", lambda p: p.cm.get_operation(OperationId=register(p, "x-002", {IP: "127.0.0.3"})["OperationId"])["Operation"]["Status"]),
    ("an operation later", "SUCCESS", lambda p: (lambda made: (p.wait(10), p.cm.get_operation(OperationId=made["OperationId"])["Operation"]["Status"])[1])(register(p, "x-003", {IP: "127.0.0.3"}))),
    ("an unknown operation", "OperationNotFound", lambda p: p.cm.get_operation(OperationId="none")),
    ("register without an address", "InvalidInput", lambda p: accepted(p.cm.register_instance, ServiceId=p.service, InstanceId="y", Attributes={"STACK": "x"})),
    ("deregister an unknown member", "InstanceNotFound", lambda p: p.cm.deregister_instance(ServiceId=p.service, InstanceId="none")),
    ("health of an unknown member", "InstanceNotFound", lambda p: accepted(p.cm.get_instances_health_status, ServiceId=p.service, Instances=["none"])),
    ("custom health without a custom check", "CustomHealthNotFound", lambda p: accepted(p.cm.update_instance_custom_health_status, ServiceId=p.service, InstanceId=p.nodes[0], Status="UNHEALTHY")),
    ("a service's ARN for its id", "glt", lambda p: p.cm.get_service(Id=p.service_arn)["Service"]["Name"]),
    ("an unknown service", "ServiceNotFound", lambda p: p.cm.list_instances(ServiceId="srv-none")),
    ("create a service whose name exists", "ServiceAlreadyExists", lambda p: accepted(p.cm.create_service, Name="glt", NamespaceId=p.space["Id"])),
    ("delete a service with members", "ResourceInUse", lambda p: accepted(p.cm.delete_service, Id=p.service)),
    ("service attributes are merged", {"a": "1", "b": "2"}, merge),
    ("a network load balancer's ARN", "net", lambda p: p.lb.split("loadbalancer/")[1].split("/")[0]),
    ("an unknown load balancer", "LoadBalancerNotFound", lambda p: p.elb.describe_load_balancers(Names=["none"])),
    ("an unknown target group", "TargetGroupNotFound", lambda p: p.elb.describe_target_health(TargetGroupArn="arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/none/0")),
    ("listeners of nothing", "ValidationError", lambda p: accepted(p.elb.describe_listeners)),
    ("a page of one target group", 1, lambda p: len(p.elb.describe_target_groups(PageSize=1)["TargetGroups"])),
    ("tags of 21 things", "ValidationError", lambda p: target_health_tag(p, 21)),
    ("the default drain", "300", lambda p: attribute(p, "deregistration_delay.timeout_seconds")),
    ("the default of cross-zone", "use_load_balancer_configuration", lambda p: attribute(p, "load_balancing.cross_zone.enabled")),
    ("a target that was deregistered", "draining", drain),
    ("deregister an absent target", "accepted", lambda p: accepted(p.elb.deregister_targets, TargetGroupArn=p.green, Targets=[{"Id": p.nodes[0]}])),
    ("one node on two ports", 2, two_ports),
    ("register an unknown instance", "InvalidTarget", lambda p: accepted(p.elb.register_targets, TargetGroupArn=p.green, Targets=[{"Id": "i-0123456789abcdef0"}])),
    ("weights are given back", [70, 30], weights),
    ("a weight of 1,000", "ValidationError", lambda p: (p.forward((p.blue, 1000), (p.green, 0)), "accepted")[1]),
    ("an unknown group in an action", "TargetGroupNotFound", lambda p: (p.forward((p.blue.replace("blue", "none"), 1)), "accepted")[1]),
    ("rules: another one, then the default", [("1", False), ("default", True)],
     lambda p: [(one["Priority"], one["IsDefault"]) for one in p.elb.describe_rules(ListenerArn=p.ruled)["Rules"]]),
    ("a rule's weights are given back", ([70, 30], [70, 30], [100, 0]), rule_weights),
    ("a rule's weight of 1,000", "ValidationError", lambda p: p.of_rule(p.rules[False]["RuleArn"], 1000, 0) and "accepted"),
    ("a refused change leaves the rule", [70, 30], lambda p: p.rule_of(p.elb.describe_rules(RuleArns=[p.rules[False]["RuleArn"]]))),
    ("the default rule changed as a rule", "OperationNotPermitted", lambda p: p.of_rule(p.rules[True]["RuleArn"], 50, 50) and "accepted"),
    ("an unknown rule", "RuleNotFound", lambda p: p.of_rule(p.rules[False]["RuleArn"] + "0", 50, 50) and "accepted"),
    ("a target of a group in no listener", "unused", out_of_listener),
    ("a list of traffic sources", "accepted", lambda p: accepted(p.asg.describe_traffic_sources, AutoScalingGroupName=p.name)),
    ("attach a traffic source", "accepted", lambda p: accepted(p.asg.attach_traffic_sources, AutoScalingGroupName=p.name, TrafficSources=[{"Identifier": p.green}])),
    ("instance refreshes", "accepted", lambda p: accepted(p.asg.describe_instance_refreshes, AutoScalingGroupName=p.name)),
    ("suspended processes", ["AZRebalance"], suspended),
    ("a process that does not exist", "ValidationError", lambda p: accepted(p.asg.suspend_processes, AutoScalingGroupName=p.name, ScalingProcesses=["Sleep"])),
    ("more than MaxSize", "ValidationError", lambda p: accepted(p.asg.set_desired_capacity, AutoScalingGroupName=p.name, DesiredCapacity=99)),
    ("sizes of an unknown group", "ValidationError", lambda p: accepted(p.asg.set_desired_capacity, AutoScalingGroupName="none", DesiredCapacity=1)),
    ("a page of 101 groups", "ValidationError", lambda p: accepted(p.asg.describe_auto_scaling_groups, MaxRecords=101)),
    ("groups that do not exist", [], lambda p: p.asg.describe_auto_scaling_groups(AutoScalingGroupNames=["none"])["AutoScalingGroups"]),
    ("standby: target, lifecycle, desired", ("draining", "Standby", 1), standby),
    ("an unknown instance id", "InvalidInstanceID.NotFound", lambda p: p.ec2.describe_instances(InstanceIds=["i-0123456789abcdef0"])),
    ("the same as a filter", 0, lambda p: len(p.ec2.describe_instances(Filters=[{"Name": "instance-id", "Values": ["i-0123456789abcdef0"]}])["Reservations"])),
    ("ids and a page size", "InvalidParameterCombination", lambda p: accepted(p.ec2.describe_instances, InstanceIds=p.nodes, MaxResults=5)),
]

# Where Moto 5.2 differs: what it does, and why it matters that the world does not.
MOTO = {
    "HTTP name of a private namespace": (None, "DiscoverInstances wants this name"),
    "register an id again: copies of it": (2, "an upsert that appends hides lost updates, and shows ghosts that are none"),
    "first page of 122 members": (123, "a reader that forgets the pages would pass"),
    "all pages of members": (123, "the copy of above"),
    "DiscoverInstances without MaxResults": (123, "a reader that forgets MaxResults would pass"),
    "DiscoverInstances, at most 1,000": (123, "the copy of above"),
    "the revision grows when a member goes": (False, "a falling revision breaks 're-list when it grew'"),
    "two operations on one id at once": ("accepted", "DuplicateRequest is what boot scripts die of"),
    "an operation right after the call": ("SUCCESS", "200 would look like success"),
    "register without an address": ("accepted", "mistakes of ours would pass"),
    "health of an unknown member": ("accepted", "left out silently, where AWS refuses the whole call"),
    "custom health without a custom check": ("accepted", "mistakes of ours would pass"),
    "a service's ARN for its id": ("ServiceNotFound", "AWS takes either"),
    "create a service whose name exists": ("accepted", "the lock stands on this refusal"),
    "delete a service with members": ("accepted", "a registry could be deleted under its members"),
    "a network load balancer's ARN": ("app", "what kind it is, is read off the ARN"),
    "a page of one target group": (2, "a reader that forgets the pages would pass"),
    "tags of 21 things": ("accepted", "batches that are too large would pass"),
    "a target that was deregistered": ("unused", "no drain at all, so nothing that waits for one is tested"),
    "deregister an absent target": ("InvalidTarget", "a drain that is repeated would fail"),
    "one node on two ports": (1, "targets are keyed by id and port"),
    "register an unknown instance": ("accepted", "mistakes of ours would pass"),
    "a weight of 1,000": ("accepted", "mistakes of ours would pass"),
    "an unknown group in an action": ("accepted", "mistakes of ours would pass"),
    "a rule's weight of 1,000": ("accepted", "mistakes of ours would pass"),
    "a refused change leaves the rule": ([1000, 0], "what was accepted above"),
    "the default rule changed as a rule": ("accepted", "a listener's own action would be written through the wrong call"),
    "a target of a group in no listener": ("healthy", "a fleet out of the listeners cannot be judged, on AWS"),
    "a list of traffic sources": ("HTTP 500", "not implemented"),
    "attach a traffic source": ("HTTP 500", "not implemented"),
    "instance refreshes": ("HTTP 500", "not implemented"),
    "a process that does not exist": ("accepted", "mistakes of ours would pass"),
    "more than MaxSize": ("accepted", "the undo of a drain is checked against MaxSize"),
    "sizes of an unknown group": ("HTTP 500", "an answer in HTML"),
    "a page of 101 groups": ("HTTP 500", "a crash in place of a refusal"),
    "standby: target, lifecycle, desired": (("healthy", "Standby", 98), "target groups are not touched (98: more than MaxSize was accepted above)"),
}

# Rows that some releases of Moto have and some have not.
UNSTEADY = {"service attributes are merged": "HTTP 500"}


def outcome(ask, place):
    """What came of it: the value, or the code of the refusal."""
    try:
        return ask(place)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return "HTTP 500" if status >= 500 else error.response["Error"]["Code"]
    except (ResponseParserError, BotoCoreError):
        return "HTTP 500"


wrong = []
world, moto = World(), Moto()
for what, wanted, ask in ROWS:
    found = outcome(ask, world)
    if found != wanted:
        wrong.append(f"the world, {what}: {found!r}, and AWS {wanted!r}")
    found = outcome(ask, moto)
    known = MOTO.get(what, (wanted, ""))[0]
    if found != known and UNSTEADY.get(what) != found:
        wrong.append(f"Moto, {what}: {found!r}, and the table says {known!r}")
unknown = set(MOTO) - {what for what, *_ in ROWS}
assert not unknown, f"no rows of these names: {unknown}"
moto.server.stop()
assert not wrong, "\n" + "\n".join(wrong)
print(f"table: {len(ROWS)} rows, Moto differs in {len(MOTO)}")
