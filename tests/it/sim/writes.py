"""Every change that the product makes: what is accepted, what is refused, what follows."""

from world import INFO, advance, client, healthy, inject, nodes, refused, same, state

cm, asg, elb = client("servicediscovery"), client("autoscaling"), client("elbv2")
sid = INFO["services"]["glt"]
names = {"NamespaceName": "glt.internal", "ServiceName": "glt"}
blue, green = nodes("blue-412"), nodes("green-413")


def members():
    return {one["Id"]: one["Attributes"] for one in cm.list_instances(ServiceId=sid)["Instances"]}


def operation(answer):
    return cm.get_operation(OperationId=answer["OperationId"])["Operation"]


def targets(name):
    arn = elb.describe_target_groups(Names=[name])["TargetGroups"][0]["TargetGroupArn"]
    found = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    return arn, {(one["Target"]["Id"], one["Target"]["Port"]): one["TargetHealth"]["State"] for one in found}


# Registration: asynchronous, an upsert that replaces everything, one operation at a time.
own = members()[blue[0]]
before = cm.discover_instances_revision(**names)["InstancesRevision"]
changed = dict(own, COLOUR="blue")
accepted = cm.register_instance(ServiceId=sid, InstanceId=blue[0], Attributes=changed, CreatorRequestId="r1")
same(operation(accepted)["Status"], "SUBMITTED")
same(operation(accepted)["Targets"], {"SERVICE": sid, "INSTANCE": blue[0]})
same(members()[blue[0]], own, "200 is not success")
again = cm.register_instance(ServiceId=sid, InstanceId=blue[0], Attributes=changed, CreatorRequestId="r1")
same(again["OperationId"], accepted["OperationId"], "the same request again is the same operation")
refused("DuplicateRequest", cm.deregister_instance, 409, ServiceId=sid, InstanceId=blue[0])
refused("DuplicateRequest", cm.register_instance, 409, ServiceId=sid, InstanceId=blue[0], Attributes=own, CreatorRequestId="r2")
advance(1)
same(operation(accepted)["Status"], "PENDING")
advance(2)
same(operation(accepted)["Status"], "SUCCESS")
same(members()[blue[0]], changed)
same(len(members()), 6, "an upsert, not a second member")
assert cm.discover_instances_revision(**names)["InstancesRevision"] > before
shown = {one["InstanceId"]: one["Attributes"] for one in cm.discover_instances(**names)["Instances"]}
same(shown[blue[0]], own, "the data plane learns later")
advance(5)
shown = {one["InstanceId"]: one["Attributes"] for one in cm.discover_instances(**names)["Instances"]}
same(shown[blue[0]], changed)
operation(cm.register_instance(ServiceId=sid, InstanceId=blue[0], Attributes=own))
advance(10)
same(members()[blue[0]], own, "what is not said again is gone")
refused("InvalidInput", cm.register_instance, 400, ServiceId=sid, InstanceId="a b", Attributes=own)
refused("InvalidInput", cm.register_instance, 400, ServiceId=sid, InstanceId="x", Attributes={"STACK": "s"})
refused("InvalidInput", cm.register_instance, 400, ServiceId=sid, InstanceId="x", Attributes={"AWS_INSTANCE_IPV4": "nowhere"})
refused("InvalidInput", cm.register_instance, 400, ServiceId=sid, InstanceId="x", Attributes=dict(own, **{f"K{n}": "v" for n in range(30)}))
refused("InvalidInput", cm.register_instance, 400, ServiceId=sid, InstanceId="x", Attributes=dict(own, AWS_EC2_INSTANCE_ID=blue[0]))
refused("ServiceNotFound", cm.register_instance, 404, ServiceId="srv-none", InstanceId="x", Attributes=own)
refused("InstanceNotFound", cm.deregister_instance, 404, ServiceId=sid, InstanceId="i-none")
gone = cm.deregister_instance(ServiceId=sid, InstanceId=green[0])
advance(10)
same(operation(gone)["Status"], "SUCCESS")
assert green[0] not in members()
listed = cm.list_operations(Filters=[{"Name": "TYPE", "Values": ["DEREGISTER_INSTANCE"]}])["Operations"]
same([one["Id"] for one in listed], [gone["OperationId"]])

# Custom health: only where the service has it; after 30 s; the revision stays.
refused("CustomHealthNotFound", cm.update_instance_custom_health_status, 404, ServiceId=sid, InstanceId=blue[0], Status="UNHEALTHY")

# A service as a lock: a name that exists is refused, its id is the fencing token.
space = cm.list_namespaces()["Namespaces"][0]["Id"]
lock = cm.create_service(Name="quarterdeck-lock-front", NamespaceId=space, Type="HTTP", CreatorRequestId="me")["Service"]
same((lock["Type"], lock.get("DnsConfig")), ("HTTP", None))
error = refused("ServiceAlreadyExists", cm.create_service, 400, Name="quarterdeck-lock-front", NamespaceId=space, Type="HTTP", CreatorRequestId="you")
same((error.response["ServiceId"], error.response["CreatorRequestId"]), (lock["Id"], "me"))
refused("NamespaceNotFound", cm.create_service, 404, Name="x", NamespaceId="ns-none", Type="HTTP")
cm.update_service_attributes(ServiceId=lock["Id"], Attributes={"holder": "me", "step": "1"})
cm.update_service_attributes(ServiceId=lock["Id"], Attributes={"step": "2"})
same(cm.get_service_attributes(ServiceId=lock["Id"])["ServiceAttributes"]["Attributes"], {"holder": "me", "step": "2"}, "keys are merged")
cm.delete_service_attributes(ServiceId=lock["Id"], Attributes=["holder"])
same(cm.get_service_attributes(ServiceId=lock["Id"])["ServiceAttributes"]["Attributes"], {"step": "2"})
refused("ServiceAttributesLimitExceededException", cm.update_service_attributes, 400, ServiceId=lock["Id"], Attributes={f"K{n}": "v" for n in range(30)})
cm.delete_service(Id=lock["Id"])
refused("ServiceNotFound", cm.delete_service, 404, Id=lock["Id"])
refused("ResourceInUse", cm.delete_service, 409, Id=sid)
made = cm.create_service(Name="with-health", NamespaceId=space, HealthCheckCustomConfig={"FailureThreshold": 1},
                         DnsConfig={"DnsRecords": [{"Type": "A", "TTL": 15}]})["Service"]["Id"]
cm.register_instance(ServiceId=made, InstanceId=blue[0], Attributes=own)
advance(3)
same(cm.get_instances_health_status(ServiceId=made)["Status"], {blue[0]: "UNKNOWN"}, "a brief delay")
advance(5)
revision = cm.discover_instances_revision(NamespaceName="glt.internal", ServiceName="with-health")
cm.update_instance_custom_health_status(ServiceId=made, InstanceId=blue[0], Status="UNHEALTHY")
same(cm.get_instances_health_status(ServiceId=made)["Status"], {blue[0]: "HEALTHY"})
advance(31)
same(cm.get_instances_health_status(ServiceId=made)["Status"], {blue[0]: "UNHEALTHY"})
found = {"NamespaceName": "glt.internal", "ServiceName": "with-health"}
same(cm.discover_instances(**found)["Instances"], [], "unhealthy members are hidden")
same(len(cm.discover_instances(**found, HealthStatus="ALL")["Instances"]), 1)
same(len(cm.discover_instances(**found, HealthStatus="HEALTHY_OR_ELSE_ALL")["Instances"]), 1)
same(cm.discover_instances_revision(**found)["InstancesRevision"], revision["InstancesRevision"], "health moves no revision")

# Targets: keyed by id and port, draining with its delay, absent ones are no error.
loki, held = targets("blue-412-loki")
port = INFO["ports"]["loki"]
elb.register_targets(TargetGroupArn=loki, Targets=[{"Id": blue[0], "Port": port + 1}])
_, held = targets("blue-412-loki")
same(held[(blue[0], port + 1)], "initial")
same(len(held), 4, "another port is another target")
elb.deregister_targets(TargetGroupArn=loki, Targets=[{"Id": blue[0]}])
_, held = targets("blue-412-loki")
same((held[(blue[0], port)], held[(blue[0], port + 1)]), ("draining", "initial"), "ports count")
elb.deregister_targets(TargetGroupArn=loki, Targets=[{"Id": blue[0], "Port": port + 1}])
elb.deregister_targets(TargetGroupArn=loki, Targets=[{"Id": green[1]}])
advance(290)
same(targets("blue-412-loki")[1][(blue[0], port)], "draining")
advance(20)
assert (blue[0], port) not in targets("blue-412-loki")[1]
elb.register_targets(TargetGroupArn=loki, Targets=[{"Id": blue[0]}])
reason = elb.describe_target_health(TargetGroupArn=loki, Targets=[{"Id": blue[0]}])["TargetHealthDescriptions"][0]["TargetHealth"]
same((reason["State"], reason["Reason"]), ("initial", "Elb.RegistrationInProgress"))
advance(90)
same(targets("blue-412-loki")[1][(blue[0], port)], "initial", "registration takes minutes")
advance(130)
same(targets("blue-412-loki")[1][(blue[0], port)], "healthy")
assert elb.get_waiter("target_in_service").wait(TargetGroupArn=loki, WaiterConfig={"MaxAttempts": 1}) is None
refused("InvalidTarget", elb.register_targets, 400, TargetGroupArn=loki, Targets=[{"Id": "i-0123456789abcdef0"}])
refused("ValidationError", elb.register_targets, 400, TargetGroupArn=loki, Targets=[])
refused("TargetGroupNotFound", elb.deregister_targets, 400, TargetGroupArn="none", Targets=[{"Id": blue[0]}])

# Listeners: the whole action is replaced; what AWS would refuse is refused.
lb = INFO["load_balancers"][0]
listener = next(one for one in elb.describe_listeners(LoadBalancerArn=lb)["Listeners"] if one["Port"] == 3100)
arn = listener["ListenerArn"]
green_loki = targets("green-413-loki")[0]


def action(*weights, sticky=None):
    forward = {"TargetGroups": [{"TargetGroupArn": group, **({} if weight is None else {"Weight": weight})} for group, weight in weights]}
    if sticky is not None:
        forward["TargetGroupStickinessConfig"] = {"Enabled": sticky}
    return [{"Type": "forward", "ForwardConfig": forward}]


answer = elb.modify_listener(ListenerArn=arn, DefaultActions=action((loki, 90), (green_loki, 10)))
same([one["Weight"] for one in answer["Listeners"][0]["DefaultActions"][0]["ForwardConfig"]["TargetGroups"]], [90, 10])
refused("ValidationError", elb.modify_listener, 400, ListenerArn=arn, DefaultActions=action((loki, 1000), (green_loki, 0)))
refused("ValidationError", elb.modify_listener, 400, ListenerArn=arn, DefaultActions=action((loki, None), (green_loki, None)))
refused("ValidationError", elb.modify_listener, 400, ListenerArn=arn, DefaultActions=action((loki, 1), (loki, 1)))
refused("TargetGroupNotFound", elb.modify_listener, 400, ListenerArn=arn, DefaultActions=action(("none", 1), (loki, 1)))
refused("ListenerNotFound", elb.modify_listener, 400, ListenerArn="none", DefaultActions=action((loki, 1)))
elb.modify_target_group_attributes(TargetGroupArn=green_loki, Attributes=[{"Key": "stickiness.enabled", "Value": "true"}])
refused("InvalidConfigurationRequest", elb.modify_listener, 400, ListenerArn=arn, DefaultActions=action((loki, 1), (green_loki, 1)))
elb.modify_listener(ListenerArn=arn, DefaultActions=action((loki, 1), (green_loki, 1), sticky=True))
same(elb.describe_listeners(ListenerArns=[arn])["Listeners"][0]["DefaultActions"][0]["ForwardConfig"]["TargetGroupStickinessConfig"]["Enabled"], True)
elb.modify_listener(ListenerArn=arn, DefaultActions=[{"Type": "forward", "TargetGroupArn": loki}])
single = elb.describe_listeners(ListenerArns=[arn])["Listeners"][0]["DefaultActions"][0]
same((single["TargetGroupArn"], len(single["ForwardConfig"]["TargetGroups"])), (loki, 1), "one group is written in both forms")
same(set(targets("green-413-loki")[1].values()), {"unused"}, "a group in no listener is unused")
elb.modify_listener(ListenerArn=arn, DefaultActions=action((loki, 100), (green_loki, 0), sticky=True))
same(set(targets("green-413-loki")[1].values()), {"initial"}, "used again, it is checked anew")
advance(15)
same(set(targets("green-413-loki")[1].values()), {"healthy"})

# Suspend, resume, sizes.
asg.suspend_processes(AutoScalingGroupName="blue-412-asg", ScalingProcesses=["AZRebalance", "ReplaceUnhealthy"])
group = asg.describe_auto_scaling_groups(AutoScalingGroupNames=["blue-412-asg"])["AutoScalingGroups"][0]
same(sorted(one["ProcessName"] for one in group["SuspendedProcesses"]), ["AZRebalance", "ReplaceUnhealthy"])
assert "User suspended at" in group["SuspendedProcesses"][0]["SuspensionReason"]
refused("ValidationError", asg.suspend_processes, 400, AutoScalingGroupName="blue-412-asg", ScalingProcesses=["Sleep"])
asg.resume_processes(AutoScalingGroupName="blue-412-asg", ScalingProcesses=["AZRebalance", "ReplaceUnhealthy"])
refused("ValidationError", asg.set_desired_capacity, 400, AutoScalingGroupName="blue-412-asg", DesiredCapacity=99)
refused("ValidationError", asg.update_auto_scaling_group, 400, AutoScalingGroupName="blue-412-asg", MinSize=9, MaxSize=2)

# Standby: leaves all groups, needs the choice, respects the sizes.
for attempt in ({"InstanceIds": [blue[1]]},):
    answer = asg.enter_standby(AutoScalingGroupName="blue-412-asg", ShouldDecrementDesiredCapacity=True, **attempt)
    same([one["StatusCode"] for one in answer["Activities"]], ["InProgress"])


def lifecycle(node):
    found = asg.describe_auto_scaling_instances(InstanceIds=[node])["AutoScalingInstances"]
    return found[0]["LifecycleState"] if found else None


same(lifecycle(blue[1]), "EnteringStandby")
same(targets("blue-412-tempo")[1][(blue[1], INFO["ports"]["tempo"])], "draining")
advance(310)
same(lifecycle(blue[1]), "Standby")
group = asg.describe_auto_scaling_groups(AutoScalingGroupNames=["blue-412-asg"])["AutoScalingGroups"][0]
same((group["DesiredCapacity"], len(group["Instances"])), (2, 3), "nothing is launched in its place")
asg.update_auto_scaling_group(AutoScalingGroupName="blue-412-asg", MinSize=2)
refused("ValidationError", asg.enter_standby, 400, AutoScalingGroupName="blue-412-asg", InstanceIds=[blue[0]], ShouldDecrementDesiredCapacity=True)
refused("ValidationError", asg.enter_standby, 400, AutoScalingGroupName="blue-412-asg", InstanceIds=[blue[1]], ShouldDecrementDesiredCapacity=True)
refused("ValidationError", asg.exit_standby, 400, AutoScalingGroupName="blue-412-asg", InstanceIds=[blue[0]])
asg.update_auto_scaling_group(AutoScalingGroupName="blue-412-asg", MaxSize=2)
refused("ValidationError", asg.exit_standby, 400, AutoScalingGroupName="blue-412-asg", InstanceIds=[blue[1]])
asg.update_auto_scaling_group(AutoScalingGroupName="blue-412-asg", MinSize=1, MaxSize=6)
asg.exit_standby(AutoScalingGroupName="blue-412-asg", InstanceIds=[blue[1]])
advance(10)
same(lifecycle(blue[1]), "InService")
same(targets("blue-412-tempo")[1][(blue[1], INFO["ports"]["tempo"])], "initial", "registered again")
advance(230)
same(targets("blue-412-tempo")[1][(blue[1], INFO["ports"]["tempo"])], "healthy")

# Traffic sources: the newer calls and the older ones see each other only one way.
arns = [one["TargetGroupArn"] for one in elb.describe_target_groups()["TargetGroups"] if "green" in one["TargetGroupName"]]
older = {"AutoScalingGroupName": "green-413-asg", "TargetGroupARNs": arns[:1]}
source = {"AutoScalingGroupName": "green-413-asg", "TrafficSources": [{"Identifier": arns[0], "Type": "elbv2"}]}
refused("ValidationError", asg.detach_load_balancer_target_groups, 400, **older)
asg.detach_traffic_sources(**source)
states = lambda: {one["Identifier"]: one["State"] for one in asg.describe_traffic_sources(AutoScalingGroupName="green-413-asg")["TrafficSources"]}
same(states()[arns[0]], "Removing")
advance(320)
assert arns[0] not in states()
asg.attach_load_balancer_target_groups(**older)
same(states()[arns[0]], "Adding")
same(len(asg.describe_load_balancer_target_groups(AutoScalingGroupName="green-413-asg")["LoadBalancerTargetGroups"]), 1)
advance(260)
same(states()[arns[0]], "InService", "with ELB checks, once one is healthy")
inject('[[event]]\ndo = "refresh_starts"\ngroup = "green-413-asg"\n')
same([one["Status"] for one in asg.describe_instance_refreshes(AutoScalingGroupName="green-413-asg")["InstanceRefreshes"]], ["InProgress"])
refused("InstanceRefreshInProgress", asg.attach_traffic_sources, 400, **source)
refused("ValidationError", asg.attach_traffic_sources, 400, AutoScalingGroupName="green-413-asg", TrafficSources=[])
inject('[[event]]\ndo = "refresh_ends"\ngroup = "green-413-asg"\n')

# Terminate and replace; scale in; the protected stay; the registry keeps a ghost of wiping fleets.
asg.set_instance_protection(AutoScalingGroupName="blue-412-asg", InstanceIds=blue[:1], ProtectedFromScaleIn=True)
refused("ValidationError", asg.set_instance_protection, 400, AutoScalingGroupName="blue-412-asg", InstanceIds=[green[0]], ProtectedFromScaleIn=True)
asg.set_desired_capacity(AutoScalingGroupName="blue-412-asg", DesiredCapacity=1)
advance(15)
same(lifecycle(blue[0]), "InService", "protected")
words = {one["StatusCode"] for one in asg.describe_scaling_activities(AutoScalingGroupName="blue-412-asg")["Activities"]}
assert "WaitingForELBConnectionDraining" in words, words
advance(400)
same([node for node in blue if lifecycle(node)], [blue[0]])
assert set(blue) <= set(members()), "the article's script never leaves: ghosts stay"
ended = asg.terminate_instance_in_auto_scaling_group(InstanceId=blue[0], ShouldDecrementDesiredCapacity=False)
assert blue[0] in ended["Activity"]["Description"]
refused("ValidationError", asg.terminate_instance_in_auto_scaling_group, 400, InstanceId="i-0123456789abcdef0", ShouldDecrementDesiredCapacity=False)
advance(60)
group = asg.describe_auto_scaling_groups(AutoScalingGroupNames=["blue-412-asg"])["AutoScalingGroups"][0]
same(sorted(one["LifecycleState"] for one in group["Instances"]), ["InService", "Terminating"], "replaced")
asg.set_instance_health(InstanceId=green[1], HealthStatus="Unhealthy", ShouldRespectGracePeriod=False)
advance(15)
same(lifecycle(green[1]), "Terminating")
refused("ValidationError", asg.set_instance_health, 400, InstanceId="i-0123456789abcdef0", HealthStatus="Unhealthy")
healthy()
print("writes: ok")
