//! A GitLab, a provider, and jobs as GitLab Runner runs them.

use std::{
    fs,
    process::{Child, Command, Output},
};

use serde_json::json;

use crate::{
    engine::{ENTRYPOINT, Engine, Make},
    script::{DETECT, Quoting, generated},
    support::{
        gitlab::{GitLab, PATH, PROJECT, Role},
        provider::{Provider, Turn},
    },
};

pub(crate) const KEY: &str = "made-up-provider-key-0001";

pub(crate) struct Scene<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) gitlab: GitLab,
    pub(crate) provider: Provider,
    pub(crate) variables: Vec<(String, String)>,
}

/// Asks the provider once, with the ticket, and leaves what it sees of descriptors and variables in the change.
pub(crate) const AGENT: &str = r#"cat > asked.txt
ls -l /proc/$$/fd | sed 's/.* \([0-9]* ->\)/\1/' > descriptors.txt
env > variables.txt; sed -i '/127.0.0.1:/d;/ANTHROPIC_AUTH_TOKEN/d' variables.txt
curl -sS "$ANTHROPIC_BASE_URL/v1/messages" -H "authorization: Bearer $ANTHROPIC_AUTH_TOKEN" -H 'anthropic-version: 2023-06-01' -H 'content-type: application/json' -d '{"model":"claude-opus-4-8","max_tokens":10,"stream":true,"messages":[{"role":"user","content":"hi"}]}' > answer.txt
"#;

impl<'a> Scene<'a> {
    /// The image's policy has `agent`, a shell's script, and `limits`.
    pub(crate) fn new(engine: &'a Engine, agent: &str, limits: &str) -> Self {
        let (gitlab, provider) = (GitLab::start(), Provider::start(vec![Turn::text("hello")]));
        gitlab.commit("main", &[("ferry.py", "def depart():\n    pass\n")]);
        let policy = format!(
            "version = 1\n[agent]\nkind = \"command\"\nmodels = [\"claude-opus-*\"]\ncommand = [\"sh\", \"-c\", {}]\n[[network.route]]\nprovider = \"anthropic\"\nbase_url = \"{}\"\n[limits]\n{limits}\n",
            json!(agent),
            provider.base_url(),
        );
        fs::write(engine.root("etc/tidewaiter/policy.toml"), policy).unwrap();
        let mut scene = Self { engine, gitlab, provider, variables: vec![] };
        scene.variables = scene.job();
        let checkout = engine.builds().join("ferry");
        let url = scene.gitlab.clone_url().replace("http://", &format!("http://oauth2:{}@", scene.token()));
        assert!(Command::new("git").args(["clone", "-q"]).arg(url).arg(&checkout).status().unwrap().success());
        // The runner's file mode mask is 0.
        assert!(Command::new("chmod").args(["-R", "a+rwX"]).arg(checkout).status().unwrap().success());
        scene
    }

    fn job(&self) -> Vec<(String, String)> {
        let url = self.gitlab.url();
        [
            ("PATH", "/usr/local/lib/tidewaiter/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            ("CI", "true"),
            ("GITLAB_CI", "true"),
            ("CI_SERVER_URL", &url),
            ("CI_API_V4_URL", &self.gitlab.api()),
            ("CI_PROJECT_ID", &PROJECT.to_string()),
            ("CI_PROJECT_PATH", PATH),
            ("CI_PROJECT_DIR", self.engine.builds().join("ferry").to_str().unwrap()),
            ("CI_JOB_ID", "700"),
            ("CI_PIPELINE_ID", "70"),
            ("CI_COMMIT_SHA", &self.gitlab.tip("main").unwrap()),
            ("CI_COMMIT_REF_NAME", "main"),
            ("CI_COMMIT_REF_PROTECTED", "true"),
            ("CI_DEFAULT_BRANCH", "main"),
            ("GITLAB_ACCESS_TOKEN", &self.gitlab.token(Role::Developer)),
            ("CI_JOB_TOKEN", &self.gitlab.job_token(700)),
            ("ANTHROPIC_API_KEY", KEY),
            ("COPY_OF_THE_KEY", &format!("it's \"{KEY}\"")),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    pub(crate) fn token(&self) -> String {
        self.variables.iter().find(|(name, _)| name == "GITLAB_ACCESS_TOKEN").unwrap().1.clone()
    }

    /// How the docker executor makes the container.
    pub(crate) fn make(&self) -> Make<'_> {
        Make { name: "job", options: &[], entrypoint: ENTRYPOINT, command: &["sh", "-c", DETECT], variables: &self.variables }
    }

    /// What the runner sends to it.
    pub(crate) fn script(&self, commands: &str, quoting: Quoting) -> String {
        generated(&self.variables, self.engine.builds().join("ferry").to_str().unwrap(), commands, quoting)
    }

    pub(crate) fn run(&self, commands: &str) -> Output {
        self.engine.run(self.make(), &self.script(commands, Quoting::AnsiC))
    }

    pub(crate) fn start(&self, commands: &str) -> Child {
        self.engine.start(self.make(), &self.script(commands, Quoting::AnsiC))
    }

    /// A file of the change that left.
    pub(crate) fn changed(&self, file: &str) -> String {
        self.gitlab.git(&["show", &format!("tidewaiter/job-700:{file}")])
    }

    pub(crate) fn nothing_left(&self) {
        assert_eq!(self.gitlab.branches(), ["main"]);
        assert!(self.gitlab.merge_requests().is_empty());
    }
}
