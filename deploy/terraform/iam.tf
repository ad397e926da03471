# What a node may do.

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

resource "aws_iam_role" "node" {
  name_prefix = "${var.name}-node-"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ec2.amazonaws.com" }
    }]
  })
}

resource "aws_iam_instance_profile" "node" {
  name_prefix = "${var.name}-node-"
  role        = aws_iam_role.node.name
}

# What `quarterdeck policy node` prints, narrowed to the one service.
resource "aws_iam_role_policy" "registration" {
  name = "registration"
  role = aws_iam_role.node.id
  policy = replace(
    file("${path.module}/../iam-node.json"),
    "arn:aws:servicediscovery:*:*:service/*",
    aws_service_discovery_service.nodes.arn,
  )
}

resource "aws_iam_role_policy" "stack" {
  name = "stack"
  role = aws_iam_role.node.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Buckets"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = [for bucket in aws_s3_bucket.data : bucket.arn]
      },
      {
        Sid    = "Objects"
        Effect = "Allow"
        # Deleting and tagging are the compactors'.
        Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:GetObjectTagging", "s3:PutObjectTagging"]
        Resource = [for bucket in aws_s3_bucket.data : "${bucket.arn}/*"]
      },
      {
        Sid      = "Bundles"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = ["arn:${data.aws_partition.this.partition}:s3:::${var.bundle_bucket}/*"]
      },
      {
        Sid      = "Secrets"
        Effect   = "Allow"
        Action   = ["ssm:GetParameter"]
        Resource = ["arn:${data.aws_partition.this.partition}:ssm:${var.region}:${data.aws_caller_identity.this.account_id}:parameter${var.parameter_path}/*"]
      },
    ]
  })
}
