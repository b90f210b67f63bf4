//! The HTTP client of our own processes: TLS with built-in roots and named certificate authorities, bounded answers,
//! no redirects; and connections through the organisation's proxy.

mod client;
mod endpoint;
mod file;
mod proxy;
mod tls;

pub use client::{Client, Error};
pub use endpoint::{Endpoint, NotAnEndpoint, Scheme};
pub use file::FileBody;
pub use proxy::{Fault, ProxyError};
pub use tls::{TlsError, client_config};
