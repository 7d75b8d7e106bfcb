# The commands of this project. The scripts in scripts/ implement them.
.DEFAULT_GOAL := help
.PHONY: run test test-sockudo test-pgbouncer test-ha test-upgrade bench torture torture-faults \
	mutants newcomer package test-package fmt help

run: ## Build and start at http://127.0.0.1:8080 with SQLite, demo data, embedded provider
	@scripts/run.sh

test: ## Run all checks: format, lints, Rust, dashboard, Node and Python clients, Chromium
	@scripts/test.sh

test-sockudo: ## Run the Node and Python clients with Sockudo as provider (builds Sockudo once)
	@scripts/sockudo.sh test

test-pgbouncer: ## Run the tests with PgBouncer between matchcast and PostgreSQL
	@scripts/pgbouncer.sh

test-ha: ## Run matchcast on a PostgreSQL cluster that fails over (Patroni), with each fault
	@scripts/ha.sh

test-upgrade: ## Replace an older version (FROM=revision) under load, and go back to it
	@scripts/upgrade.sh $(FROM)

bench: ## Measure everything in docs/BENCHMARKS.md, and write that page
	@scripts/bench.sh

torture: ## Run the Rust tests on both databases with many more cases and rounds
	@scripts/torture.sh

torture-faults: ## Run the faults of the environment against the release binary, with figures
	@scripts/torture.sh faults

mutants: ## Change the code in many places and check that a test fails each time
	@scripts/mutants.sh

package: ## Build the Debian package with the service of systemd
	@scripts/package.sh

test-package: ## Install the Debian package in a bare Debian, start it, and remove it (root)
	@scripts/package.sh test

newcomer: ## Measure the way from a bare Debian to the first trade, with README's commands (root)
	@scripts/newcomer.sh

fmt: ## Format the Rust code
	@cargo fmt --all

help: ## List these commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22
