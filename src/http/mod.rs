//! The HTTP client of our own processes: TLS with built-in roots and named certificate authorities, bounded answers,
//! no redirects.

mod client;
mod endpoint;
mod tls;

pub use client::{Client, Error};
pub use endpoint::{Endpoint, NotAnEndpoint, Scheme};
pub use tls::{TlsError, client_config};
