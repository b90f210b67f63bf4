//! Temporary.
#![allow(missing_docs)]
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
pub type Credentials = BTreeMap<crate::policy::Provider, crate::secret::Secret>;
#[derive(Serialize, Deserialize)]
pub struct Spec {
    pub policy: Vec<crate::policy::Source>,
    pub ticket: crate::secret::Secret,
    pub credentials: Credentials,
    pub uid: Option<u32>,
}
#[derive(Debug)]
pub struct Gateway {}
impl Gateway {
    pub fn prepare(_: Spec) -> std::io::Result<Self> {
        Ok(Gateway {})
    }
    pub fn serve(self, _l: std::net::TcpListener, mut r: impl std::io::Write, life: std::os::fd::OwnedFd) -> std::io::Result<()> {
        use std::io::Read;
        r.write_all(b"\n")?;
        let mut b = [0; 1];
        std::fs::File::from(life).read(&mut b)?;
        Ok(())
    }
}
