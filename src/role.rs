//! The processes that this program consists of. Each is the program again under its own name (`argv[0]`); stem and enter are
//! copies of the keeper under theirs.

/// What a process of ours is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The only way out.
    Gateway,
    /// Answers the agent's `socket` calls.
    Broker,
    /// Writes the job's log.
    Scribe,
    /// Parent of the stem; empties the room if the stem dies.
    Keeper,
    /// Parent of the agent; empties the room. A copy of the keeper.
    Stem,
    /// Puts up the walls and becomes the agent. A copy of the stem.
    Enter,
    /// Makes the workspace.
    Workspace,
    /// Inspects the change.
    Gate,
    /// Inspects what there is of it while the agent works, where the agent asks.
    Advice,
    /// Reads the thread from GitLab.
    Context,
    /// Pushes and answers.
    Publish,
    /// Becomes the job's script.
    Script,
    /// A job's supervisor that was asked for from the script.
    Job,
}

const ALL: [(Role, &str); 13] = [
    (Role::Gateway, "tidewaiter-gateway"),
    (Role::Broker, "tidewaiter-broker"),
    (Role::Scribe, "tidewaiter-scribe"),
    (Role::Keeper, "tidewaiter-keeper"),
    (Role::Stem, "tidewaiter-stem"),
    (Role::Enter, "tidewaiter-enter"),
    (Role::Workspace, "tidewaiter-workspace"),
    (Role::Gate, "tidewaiter-gate"),
    (Role::Advice, "tidewaiter-advice"),
    (Role::Context, "tidewaiter-context"),
    (Role::Publish, "tidewaiter-publish"),
    (Role::Script, "tidewaiter-script"),
    (Role::Job, "tidewaiter-job"),
];

impl Role {
    /// The `argv[0]` of such a process.
    pub fn name(self) -> &'static str {
        ALL.iter().find(|(role, _)| *role == self).map_or("tidewaiter", |(_, name)| name)
    }

    /// The role of a process that was started under `name`; none for the command line.
    pub fn named(name: &str) -> Option<Self> {
        ALL.iter().find(|(_, known)| *known == name).map(|(role, _)| *role)
    }
}
