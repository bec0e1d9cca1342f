# The two commands of the README, and what they are made of.
.PHONY: demo test build bench lint crash

# An invented county lives a day in about a minute, over real JT/T 808 connections.
demo: build
	target/release/roadwarden demo

build:
	cargo build --release --locked

# Every test; brings up a throwaway PostgreSQL cluster for the database suite, and DuckDB for the track archive.
test:
	scripts/postgres-for-tests scripts/duckdb-for-tests cargo test --locked --all-targets
	scripts/postgres-for-tests cargo test --locked --doc

# Figures of benches/README.md.
bench:
	scripts/postgres-for-tests cargo bench --locked

lint:
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items
