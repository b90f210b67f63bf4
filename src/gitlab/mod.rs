//! GitLab: a typed client of the few calls that a job needs, the job's facts and its thread, the prompt that is made of
//! them, and the texts that are published.
//!
//! What comes from GitLab is the word of whoever may write there: `thread` and `prompt` treat it as data. What goes to
//! GitLab may hold the agent's words: `text` and `markdown` take every meaning out of them that GitLab would act on.

mod answer;
mod calls;
mod client;
pub mod context;
mod error;
mod flow;
mod lfs;
pub mod markdown;
pub mod merge_request;
mod page;
mod prompt;
pub mod reads;
mod retry;
pub mod text;
mod thread;

pub use answer::{Author, Branch, Discussion, Issue, Job, Member, MergeRequest, Note, Position, Project, ProtectedBranch, User, role};
pub use calls::{MergeRequestChange, NewMergeRequest, Noteable, State};
pub use client::{Client, Credential};
pub use context::{JobFacts, Subject};
pub use error::Error;
pub use lfs::Lfs;
pub use page::Listing;
pub use prompt::{Boundary, prompt};
pub use retry::Patience;
pub use thread::{Remark, Thread, collect};
