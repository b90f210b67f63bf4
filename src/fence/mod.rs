//! The fence: what keeps the agent's sockets on loopback. It must hold where nothing is permitted to an unprivileged
//! container, and it must not be possible to race it.

pub mod broker;
pub mod ports;
pub mod unix;
