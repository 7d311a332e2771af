# Every target does the set-up that it needs, once. `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help demo up down build release docs bench mutants test test-tofu test-unit test-integration test-faults
BIN := node_modules/.bin
INSTALLED := node_modules/.package-lock.json
# The scripts run on Node 20 too; the functions run on Node 22.
export AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED := true

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## Run the whole mission on an embedded LocalStack and check it
	@$(BIN)/tsx scripts/dev/demo.ts

up: $(INSTALLED) ## Start LocalStack with the demo's accounts and leave it running
	@$(BIN)/tsx scripts/dev/up.ts

down: $(INSTALLED) ## Stop what `make up` started
	@$(BIN)/tsx scripts/dev/down.ts

build: $(INSTALLED) ## Build the functions, the template and the operators' tool; the same commit gives the same bytes
	@$(BIN)/tsx scripts/dev/build.ts

release: $(INSTALLED) ## Write what people install into dist, with checksums and bills of materials; the same commit gives the same bytes
	@$(BIN)/tsx scripts/dev/release.ts

docs: $(INSTALLED) ## Write the tables in the READMEs of the Terraform modules, and docs/permissions.md
	@$(BIN)/tsx scripts/dev/docs.ts

bench: $(INSTALLED) ## Compare the functions' cold starts with what is possible, and with PEER_JAR; `npm run bench -- help` lists more
	@$(BIN)/tsx scripts/dev/bench.ts cold-start

mutants: $(INSTALLED) ## Change the functions' core and adapters in small ways, and check that the unit tests notice; MUTANTS=--incremental does only what is new
	@$(BIN)/stryker run lambda/stryker.config.json $(MUTANTS)
	@$(BIN)/tsx scripts/dev/mutants.ts

test: $(INSTALLED) ## Check formatting, lint and types, and run every test
	@$(BIN)/tsx scripts/dev/test.ts

test-tofu: $(INSTALLED) ## Run the tests of the Terraform modules, and of a deployment, on OpenTofu, which is built if need be
	@$(BIN)/tsx scripts/dev/test.ts --opentofu terraform deploy

test-unit: $(INSTALLED) ## Run the unit tests of the functions and of the operators' tool
	@$(BIN)/tsx scripts/dev/test.ts unit

test-integration: $(INSTALLED) ## Run the integration tests on an embedded LocalStack
	@$(BIN)/tsx scripts/dev/test.ts integration

test-faults: $(INSTALLED) ## Run random faults; FAULT_RUNS=n runs more, FAULT_SEED=s one run again, FAULT_TOPIC=off without requests
	@$(BIN)/tsx scripts/dev/test.ts faults

$(INSTALLED): package.json package-lock.json .npmrc
	@sh scripts/dev/check-node.sh
	@echo "Installing npm packages ..."
	@npm ci --loglevel=error --no-progress
	@touch $@
