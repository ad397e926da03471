"""The worlds that the tests look at, made through boto3 as an operator's Terraform would.

Two Auto Scaling groups (blue and green), a network load balancer with one listener a product, a
private DNS namespace with one service. All addresses lie in the network the caller names, which is
a part of 127.0.0.0/8: whatever is sent to a "node" stays on this machine.

A world without defects has no findings, which takes some care with Moto: instances are all placed
in the zone of the group's first subnet, so the load balancer serves that zone only; the load
balancer has a security group; the groups check health with ELB (else nothing heals them).
"""

import time

PRODUCTS = {"grafana": 3000, "loki": 3100, "tempo": 3200, "otlp": 4317}
COLOURS = ("blue", "green")
ZONES = ("us-west-2a", "us-west-2b", "us-west-2c")
# The shortest grace period that Moto keeps: it takes 0 for "not given", which means 300.
GRACE_SECONDS = 1


def seed(aws, network, traffic="weights", size=3, custom_health=False):
    """A healthy world. `network` is the first two bytes, as in `127.77`. `traffic` is `weights`
    (groups of its own for each fleet, blue at 100 and green at 0) or `attach` (one shared set,
    to which only blue is attached)."""
    net = make_network(aws("ec2"), network)
    groups = {}
    for colour in COLOURS if traffic == "weights" else ("shared",):
        groups[colour] = make_target_groups(aws("elbv2"), net, colour)
    balancer = make_balancer(aws("elbv2"), net)
    listeners = {
        product: make_listener(aws("elbv2"), balancer, port, forward(groups, product))
        for product, port in PRODUCTS.items()
    }
    fleets = {}
    for colour in COLOURS:
        attached = groups.get(colour) or (groups["shared"] if colour == "blue" else {})
        fleets[colour] = make_fleet(aws, net, colour, size, attached)
    registry = make_registry(aws("servicediscovery"), net, custom_health)
    for colour, fleet in fleets.items():
        for node in fleet["nodes"]:
            register(aws, registry, node["id"], node["ip"], colour)
    wait_for_grace(aws)
    return {
        "account": aws("sts").get_caller_identity()["Account"],
        "region": aws.session.region_name,
        "network": network,
        "traffic": traffic,
        "load_balancer": balancer,
        "listeners": listeners,
        "target_groups": groups,
        "fleets": fleets,
        **registry,
    }


def make_network(ec2, network):
    vpc = ec2.create_vpc(CidrBlock=f"{network}.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"{network}.{16 * n}.0/20", AvailabilityZone=zone)
        for n, zone in enumerate(ZONES)
    ]
    group = ec2.create_security_group(GroupName="front", Description="front", VpcId=vpc)
    return {
        "vpc": vpc,
        "subnets": [one["Subnet"]["SubnetId"] for one in subnets],
        "security_group": group["GroupId"],
    }


def make_target_groups(elb, net, owner):
    """One TCP group a product, checked over HTTP as the article's fleets are."""
    made = {}
    for product, port in PRODUCTS.items():
        made[product] = elb.create_target_group(
            Name=f"{owner}-{product}",
            Protocol="TCP",
            Port=port,
            VpcId=net["vpc"],
            TargetType="instance",
            HealthCheckProtocol="HTTP",
            HealthCheckPort="8080",
            HealthCheckPath="/healthz",
            HealthCheckIntervalSeconds=10,
            HealthyThresholdCount=2,
            UnhealthyThresholdCount=2,
        )["TargetGroups"][0]["TargetGroupArn"]
    return made


def make_balancer(elb, net):
    return elb.create_load_balancer(
        Name="front",
        Type="network",
        Scheme="internal",
        Subnets=net["subnets"][:1],
        SecurityGroups=[net["security_group"]],
    )["LoadBalancers"][0]["LoadBalancerArn"]


def forward(groups, product, blue=100, green=0):
    """The action of a product's listener."""
    if "shared" in groups:
        return [{"Type": "forward", "TargetGroupArn": groups["shared"][product]}]
    weighted = [
        {"TargetGroupArn": groups[colour][product], "Weight": weight}
        for colour, weight in (("blue", blue), ("green", green))
    ]
    return [{"Type": "forward", "ForwardConfig": {"TargetGroups": weighted}}]


def make_listener(elb, balancer, port, actions):
    return elb.create_listener(
        LoadBalancerArn=balancer, Protocol="TCP", Port=port, DefaultActions=actions
    )["Listeners"][0]["ListenerArn"]


def make_fleet(aws, net, colour, size, attached):
    name = f"{colour}-asg"
    template = aws("ec2").create_launch_template(
        LaunchTemplateName=colour,
        LaunchTemplateData={"ImageId": "ami-12c6146b", "InstanceType": "t3.small"},
    )["LaunchTemplate"]["LaunchTemplateId"]
    aws("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName=name,
        LaunchTemplate={"LaunchTemplateId": template, "Version": "1"},
        MinSize=size,
        MaxSize=2 * size,
        DesiredCapacity=size,
        VPCZoneIdentifier=net["subnets"][0],
        HealthCheckType="ELB",
        HealthCheckGracePeriod=GRACE_SECONDS,
        TargetGroupARNs=list(attached.values()),
        Tags=[{"Key": "STACK", "Value": colour, "PropagateAtLaunch": True}],
    )
    return {"asg": name, "nodes": nodes_of(aws, name)}


def nodes_of(aws, asg):
    """The nodes of a group with their addresses, in the order of their ids."""
    found = aws("ec2").describe_instances(
        Filters=[{"Name": "tag:aws:autoscaling:groupName", "Values": [asg]}]
    )
    instances = [one for each in found["Reservations"] for one in each["Instances"]]
    nodes = [
        {
            "id": one["InstanceId"],
            "ip": one["PrivateIpAddress"],
            "zone": one["Placement"]["AvailabilityZone"],
        }
        for one in instances
    ]
    return sorted(nodes, key=lambda node: node["id"])


def make_registry(cloudmap, net, custom_health):
    cloudmap.create_private_dns_namespace(Name="glt.internal", Vpc=net["vpc"])
    namespace = cloudmap.list_namespaces()["Namespaces"][0]["Id"]
    health = {"HealthCheckCustomConfig": {"FailureThreshold": 1}} if custom_health else {}
    service = cloudmap.create_service(
        Name="glt",
        NamespaceId=namespace,
        DnsConfig={
            "NamespaceId": namespace,
            "RoutingPolicy": "MULTIVALUE",
            "DnsRecords": [{"Type": "A", "TTL": 60}],
        },
        **health,
    )["Service"]["Id"]
    return {"namespace_id": namespace, "service_id": service}


def register(aws, world, instance, ip, stack):
    aws("servicediscovery").register_instance(
        ServiceId=world["service_id"],
        InstanceId=instance,
        Attributes={"AWS_INSTANCE_IPV4": ip, "STACK": stack},
    )


def deregister(aws, world, instance):
    aws("servicediscovery").deregister_instance(
        ServiceId=world["service_id"], InstanceId=instance
    )


def reregister(aws, world, instance, ip, stack):
    """Moto's RegisterInstance adds a second entry where AWS replaces the first, so the first has
    to go before."""
    deregister(aws, world, instance)
    register(aws, world, instance, ip, stack)


def wait_for_grace(aws):
    """A new node is given its group's grace period before anything is said of it."""
    found = aws("ec2").describe_instances()
    launched = [
        one["LaunchTime"].timestamp() for each in found["Reservations"] for one in each["Instances"]
    ]
    left = max(launched) + GRACE_SECONDS + 0.1 - time.time()
    if left > 0:
        time.sleep(left)


# Defects. Each says which node it is about (`about`), if it is about one.


def node_of(world, fleet, number):
    return world["fleets"][fleet]["nodes"][number]


def unregistered_node(aws, world, fleet="blue", number=0):
    node = node_of(world, fleet, number)
    deregister(aws, world, node["id"])
    return {"about": node["id"]}


def ghost_member(aws, world, fleet="blue"):
    """An instance that never was, at an address nobody has."""
    ghost = "i-0dead0dead0dead00"
    register(aws, world, ghost, f"{world['network']}.15.250", fleet)
    return {"about": ghost}


def wrong_ip(aws, world, fleet="blue", number=0):
    node = node_of(world, fleet, number)
    reregister(aws, world, node["id"], f"{world['network']}.15.251", fleet)
    return {"about": node["id"]}


def wrong_stack(aws, world, fleet="blue", number=0):
    node = node_of(world, fleet, number)
    other = "green" if fleet == "blue" else "blue"
    reregister(aws, world, node["id"], node["ip"], other)
    return {"about": node["id"]}


def unhealthy_member(aws, world, fleet="blue", number=0):
    """Needs a world with custom health."""
    node = node_of(world, fleet, number)
    aws("servicediscovery").update_instance_custom_health_status(
        ServiceId=world["service_id"], InstanceId=node["id"], Status="UNHEALTHY"
    )
    return {"about": node["id"]}


def removed_target(aws, world, fleet="blue", number=0, product="loki"):
    node = node_of(world, fleet, number)
    group = world["target_groups"].get(fleet) or world["target_groups"]["shared"]
    aws("elbv2").deregister_targets(
        TargetGroupArn=group[product], Targets=[{"Id": node["id"]}]
    )
    return {"about": node["id"], "target_group": group[product]}


def split_listeners(aws, world, product="loki"):
    """One listener of four sends to green."""
    aws("elbv2").modify_listener(
        ListenerArn=world["listeners"][product],
        DefaultActions=forward(world["target_groups"], product, blue=0, green=100),
    )
    return {"about": None}


DEFECTS = {
    one.__name__: one
    for one in (
        unregistered_node,
        ghost_member,
        wrong_ip,
        wrong_stack,
        unhealthy_member,
        removed_target,
        split_listeners,
    )
}
