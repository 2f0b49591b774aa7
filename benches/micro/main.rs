//! What the parts of a decision cost by themselves: `scripts/bench-micro`.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a benchmark"
)]

mod alternatives;
mod catalogs;
mod decide;
mod parts;
mod synthetic;
mod waiting;

fn main() {
    divan::main();
}
