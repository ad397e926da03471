output "load_balancer" {
  description = "What clients use."
  value       = aws_lb.this.dns_name
}

output "members_name" {
  description = "Under which name all living nodes are found inside the VPC."
  value       = local.members_name
}

output "service_id" {
  description = "The registry service, for SERVICE_ID and for `quarterdeck --namespace`."
  value       = aws_service_discovery_service.nodes.id
}

output "namespace_id" {
  description = "The namespace, whose negative answers should be cached for a short time only (README.md)."
  value       = aws_service_discovery_private_dns_namespace.this.id
}
