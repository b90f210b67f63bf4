//! Variables of a job that hold credentials, by name. No policy hands one of them to the agent.

/// GitLab's token, the providers' keys, and the tokens that are exchanged for one: what Tidewaiter itself uses.
pub const KEPT: &[&str] = &[
    "GITLAB_ACCESS_TOKEN",
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "AWS_ACCESS_KEY_ID",
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "OPENAI_API_KEY",
    "GITLAB_OIDC_TOKEN",
];

/// What GitLab itself sets that is or holds the job's token, or a deploy token (docs.gitlab.com/ci/variables/predefined_variables).
pub const OF_GITLAB: &[&str] = &[
    "CI_JOB_TOKEN",
    "CI_BUILD_TOKEN",
    "CI_REPOSITORY_URL",
    "CI_REGISTRY_PASSWORD",
    "CI_DEPENDENCY_PROXY_PASSWORD",
    "CI_DEPLOY_PASSWORD",
    "CI_JOB_JWT",
    "CI_JOB_JWT_V1",
    "CI_JOB_JWT_V2",
];

/// What a script finds in the place of a kept credential.
pub const PLACEHOLDER: &str = "held-by-tidewaiter";

/// Begins the names under which we ourselves keep what stood in a file with a credential.
pub const HELD: &str = "TIDEWAITER_HELD_";

/// Whether a variable of this name holds a credential of the job's.
pub fn is_credential(name: &str) -> bool {
    KEPT.contains(&name) || OF_GITLAB.contains(&name) || name.starts_with(HELD)
}
