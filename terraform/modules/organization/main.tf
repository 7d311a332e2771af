data "aws_partition" "current" {
  provider = aws.artifacts
}

# Its Region is the provider's. aws_region says the same only by attributes that 5.100 lacks or 6.47 deprecates.
data "aws_service" "s3" {
  provider = aws.artifacts

  service_id = "s3"
}

locals {
  template_file = coalesce(var.template_file, "${path.module}/../../template/dist/image-copier.template.json")
  file          = fileexists(local.template_file) ? file(local.template_file) : "{}"

  # Terraform copies a module that is in none of the configuration's own folders, for example by an absolute path or from Git.
  is_copy         = strcontains(path.module, ".terraform/modules/")
  template_remedy = var.template_file == null && local.is_copy ? "Terraform copied this module to ${path.module}, without what `make build` makes: take the module from the file image-copier-modules-<version>.zip of a release, or set template_file to the path of the template, of a release or of `make build`." : "Run `make build`, or set template_file to the file image-copier-<version>.template.json of a release."

  declared = try(jsondecode(local.file).Parameters, {})

  # No parameter can hold statements, so they are put into the template, with the account and Region of each stack.
  statement_texts = toset(flatten([for statement in var.key_policy_statements : [values(statement.principals), [for test in values(statement.conditions) : values(test)]]]))
  # As Fn::Sub wants a policy variable, which is its own variable otherwise.
  variable_start = format("%s{", "$")
  substituted = {
    for text in local.statement_texts : text => {
      "Fn::Sub" = replace(replace(replace(text, local.variable_start, "${local.variable_start}!"), "{account}", "$${AWS::AccountId}"), "{region}", "$${AWS::Region}")
    }
  }
  statements = [
    for statement in var.key_policy_statements : {
      Sid       = statement.sid
      Effect    = statement.effect
      Action    = statement.actions
      Resource  = "*"
      Principal = { for kind, names in statement.principals : kind => [for name in names : local.substituted[name]] }
      Condition = { for test, wanted in statement.conditions : test => { for key, texts in wanted : key => [for text in texts : local.substituted[text]] } }
    }
  ]
  key      = try(jsondecode(local.file).Resources.ImageKey, { Properties = { KeyPolicy = { Statement = [] } } })
  policy   = merge(local.key.Properties.KeyPolicy, { Statement = concat(local.key.Properties.KeyPolicy.Statement, local.statements) })
  with_key = merge(local.key, { Properties = merge(local.key.Properties, { KeyPolicy = local.policy }) })

  # Nor can one be the name of a tag in a policy. As the module image-copier has it (retire.tf).
  retire_tagged = { for key, value in var.retire_tagged : "aws:ResourceTag/${key}" => value }
  tagged_statements = [
    {
      Sid      = "RemoveTaggedImages"
      Effect   = "Allow"
      Action   = "ec2:DeregisterImage"
      Resource = { "Fn::Sub" = "arn:$${AWS::Partition}:ec2:$${AWS::Region}::image/*" }
      Condition = {
        StringEquals = local.retire_tagged
        StringLike   = { "aws:ResourceTag/ImageCopierEnd" = { "Fn::Sub" = "$${Name} retired=*" } }
      }
    },
    {
      Sid       = "RemoveTaggedSnapshots"
      Effect    = "Allow"
      Action    = "ec2:DeleteSnapshot"
      Resource  = { "Fn::Sub" = "arn:$${AWS::Partition}:ec2:$${AWS::Region}::snapshot/*" }
      Condition = { StringEquals = local.retire_tagged }
    },
  ]
  role             = try(jsondecode(local.file).Resources.RetireImageRole, { Properties = { Policies = [{ PolicyDocument = { Statement = [] } }] } })
  role_policy      = local.role.Properties.Policies[0]
  role_document    = merge(local.role_policy.PolicyDocument, { Statement = concat(local.role_policy.PolicyDocument.Statement, local.tagged_statements) })
  role_with_tags   = merge(local.role, { Properties = merge(local.role.Properties, { Policies = [merge(local.role_policy, { PolicyDocument = local.role_document })] }) })
  retire           = try(jsondecode(local.file).Resources.RetireImage, { Properties = { Environment = { Variables = {} } } })
  retire_variables = merge(local.retire.Properties.Environment.Variables, { RETIRE_TAGGED = jsonencode(var.retire_tagged) })
  retire_with_tags = merge(local.retire, { Properties = merge(local.retire.Properties, { Environment = { Variables = local.retire_variables } }) })

  changed = {
    for name, resource in { ImageKey = local.with_key, RetireImage = local.retire_with_tags, RetireImageRole = local.role_with_tags } :
    name => resource if(name == "ImageKey" ? length(local.statements) : length(var.retire_tagged)) > 0
  }
  template = length(local.changed) == 0 ? local.file : jsonencode(merge(jsondecode(local.file), { Resources = merge(try(jsondecode(local.file).Resources, {}), local.changed) }))

  # Another template has another key, so the stack set changes when its template does, and only then.
  bucket       = "${var.function_bucket_prefix}-${data.aws_service.s3.region}"
  template_key = "image-copier/${sha256(local.template)}.template.json"
  template_url = "https://${local.bucket}.s3.${data.aws_service.s3.region}.${data.aws_partition.current.dns_suffix}/${local.template_key}"

  # CloudFormation answers with each parameter of the template. What is not set here would be a change in each plan.
  defaults = { for name, parameter in local.declared : name => tostring(parameter.Default) if can(parameter.Default) }
  parameters = merge(local.defaults, var.parameters, {
    FunctionBucketPrefix = var.function_bucket_prefix
    FunctionKey          = var.function_key
    HousekeepingTopicArn = var.housekeeping_topic_arn == null ? "" : var.housekeeping_topic_arn
    RequestTopicArn      = var.request_topic_arn
    ResultsTopicArn      = coalesce(var.results_topic_arn, "${var.request_topic_arn}-results")
  })
}

# In a call, CloudFormation takes 51,200 bytes, in a bucket 1 MB (CloudFormation API Reference, CreateStackSet).
resource "aws_s3_object" "template" {
  provider = aws.artifacts

  bucket       = local.bucket
  key          = local.template_key
  content      = local.template
  content_type = "application/json"

  lifecycle {
    # The former template goes last, when the stack set has the new one.
    create_before_destroy = true

    precondition {
      condition     = fileexists(local.template_file)
      error_message = "template_file: there is no file ${local.template_file}. ${local.template_remedy}"
    }
  }
}

resource "aws_cloudformation_stack_set" "copier" {
  name             = var.name
  description      = "Image Copier: encrypted copies of shared EC2 machine images"
  permission_model = "SERVICE_MANAGED"
  call_as          = var.call_as
  capabilities     = ["CAPABILITY_NAMED_IAM"]
  template_url     = local.template_url
  parameters       = local.parameters
  tags             = var.tags

  auto_deployment {
    enabled = true
    # Else an account that leaves its unit loses its key, and with it each image and volume under it.
    retain_stacks_on_account_removal = true
  }

  # Operations that do not touch the same stacks run at the same time, so a new account does not wait for an update.
  managed_execution {
    active = true
  }

  operation_preferences {
    failure_tolerance_percentage = var.failure_tolerance_percentage
    max_concurrent_percentage    = var.max_concurrent_percentage
    region_concurrency_type      = "PARALLEL"
  }

  timeouts {
    update = "6h" # hundreds of accounts
  }

  lifecycle {
    # AWS sets it for service-managed stack sets (Terraform Registry, aws_cloudformation_stack_set).
    ignore_changes = [administration_role_arn, execution_role_name]

    precondition {
      condition     = length(setsubtract(keys(var.parameters), keys(local.declared))) == 0
      error_message = "parameters: the template has no ${join(", ", setsubtract(keys(var.parameters), keys(local.declared)))}. It has ${join(", ", keys(local.declared))}."
    }
  }

  # Its key is in the URL, which is known before the object is there.
  depends_on = [aws_s3_object.template]
}

# One resource for all units and Regions: it owns every stack of the set (Terraform Registry, aws_cloudformation_stack_instances).
resource "aws_cloudformation_stack_instances" "copier" {
  stack_set_name = aws_cloudformation_stack_set.copier.name
  call_as        = var.call_as
  regions        = var.regions

  deployment_targets {
    organizational_unit_ids = var.organizational_unit_ids
  }

  # When a unit or a Region leaves the list, its stacks stay, no longer managed: see the README on how to remove them on purpose.
  retain_stacks = var.retain_stacks

  operation_preferences {
    # Else the first accounts that fail slow all others down (CloudFormation API Reference, StackSetOperationPreferences).
    concurrency_mode             = "SOFT_FAILURE_TOLERANCE"
    failure_tolerance_percentage = var.failure_tolerance_percentage
    max_concurrent_percentage    = var.max_concurrent_percentage
    region_concurrency_type      = "PARALLEL"
  }

  timeouts {
    create = "6h"
    update = "6h"
    delete = "6h"
  }
}
