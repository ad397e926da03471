# One network load balancer, one listener a port, and in each listener both fleets, weighted.

resource "aws_lb" "this" {
  name               = var.name
  load_balancer_type = "network"
  internal           = true
  subnets            = var.subnet_ids
  # Only possible at creation (network.tf).
  security_groups = [aws_security_group.load_balancer.id]
  # A zone without a healthy target is served from the others instead of being taken out of DNS, and
  # a fleet of three is not one node a zone for good or ill. The price: traffic between zones is
  # paid for, and 500 targets are the limit (variables.tf).
  enable_cross_zone_load_balancing = true
  enable_deletion_protection       = true
}

locals {
  # Every fleet has target groups of its own, so that moving traffic is one weight a listener and the
  # way back another: nothing is attached, nothing detached, nobody waits for registration.
  target_groups = {
    for pair in setproduct(keys(var.fleets), keys(local.listeners)) :
    "${pair[0]}-${pair[1]}" => { fleet = pair[0], listener = pair[1] }
  }

  # How fast a sick node is noticed: three failures in a row at 10 s. The drain of the health check
  # (quarterdeck-healthz.service) is longer than that.
  health_check_interval = 10
  health_check_failures = 3

  # For how long a node that leaves a group may finish what it is doing.
  deregistration_delay = 120
}

resource "aws_lb_target_group" "this" {
  for_each = local.target_groups

  name        = "${var.name}-${each.key}"
  vpc_id      = var.vpc_id
  target_type = "instance"
  protocol    = "TCP"
  port        = local.listeners[each.value.listener]

  # The node's word for all its products, not only for the one behind this port: a node is replaced
  # as a whole, and a TCP check says no more than that somebody listens.
  health_check {
    protocol = "HTTP"
    port     = tostring(local.healthz)
    path     = "/healthz"
    matcher  = "200"
    interval = local.health_check_interval
    # Longer than the aggregator lets a hanging product take.
    timeout             = 6
    healthy_threshold   = 2
    unhealthy_threshold = local.health_check_failures
  }

  deregistration_delay = local.deregistration_delay
  # gRPC clients keep one connection for hours. Without this they stay on a node that has left, until
  # it stops under them.
  connection_termination = true
  # Preserved client addresses make a node's connection to its own load balancer fail when it is sent
  # back to itself.
  preserve_client_ip = false

  target_group_health {
    dns_failover {
      # One sick group takes its zone out of DNS for the whole load balancer, healthy fleets and all,
      # and an idle or empty fleet is a sick group. With cross-zone balancing a zone has no health of
      # its own anyway.
      minimum_healthy_targets_count      = "off"
      minimum_healthy_targets_percentage = "off"
    }
  }

  # Which fleet's group this is, for people; quarterdeck knows by what is attached.
  tags = { STACK = var.fleets[each.value.fleet].stack_id }

  lifecycle {
    # A listener must never name a group that is gone.
    create_before_destroy = true
  }
}

resource "aws_lb_listener" "this" {
  for_each = local.listeners

  load_balancer_arn = aws_lb.this.arn
  port              = each.value
  protocol          = "TCP"

  default_action {
    type = "forward"

    forward {
      # Both fleets are named from the beginning, the idle one at weight 0: only then are its nodes
      # checked, and it can be seen healthy before anything is moved to it.
      dynamic "target_group" {
        for_each = var.fleets

        content {
          arn    = aws_lb_target_group.this["${target_group.key}-${each.key}"].arn
          weight = target_group.value.weight
        }
      }
    }
  }

  lifecycle {
    # Weights are moved by `quarterdeck cutover`. Without this the next `terraform apply`, about
    # whatever, moves the traffic back to the fleet that had it when this was written.
    ignore_changes = [default_action]
  }
}
