# The commands of this project. The work is done in scripts/, where the reasons stand as well.
.DEFAULT_GOAL := help
.PHONY: run test test-sockudo bench torture fmt help

run: ## Build and start: SQLite, demo data, embedded provider, http://127.0.0.1:8080
	@scripts/run.sh

test: ## Format, lints, Rust tests on SQLite and PostgreSQL, clients in Node and Python, Chromium
	@scripts/test.sh

test-sockudo: ## The clients again, with Sockudo as external provider (its first build takes minutes)
	@scripts/sockudo.sh test

bench: ## Orders per second beside pgbench, events per second beside the official SDK for Node
	@scripts/bench.sh

torture: ## The tests with many more cases and rounds
	@scripts/torture.sh

fmt: ## Format the code
	@cargo fmt --all

help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22
