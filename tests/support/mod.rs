//! What several tests need. Each test program uses a part of it.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used, reason = "each test program uses a part of it")]

pub mod repo;
