# The registry: one private name under which all living nodes are found.

resource "aws_service_discovery_private_dns_namespace" "this" {
  name        = "${var.name}.internal"
  description = "Nodes of ${var.name}, and the locks of quarterdeck's runs"
  vpc         = var.vpc_id
}

# No instances stand in this configuration, and none must: nodes register themselves, and quarterdeck
# repairs. quarterdeck's locks are services in this namespace too; Terraform does not know them and
# leaves them alone.
resource "aws_service_discovery_service" "nodes" {
  name        = "nodes"
  description = "Every node of every fleet; STACK says which fleet"

  dns_config {
    namespace_id = aws_service_discovery_private_dns_namespace.this.id
    # Up to eight members an answer, chosen anew for each resolver. WEIGHTED would answer with one.
    routing_policy = "MULTIVALUE"

    dns_records {
      type = "A"
      # How long a node that left is still found. Gossip asks once a minute, so shorter gains nothing.
      ttl = 15
    }
  }

  # No health_check_custom_config: somebody would have to report health for each member, and a member
  # reported unhealthy vanishes from DNS although its node may live. `register --leave` and the
  # removal of entries that are proven gone keep the list right instead.

  # Members outlive Terraform's view of them; without this a destroy stops half-way.
  force_destroy = true
}

locals {
  # What loki.yaml and tempo.yaml join.
  members_name = "${aws_service_discovery_service.nodes.name}.${aws_service_discovery_private_dns_namespace.this.name}"
}
