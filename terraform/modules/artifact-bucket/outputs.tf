output "bucket" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.artifacts.id
}

output "function_key" {
  description = "Key of the zip to run, in the bucket. It changes with the content of the zip."
  value       = aws_s3_object.function[local.function_keys[0]].key
}
