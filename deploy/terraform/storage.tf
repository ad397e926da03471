# Where the data is.

locals {
  # A ring and its buckets go together: whoever shares a bucket must share the ring, because each ring
  # chooses a compactor, and two compactors on one index destroy each other's work.
  ring_of = {
    for colour, fleet in var.fleets : colour => var.ring_per_colour ? fleet.stack_id : var.name
  }

  buckets = {
    for pair in setproduct(["loki", "tempo"], distinct(values(local.ring_of))) :
    "${pair[0]}-${pair[1]}" => { product = pair[0], ring = pair[1] }
  }
}

resource "aws_s3_bucket" "data" {
  for_each = local.buckets

  # A prefix, because names are the whole world's.
  bucket_prefix = "${each.key}-"
}

resource "aws_s3_bucket_public_access_block" "data" {
  for_each = local.buckets

  bucket                  = aws_s3_bucket.data[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_lifecycle_configuration" "data" {
  for_each = local.buckets

  bucket = aws_s3_bucket.data[each.key].id

  # Objects are removed by the products, which know what their indexes still name; a rule about age
  # would take blocks from under them. Only what a killed upload left behind is nobody's.
  rule {
    id     = "unfinished-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 2
    }
  }
}
