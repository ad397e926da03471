"""Every read that the product makes, with its pages, defaults and refusals."""

from world import INFO, advance, call, client, healthy, nodes, refused, same, state

cm, asg, elb = client("servicediscovery"), client("autoscaling"), client("elbv2")
ec2, sts = client("ec2"), client("sts")

# STS
who = sts.get_caller_identity()
same(who["Account"], "123456789012")
assert who["Arn"].endswith(":user/demo"), who

# Cloud Map
spaces = cm.list_namespaces()["Namespaces"]
same([one["Type"] for one in spaces], ["DNS_PRIVATE"])
space = spaces[0]
same(space["Properties"]["HttpProperties"]["HttpName"], space["Name"])
same(cm.get_namespace(Id=space["Id"])["Namespace"]["Name"], "glt.internal")
refused("NamespaceNotFound", cm.get_namespace, 404, Id="ns-none")
by_space = [{"Name": "NAMESPACE_ID", "Values": [space["Id"]]}]
services = cm.list_services(Filters=by_space)["Services"]
same([one["Name"] for one in services], ["glt"])
same(services[0]["InstanceCount"], 6)
sid = services[0]["Id"]
same(cm.list_services(Filters=[{"Name": "NAMESPACE_ID", "Values": ["ns-none"]}])["Services"], [])
same(cm.get_service(Id=sid)["Service"]["NamespaceId"], space["Id"])
same(cm.get_service(Id=services[0]["Arn"])["Service"]["Id"], sid, "ids may be ARNs")
refused("ServiceNotFound", cm.get_service, 404, Id="srv-none")

members, token, pages = [], {}, 0
while True:
    answer = cm.list_instances(ServiceId=sid, MaxResults=4, **token)
    members += answer["Instances"]
    pages += 1
    if "NextToken" not in answer:
        break
    token = {"NextToken": answer["NextToken"]}
same((len(members), pages), (6, 2), "pages of members")
same(len(cm.get_paginator("list_instances").paginate(ServiceId=sid, PaginationConfig={"PageSize": 2}).build_full_result()["Instances"]), 6)
refused("InvalidInput", cm.list_instances, 400, ServiceId=sid, NextToken="nobody's")
stacks = sorted(one["Attributes"]["STACK"] for one in members)
same(stacks, ["blue-412"] * 3 + ["green-413"] * 3)
same(cm.get_instance(ServiceId=sid, InstanceId=members[0]["Id"])["Instance"]["Attributes"], members[0]["Attributes"])
refused("InstanceNotFound", cm.get_instance, 404, ServiceId=sid, InstanceId="i-none")
health = cm.get_instances_health_status(ServiceId=sid)["Status"]
same(set(health.values()), {"HEALTHY"})
refused("InstanceNotFound", cm.get_instances_health_status, 404, ServiceId=sid, Instances=["i-none"])
names = {"NamespaceName": "glt.internal", "ServiceName": "glt"}
found = cm.discover_instances(**names, HealthStatus="ALL", MaxResults=1000)
same(len(found["Instances"]), 6)
revision = cm.discover_instances_revision(**names)["InstancesRevision"]
same(found["InstancesRevision"], revision)
same(len(cm.discover_instances(**names, QueryParameters={"STACK": "blue-412"})["Instances"]), 3)
same(len(cm.discover_instances(**names, OptionalParameters={"STACK": "none"})["Instances"]), 6)
same(len(cm.discover_instances(**names, MaxResults=2)["Instances"]), 2, "cut silently")
refused("NamespaceNotFound", cm.discover_instances, 404, NamespaceName="none", ServiceName="glt")
refused("ServiceNotFound", cm.discover_instances_revision, 404, NamespaceName="glt.internal", ServiceName="none")
refused("OperationNotFound", cm.get_operation, 404, OperationId="none")
same(cm.get_service_attributes(ServiceId=sid)["ServiceAttributes"]["Attributes"], {})

# Auto Scaling
groups = asg.describe_auto_scaling_groups()["AutoScalingGroups"]
same([one["AutoScalingGroupName"] for one in groups], ["blue-412-asg", "green-413-asg"])
blue = groups[0]
same((blue["MinSize"], blue["DesiredCapacity"], blue["MaxSize"]), (1, 3, 6))
same(sorted(one["InstanceId"] for one in blue["Instances"]), sorted(nodes("blue-412")))
same({one["LifecycleState"] for one in blue["Instances"]}, {"InService"})
same({one["AvailabilityZone"] for one in blue["Instances"]}, {"us-west-2a", "us-west-2b", "us-west-2c"})
same(blue["HealthCheckType"], "EC2,ELB")
same({one["Key"]: one["Value"] for one in blue["Tags"]}["STACK"], "blue-412")
same(len(blue["TargetGroupARNs"]), 3)
same({one["Type"] for one in blue["TrafficSources"]}, {"elbv2"})
same(blue["Instances"][0]["LaunchTemplate"]["Version"], "1")
same(asg.describe_auto_scaling_groups(AutoScalingGroupNames=["none"])["AutoScalingGroups"], [])
one_page = asg.describe_auto_scaling_groups(MaxRecords=1)
same(len(one_page["AutoScalingGroups"]), 1)
assert one_page["NextToken"]
refused("InvalidNextToken", asg.describe_auto_scaling_groups, 400, NextToken="nobody's")
refused("ValidationError", asg.describe_auto_scaling_groups, 400, MaxRecords=101)
assert "Instances" not in asg.describe_auto_scaling_groups(IncludeInstances=False)["AutoScalingGroups"][0]
by_tag = [{"Name": "tag:STACK", "Values": ["green-413"]}]
same(len(asg.describe_auto_scaling_groups(Filters=by_tag)["AutoScalingGroups"]), 1)
sources = asg.describe_traffic_sources(AutoScalingGroupName="blue-412-asg")["TrafficSources"]
same([one["State"] for one in sources], ["InService"] * 3)
same(asg.describe_load_balancer_target_groups(AutoScalingGroupName="blue-412-asg")["LoadBalancerTargetGroups"], [], "the older call sees only its own")
same(asg.describe_scaling_activities(AutoScalingGroupName="blue-412-asg")["Activities"], [])
same(asg.describe_instance_refreshes(AutoScalingGroupName="blue-412-asg")["InstanceRefreshes"], [])
refused("ValidationError", asg.describe_traffic_sources, 400, AutoScalingGroupName="none")

# ELBv2
lb = elb.describe_load_balancers()["LoadBalancers"][0]
same((lb["Type"], lb["State"]["Code"], lb["LoadBalancerName"]), ("network", "active", "front"))
assert ":loadbalancer/net/front/" in lb["LoadBalancerArn"], lb["LoadBalancerArn"]
assert lb["SecurityGroups"]
same(len(lb["AvailabilityZones"]), 3)
refused("LoadBalancerNotFound", elb.describe_load_balancers, 400, Names=["none"])
attributes = {one["Key"]: one["Value"] for one in elb.describe_load_balancer_attributes(LoadBalancerArn=lb["LoadBalancerArn"])["Attributes"]}
same(attributes["load_balancing.cross_zone.enabled"], "false")
listeners = elb.describe_listeners(LoadBalancerArn=lb["LoadBalancerArn"])["Listeners"]
same(sorted(one["Port"] for one in listeners), [3000, 3100, 3200])
assert ":listener/net/front/" in listeners[0]["ListenerArn"]
weights = [sorted(group["Weight"] for group in one["DefaultActions"][0]["ForwardConfig"]["TargetGroups"]) for one in listeners]
same(weights, [[0, 100]] * 3)
rules = elb.describe_rules(ListenerArn=listeners[0]["ListenerArn"])["Rules"]
same([one["IsDefault"] for one in rules], [True])
refused("ListenerNotFound", elb.describe_rules, 400, ListenerArn="none")
refused("ValidationError", elb.describe_listeners, 400)
groups = elb.describe_target_groups()["TargetGroups"]
same(len(groups), 6)
same({one["HealthCheckPath"] for one in groups}, {"/healthz"})
same({one["Matcher"]["HttpCode"] for one in groups}, {"200-399"})
paged = elb.describe_target_groups(PageSize=4)
same(len(elb.describe_target_groups(PageSize=4, Marker=paged["NextMarker"])["TargetGroups"]), 2)
refused("TargetGroupNotFound", elb.describe_target_groups, 400, Names=["none"])
arn = groups[0]["TargetGroupArn"]
attributes = {one["Key"]: one["Value"] for one in elb.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]}
same(attributes["deregistration_delay.timeout_seconds"], "300")
tags = elb.describe_tags(ResourceArns=[arn, lb["LoadBalancerArn"]])["TagDescriptions"]
same(len(tags), 2)
refused("ValidationError", elb.describe_tags, 400, ResourceArns=[arn] * 21)
for group in groups:
    states = elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
    same([one["TargetHealth"]["State"] for one in states], ["healthy"] * 3, group["TargetGroupName"])
    same({one["HealthCheckPort"] for one in states}, {str(INFO["ports"]["healthz"])})
lone = elb.describe_target_health(TargetGroupArn=arn, Targets=[{"Id": "i-0123456789abcdef0"}])["TargetHealthDescriptions"][0]["TargetHealth"]
same((lone["State"], lone["Reason"]), ("unused", "Target.NotRegistered"))
refused("TargetGroupNotFound", elb.describe_target_health, 400, TargetGroupArn="none")

# EC2
all_instances = ec2.get_paginator("describe_instances").paginate(PaginationConfig={"PageSize": 5}).build_full_result()
machines = [one for reservation in all_instances["Reservations"] for one in reservation["Instances"]]
same(len(machines), 6)
same({one["State"]["Name"] for one in machines}, {"running"})
addresses = {one["InstanceId"]: one["PrivateIpAddress"] for one in machines}
same({one["Id"]: one["Attributes"]["AWS_INSTANCE_IPV4"] for one in members}, addresses, "registry and EC2 agree")
same(len(ec2.describe_instances(Filters=[{"Name": "instance-id", "Values": [*nodes("blue-412"), "i-0123456789abcdef0"]}])["Reservations"]), 3, "unknown ids are left out")
refused("InvalidInstanceID.NotFound", ec2.describe_instances, 400, InstanceIds=[*nodes("blue-412"), "i-0123456789abcdef0"])
refused("InvalidInstanceID.Malformed", ec2.describe_instances, 400, InstanceIds=["x"])
refused("InvalidParameterCombination", ec2.describe_instances, 400, InstanceIds=nodes("blue-412"), MaxResults=5)
refused("InvalidParameterValue", ec2.describe_instances, 400, MaxResults=4)
assert ec2.get_waiter("instance_running").wait(InstanceIds=nodes("blue-412")) is None

# The clients' books: three listeners at 5 connections a second, and 6 streams each at 0.2 a second.
advance(100)
after = state()
same(round(after["served"]), round(100 * (3 * 5 + 3 * 6 * 0.2)), "requests served")
same(after["lost"], 0)
same(sum(one["served"] for one in after["nodes"] if one["stack"] == "green-413"), 0, "weight 0 gets nothing")
healthy()
print("reads: ok")
