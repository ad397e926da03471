# Who may talk to whom.

locals {
  # What the load balancer offers, by name: the port on it and on the nodes.
  listeners = {
    grafana = 3000
    loki    = 3100
    tempo   = 3200
    # Traces are sent by gRPC, which is the reason for a network load balancer: HTTP/2 without TLS
    # does not pass through an application load balancer.
    otlp = 4317
  }

  # The health check's port, which is not offered to clients.
  healthz = 8080

  # What nodes say to each other. 7946 and 7947 are Loki's and Tempo's gossip, 9095 and 9096 their
  # gRPC. The others are how `quarterdeck register` sees that a peer lives: it removes an entry only
  # when nothing answers there, and a closed firewall would look like that.
  peers = {
    loki-gossip  = 7946
    tempo-gossip = 7947
    loki-grpc    = 9095
    tempo-grpc   = 9096
    grafana      = 3000
    loki         = 3100
    tempo        = 3200
    healthz      = 8080
  }
}

# Load balancers of this kind can have a security group since August 2023, but only if they were made
# with one: it cannot be added later. Without it, nodes must admit the whole VPC.
resource "aws_security_group" "load_balancer" {
  name_prefix = "${var.name}-nlb-"
  description = "Clients of ${var.name}"
  vpc_id      = var.vpc_id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = {
    for pair in setproduct(keys(local.listeners), var.client_cidrs) :
    "${pair[0]} from ${pair[1]}" => { port = local.listeners[pair[0]], cidr = pair[1] }
  }

  security_group_id = aws_security_group.load_balancer.id
  description       = each.key
  cidr_ipv4         = each.value.cidr
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
}

resource "aws_vpc_security_group_egress_rule" "load_balancer" {
  # Health checks leave through here as well.
  for_each = merge(local.listeners, { healthz = local.healthz })

  security_group_id            = aws_security_group.load_balancer.id
  description                  = "${each.key} on the nodes"
  referenced_security_group_id = aws_security_group.node.id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
}

resource "aws_security_group" "node" {
  name_prefix = "${var.name}-node-"
  description = "Nodes of ${var.name}"
  vpc_id      = var.vpc_id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "from_load_balancer" {
  for_each = merge(local.listeners, { healthz = local.healthz })

  security_group_id            = aws_security_group.node.id
  description                  = "${each.key} from the load balancer"
  referenced_security_group_id = aws_security_group.load_balancer.id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
}

resource "aws_vpc_security_group_ingress_rule" "from_peers" {
  for_each = local.peers

  security_group_id            = aws_security_group.node.id
  description                  = "${each.key} from other nodes"
  referenced_security_group_id = aws_security_group.node.id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
}

resource "aws_vpc_security_group_ingress_rule" "from_operators" {
  for_each = {
    for pair in setproduct(["grafana", "loki", "tempo", "healthz"], var.operator_security_group_ids) :
    "${pair[0]} from ${pair[1]}" => { port = local.peers[pair[0]], group = pair[1] }
  }

  security_group_id            = aws_security_group.node.id
  description                  = "probes: ${each.key}"
  referenced_security_group_id = each.value.group
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
}

# S3, the parameter store, the AWS APIs, the image registry, the database.
resource "aws_vpc_security_group_egress_rule" "node" {
  security_group_id = aws_security_group.node.id
  description       = "Everywhere"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}
