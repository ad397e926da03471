"""450 nodes a fleet: every list has several pages, and all of them together are everything."""

from world import INFO, client, refused, same

cm, asg, elb, ec2 = client("servicediscovery"), client("autoscaling"), client("elbv2"), client("ec2")
sid = INFO["services"]["glt-1"]
names = {"NamespaceName": "glt.internal", "ServiceName": "glt-1"}

first = cm.list_instances(ServiceId=sid)
same(len(first["Instances"]), 100, "100 a page")
everything = cm.get_paginator("list_instances").paginate(ServiceId=sid).build_full_result()["Instances"]
same((len(everything), len({one["Id"] for one in everything})), (900, 900))
refused("InvalidInput", cm.list_instances, 400, ServiceId=sid, MaxResults=101)
same(len(cm.discover_instances(**names)["Instances"]), 100, "100 unless asked for more, and no pages")
same(len(cm.discover_instances(**names, MaxResults=1000)["Instances"]), 900)
refused("InvalidInput", cm.discover_instances, 400, **names, MaxResults=1001)
order = [[one["InstanceId"] for one in cm.discover_instances(**names)["Instances"]] for _ in range(3)]
assert order[0] != order[1] or order[1] != order[2], "the order is random"
status, token = {}, {}
while True:
    page = cm.get_instances_health_status(ServiceId=sid, **token)
    assert len(page["Status"]) <= 100
    status.update(page["Status"])
    if "NextToken" not in page:
        break
    token = {"NextToken": page["NextToken"]}
same(len(status), 900)

groups = asg.describe_auto_scaling_groups()["AutoScalingGroups"]
same([len(one["Instances"]) for one in groups], [450, 450])
for group in elb.describe_target_groups()["TargetGroups"]:
    found = elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
    same(len(found), 450, "a whole group in one answer")
ids = [one["InstanceId"] for one in groups[0]["Instances"]]
refused("FilterLimitExceeded", ec2.describe_instances, 400, Filters=[{"Name": "instance-id", "Values": ids[:201]}])
some = ec2.describe_instances(Filters=[{"Name": "instance-id", "Values": ids[:200]}], MaxResults=150)
same(len(some["Reservations"]), 150)
rest = ec2.describe_instances(Filters=[{"Name": "instance-id", "Values": ids[:200]}], MaxResults=150, NextToken=some["NextToken"])
same(len(rest["Reservations"]), 50)
print("big: ok")
