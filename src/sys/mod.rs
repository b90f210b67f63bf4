//! The kernel, one call a function. The only module with `unsafe`; everything above uses these functions or `nix`.

pub mod descriptor;
pub mod landlock;
pub mod namespace;
pub mod notify;
pub mod process;
pub mod socket;
pub mod wait;
