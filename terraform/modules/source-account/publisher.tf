# Publishes images by a tag that any bake can set. It is off by default.

locals {
  publish_function = "${local.prefix}-publish"
  targets_path     = "/image-copier-targets/${var.name}"

  # Accounts that have the same labels and Regions stand together, and all whose ids end in the same two digits in one parameter: so an
  # account never moves from one to another, and a change is never seen in part. lambda/src/adapters/ssm-targets.ts reads them.
  targets_by_digits = { for target in var.publisher_targets : substr(target.id, 10, 2) => target... }
  target_groups = {
    for digits, targets in local.targets_by_digits : digits => {
      for target in targets : jsonencode({ labels = target.labels, regions = sort(target.regions) }) => target.id...
    }
  }
  targets_parameters = {
    for digits, groups in local.target_groups : "${local.targets_path}/${digits}" => jsonencode([
      for group, ids in groups : merge(jsondecode(group), { ids = sort(ids) })
    ])
  }
}

module "publisher" {
  source = "./modules/publisher"
  count  = var.publisher == null ? 0 : 1

  name               = local.publish_function
  account_id         = local.account_id
  alarm_actions      = var.alarm_actions
  architecture       = var.architecture
  log_retention_days = var.log_retention_days
  organization       = var.publisher.organization
  recipe_tag         = var.publisher.recipe_tag
  targets_parameters = local.targets_parameters
  targets_path       = local.targets_path
  topic_name         = var.name
  unshare            = var.publisher.unshare
  zip                = local.function_zip

  code_signing_config_arn  = var.code_signing_config_arn
  log_kms_key_arn          = var.log_kms_key_arn
  permissions_boundary_arn = var.permissions_boundary_arn
  role_path                = var.role_path
  runtime                  = var.runtime
  tags                     = var.tags
  vpc                      = var.vpc
}
