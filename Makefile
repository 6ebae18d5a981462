# A menu of one-line targets; `make` alone prints it.
export PATH := $(PATH):$(HOME)/.cargo/bin
NUMALAB := cargo run --release --package numalab --
.DEFAULT_GOAL := help
.PHONY: help run paper article claims tables topo doctor test check bench bench-tasks bench-stats coverage validate mutants loom shuttle breakages planted torture fuzz lab lab-test lab-article new-workload clean setup setup-lab

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

run: setup ## the main job, sized to this host: numa-binding within 60 s
	@$(NUMALAB) run experiments/numa-binding.toml --seconds 0.2 --pauses-every 4ms --budget 60s

paper: setup ## the full grid for multi-socket hosts, about 15 minutes; ARGS="--procs paper,36" adds to it
	@$(NUMALAB) run experiments/numa-binding.toml --oversubscribe all $(ARGS)

article: export BUDGET ?= 10m
article: setup ## every experiment of the article within BUDGET=10m, then one table of all verdicts; goes on where it was interrupted
	@scripts/article

claims: setup ## the article's 23 statements, computed again from its own tables; no machine is asked
	@$(NUMALAB) claims --audit experiments/published/audit.toml

tables: setup ## the printed table beside what was measured here
	@$(NUMALAB) tables

topo: setup ## this machine: packages, nodes, PUs, distances, memory
	@$(NUMALAB) topo

doctor: setup ## what this host allows, and what will disturb a measurement
	@$(NUMALAB) doctor

test: ## installs what the tests need and runs all of them
	@scripts/setup test
	@scripts/setup lab
	NUMALAB_REQUIRE=latex,numactl,lstopo,strace,new-workload,lab cargo test --workspace --no-fail-fast
	$(MAKE) --no-print-directory loom

check: setup ## fmt, breakages that still apply, clippy with warnings denied, docs, the minimum Rust version
	cargo fmt --all --check
	for patch in tests/breakages/*.patch; do git apply --check "$$patch" || exit 1; done
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet
	scripts/msrv

bench: setup ## cost of measuring, paired ratios against their targets
	scripts/bench

bench-tasks: setup ## what a task costs on our scheduler, paired with Go, tokio, smol, rayon and may, 8 to 12 minutes
	scripts/bench-tasks

bench-stats: setup ## bootstrap refits of a USL, paired with scipy (needs python3 with scipy)
	@cargo run --release --quiet --package stats --example refits

coverage: setup ## how often intervals, stopping rules and contrasts hold what they promise, and truths told to the model come back, by simulation (minutes)
	@cargo run --release --quiet --package stats --example coverage; first=$$?; \
	cargo run --release --quiet --package numalab --example recovery && exit $$first

validate: setup ## our fits, tests and quantiles beside certified values, in digits
	@cargo run --release --quiet --package stats --example validate

mutants: setup ## mutation tests of plan, stats and report (needs cargo-mutants)
	scripts/mutants

loom: setup ## every interleaving of the world and of the scheduler's pieces within bounds (a target folder of its own)
	RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom cargo test -p gmp --release --lib --test loom

shuttle: setup ## whole programs on the scheduler, in 146,000 orders of its threads, a minute or two after the build (NUMALAB_SHUTTLE_MORE=N times as many)
	RUSTFLAGS="--cfg shuttle" CARGO_TARGET_DIR=target/shuttle cargo test -p gmp --release --test shuttle

breakages: setup ## shows that each patch in tests/breakages turns a test red
	scripts/breakages

planted: setup ## a slowdown of 5 % is planted in serve and must be found by run --against, about 4 minutes on a quiet host after the builds
	scripts/planted

torture: setup-lab ## every call fails once, full disks, 200 kills, 40 power cuts in the lab; prints what was survived
	@scripts/setup test
	NUMALAB_REQUIRE=strace,mount,torture cargo test --package numalab --test torture
	scripts/lab powercut --times 40

fuzz: export NUMALAB_FUZZ_CASES ?= 1000000
fuzz: setup ## a million mutated texts a parser: no panic, no hang, no more than 1 GiB (NUMALAB_FUZZ_CASES=N, hours on 2 cores)
	cargo test --profile fuzz --package numalab --test fuzz

lab: export CMD ?=
lab: setup-lab ## NAME=2x32 CMD='numactl -H' runs a command in an emulated machine; scripts/lab list has them
	@scripts/lab run "$(NAME)" -- "$$CMD"

lab-test: setup-lab ## the machines against their table, a witness from outside, proof of placement and hostile hosts in them
	scripts/lab test
	NUMALAB_REQUIRE=lab,lab-all cargo test --no-fail-fast --package numalab --test lab --test hostile
	scripts/lab witness

lab-article: setup-lab ## the article's sweep in the emulated 2x32, and its figure of local hit ratio; cut after 15 minutes
	@scripts/lab article

new-workload: ## NAME=x writes the skeleton of a workload
	@scripts/new-workload "$(NAME)"

clean: ## removes what was built
	cargo clean

setup:
	@scripts/setup

setup-lab:
	@scripts/setup lab
