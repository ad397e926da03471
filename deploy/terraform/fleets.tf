# The two fleets: a launch template and an Auto Scaling group each.

locals {
  # What user-data.sh expects, and writes to /etc/glt/node.env. SYSTEM_IP_ADDR and SYSTEM_INSTANCE_ID
  # are each node's own and come from its metadata.
  node_settings = {
    for colour, fleet in var.fleets : colour => {
      SERVICE_ID       = aws_service_discovery_service.nodes.id
      STACK_ID         = fleet.stack_id
      REGION           = var.region
      RING             = local.ring_of[colour]
      MEMBERS_NAME     = local.members_name
      LOKI_BUCKET      = aws_s3_bucket.data["loki-${local.ring_of[colour]}"].id
      TEMPO_BUCKET     = aws_s3_bucket.data["tempo-${local.ring_of[colour]}"].id
      GRAFANA_DB_HOST  = var.grafana.database_host
      GRAFANA_DB_NAME  = var.grafana.database_name
      GRAFANA_DB_USER  = var.grafana.database_user
      GRAFANA_ROOT_URL = var.grafana.root_url
      GRAFANA_TENANT   = var.grafana.tenant
      BUNDLE           = fleet.bundle
      BUNDLE_SHA256    = fleet.bundle_sha256
      PARAMETERS       = var.parameter_path

      DEREGISTRATION_SECONDS = local.deregistration_delay
    }
  }

  # From the moment a node is told to go until EC2 turns it off: the deregistration delay (120), then
  # at most the units' TimeoutStopSec, leaving the registry (90), the health check's drain (60), and
  # the containers' flush (300); and half a minute over.
  termination_seconds = 600
}

resource "aws_launch_template" "fleet" {
  for_each = var.fleets

  name_prefix            = "${var.name}-${each.key}-"
  image_id               = each.value.image_id
  instance_type          = each.value.instance_type
  vpc_security_group_ids = [aws_security_group.node.id]

  user_data = base64encode(join("\n", concat(
    ["#!/bin/bash"],
    [for name, value in local.node_settings[each.key] : "export ${name}='${value}'"],
    [file("${path.module}/../node/user-data.sh")],
  )))

  iam_instance_profile {
    arn = aws_iam_instance_profile.node.arn
  }

  metadata_options {
    http_endpoint = "enabled"
    # Version 2 only: a request that a product can be talked into making must not yield the node's
    # credentials.
    http_tokens                 = "required"
    http_put_response_hop_limit = var.metadata_hop_limit
    # So `quarterdeck register` can read STACK and SERVICE_ID where nobody set them.
    instance_metadata_tags = "enabled"
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type = "gp3"
      # Images, and the write-ahead logs of an hour in which S3 does not take anything.
      volume_size = 100
      encrypted   = true
      # What was not flushed is gone with the node. Three copies and the orderly stop are what the
      # data relies on, not a pile of orphaned volumes.
      delete_on_termination = true
    }
  }

  tag_specifications {
    resource_type = "volume"
    tags          = { STACK = each.value.stack_id }
  }
}

resource "aws_autoscaling_group" "fleet" {
  for_each = var.fleets

  name                = "${var.name}-${each.key}"
  vpc_zone_identifier = var.subnet_ids
  min_size            = each.value.min
  max_size            = each.value.max
  desired_capacity    = each.value.desired

  launch_template {
    id = aws_launch_template.fleet[each.key].id
    # A number, so that the group's members tell which version they are of.
    version = aws_launch_template.fleet[each.key].latest_version
  }

  # The load balancer's word replaces a node that is up but does not work. That is safe only because
  # the check does not fail for what all nodes share (--mode ready); with --mode up, one outage of the
  # database would replace the whole fleet: use "EC2" there.
  health_check_type = "ELB"
  # Booting, pulling images, Tempo's warm-up of up to 80 s, registration with the load balancer of
  # three to five minutes. Shorter, and nodes are replaced before they could ever pass.
  health_check_grace_period = 600
  # A group that is created waits for nobody: quarterdeck shows how it is going.
  wait_for_capacity_timeout = "0"

  # The ports of this fleet. With "ELB" above, one group that says unhealthy is enough.
  dynamic "traffic_source" {
    for_each = local.listeners

    content {
      identifier = aws_lb_target_group.this["${each.key}-${traffic_source.key}"].arn
      type       = "elbv2"
    }
  }

  # Part of the group and not a resource beside it: it is there before the first instance is.
  initial_lifecycle_hook {
    name                 = "flush-before-termination"
    lifecycle_transition = "autoscaling:EC2_INSTANCE_TERMINATING"
    heartbeat_timeout    = local.termination_seconds
    # Nobody completes it (await-termination.sh); at the end of its time the termination goes on.
    default_result = "CONTINUE"
  }

  # How everything knows the fleet: quarterdeck by the group's tag, `quarterdeck register` by the
  # instance's, if nobody told it.
  tag {
    key                 = "STACK"
    value               = each.value.stack_id
    propagate_at_launch = true
  }

  tag {
    key                 = "SERVICE_ID"
    value               = aws_service_discovery_service.nodes.id
    propagate_at_launch = true
  }

  tag {
    key                 = "Name"
    value               = "${var.name}-${each.key}"
    propagate_at_launch = true
  }

  # No instance_refresh: a change of the template would roll through a fleet that carries traffic. The
  # other fleet gets the change, and the traffic is moved.

  lifecycle {
    ignore_changes = [
      # Standby takes nodes out by lowering it, scaling moves it.
      desired_capacity,
      # A cutover suspends some for its duration. Applied meanwhile, Terraform would resume them.
      suspended_processes,
      # Attachments. They stay as they were made here under the weights strategy; the attach strategy
      # moves them. Both names: the API shows one attachment under either.
      traffic_source,
      target_group_arns,
    ]
  }
}
