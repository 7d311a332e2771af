output "copier" {
  description = "Everything that the copier has as outputs."
  value       = module.image_copier
}
