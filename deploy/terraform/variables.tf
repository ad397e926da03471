variable "name" {
  description = "What everything is called, and the word that keeps this system's rings apart from those of another environment."
  type        = string
  default     = "glt"

  validation {
    # The longest name made of it is a target group's, which may have 32 characters.
    condition     = can(regex("^[a-z][a-z0-9-]{0,11}$", var.name))
    error_message = "A name has at most 12 lower-case letters, digits and hyphens."
  }
}

variable "region" {
  description = "Where."
  type        = string
}

variable "vpc_id" {
  description = "The VPC. Its DNS support and DNS hostnames must be on: the registry is a private zone."
  type        = string
}

variable "subnet_ids" {
  description = "One private subnet a zone. Three zones: with three copies of everything, one zone may go."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "At least two zones, or the loss of one is the loss of everything."
  }
}

variable "client_cidrs" {
  description = "Who may use the products through the load balancer. Not the whole VPC by default."
  type        = list(string)
}

variable "operator_security_group_ids" {
  description = "Where quarterdeck's console runs: it asks each node directly."
  type        = list(string)
  default     = []
}

variable "fleets" {
  description = <<-END
    The two fleets. Change only the idle one: a new image, bundle or size goes there, and traffic is
    moved to it by `quarterdeck cutover`. `weight` and `desired` count at creation only; afterwards
    they are moved by quarterdeck and by scaling.
  END
  type = map(object({
    stack_id      = string
    image_id      = string
    bundle        = string
    bundle_sha256 = string
    instance_type = optional(string, "m7i.xlarge")
    min           = optional(number, 3)
    desired       = optional(number, 3)
    max           = optional(number, 6)
    weight        = number
  }))

  validation {
    condition     = length(distinct([for fleet in var.fleets : fleet.stack_id])) == length(var.fleets)
    error_message = "Each fleet has a stack id of its own: it is how everything tells them apart."
  }

  validation {
    condition     = alltrue([for fleet in var.fleets : fleet.min <= fleet.desired && fleet.desired <= fleet.max])
    error_message = "For each fleet: min <= desired <= max. A fleet that is not wanted yet has 0 for min and desired."
  }

  validation {
    # A load balancer with cross-zone balancing takes 500 targets, and a node counts once for each
    # of its ports (local.listeners: four).
    condition     = sum([for fleet in var.fleets : fleet.max]) * 4 <= 500
    error_message = "All fleets together may have 125 nodes: a load balancer takes 500 targets, and each node is four."
  }

  validation {
    condition     = alltrue([for fleet in var.fleets : fleet.weight >= 0 && fleet.weight <= 999]) && sum([for fleet in var.fleets : fleet.weight]) > 0
    error_message = "Weights are 0 to 999, and some fleet has more than 0."
  }
}

variable "ring_per_colour" {
  description = <<-END
    Whether each fleet has rings, and therefore buckets, of its own. By default both colours are one
    ring on one bucket: queries see everything at any time, and one node compacts. Apart, a new
    version can be tried without touching the old one's data, but it then sees only what it received
    itself, and history does not move with the traffic (README.md, "One ring or two").
  END
  type        = bool
  default     = false
}

variable "metadata_hop_limit" {
  description = <<-END
    How far an answer of the instance metadata may travel. The containers here use the host's network
    and would do with 1. With 1, a program in a container on a bridge is not refused but hangs, so an
    innocent sidecar turns into a riddle; 2 lets it answer. Where no container may have the node's
    role, set 1 and keep every container that needs it on the host's network.
  END
  type        = number
  default     = 2
}

variable "grafana" {
  description = "Grafana's shared database, its address for browsers, and the tenant its data sources show."
  type = object({
    database_host = string
    database_name = optional(string, "grafana")
    database_user = optional(string, "grafana")
    root_url      = string
    tenant        = string
  })
}

variable "parameter_path" {
  description = "Where in the parameter store grafana-db-password and grafana-secret-key are, as SecureStrings."
  type        = string
  default     = "/glt"
}

variable "bundle_bucket" {
  description = "The bucket with the bundles that `fleets` names (s3://BUCKET/…)."
  type        = string
}
