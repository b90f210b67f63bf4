//! Stand-ins for far ends, on loopback, shared by tests and examples.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

pub mod aws;
pub mod batch;
pub mod gitlab;
pub mod google;
pub mod openai;
pub mod openapi;
pub mod provider;
pub mod proxy;
pub mod remote;
pub mod repo;
pub mod schema;
