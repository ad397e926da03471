terraform {
  # `optional()` with defaults in variables.tf.
  required_version = ">= 1.3"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # 6: every argument used here was checked against its schema (21.22 of the CDK bindings).
      version = "~> 6.0"
    }
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = { System = var.name }
  }
}
