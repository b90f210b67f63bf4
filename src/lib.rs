//! Tidewaiter: locks a coding agent into a GitLab CI job and inspects its change before anything leaves.
//!
//! This file is the map. Groups are divided by blank lines; a module uses only groups above its own, never a
//! neighbour. `tests/tidy.rs` keeps it so.

// words
pub mod address;
pub mod digest;
pub mod glyph;
pub mod moment;

// words that use one
pub mod exit;
pub mod host;
pub mod role;
pub mod secret;
pub mod verdict;

// words that use these
pub mod advice;
pub mod upstream;

// the only unsafe code
pub mod sys;

// ground
pub mod git;
pub mod http;
pub mod journal;

// what is allowed
pub mod policy;

// far ends
pub mod agent;
pub mod gitlab;
pub mod provider;

// walls, ways out, inspection
pub mod cgroup;
pub mod environment;
pub mod fence;
pub mod gate;
pub mod gateway;
pub mod landlock;
pub mod limits;
pub mod report;
pub mod seccomp;

// together
pub mod custody;
pub mod jail;
pub mod promise;
pub mod scribe;
pub mod workspace;

// the event loop that holds a locked-in agent
pub mod supervisor;

// stories
pub mod check;
pub mod doctor;
pub mod init;
pub mod inside;
pub mod job;
pub mod run;
pub mod shim;

// surface
pub mod terminal;

// the command line
pub mod cli;
