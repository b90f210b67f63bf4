//! The token formats that [`super::pattern`] knows, written down from what their providers document, and what is checked of
//! each beyond its letters. All that there is to know of a format stands in one line here.

use super::check::{self, Set};

/// Whether the token that stands at a place in a text is sound.
type Check = fn(&[u8], std::ops::Range<usize>) -> bool;

/// What follows a format's prefix.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// From so many to so many bytes of a set.
    Of(&'static Set, usize, usize),
    /// These bytes.
    Text(&'static str),
}

/// How one kind of secret is recognised.
#[derive(Clone, Copy, Debug)]
pub(super) struct Format {
    /// Stable; named in findings.
    pub(super) id: &'static str,
    /// What it is, for people.
    pub(super) what: &'static str,
    /// Bytes that begin it, exactly.
    pub(super) prefixes: &'static [&'static str],
    /// What stands right before the prefix, for formats that begin with something unknown.
    pub(super) before: Option<(&'static Set, usize, usize)>,
    /// What follows the prefix.
    pub(super) rest: &'static [Part],
    /// Shannon entropy, in bits a letter, of what is not fixed: less is no random value.
    pub(super) entropy: f64,
    /// A checksum or a structure, asked of the whole text and the token's place in it.
    pub(super) check: Option<Check>,
}

impl Format {
    const fn new(id: &'static str, what: &'static str, prefixes: &'static [&'static str], rest: &'static [Part]) -> Self {
        Self { id, what, prefixes, before: None, rest, entropy: 3.0, check: None }
    }

    const fn after(self, set: &'static Set, least: usize, most: usize) -> Self {
        Self { before: Some((set, least, most)), ..self }
    }

    const fn entropy(self, entropy: f64) -> Self {
        Self { entropy, ..self }
    }

    const fn check(self, check: Check) -> Self {
        Self { check: Some(check), ..self }
    }
}

/// More than any token is long.
const LONG: usize = 4096;

const fn word(count: usize) -> Part {
    Part::Of(&check::WORD, count, count)
}

const fn words(least: usize, most: usize) -> Part {
    Part::Of(&check::WORD, least, most)
}

const fn letters(count: usize) -> Part {
    Part::Of(&check::ALNUM, count, count)
}

const fn lower(count: usize) -> Part {
    Part::Of(&check::LOWER, count, count)
}

const fn upper(count: usize) -> Part {
    Part::Of(&check::UPPER, count, count)
}

const fn hex(count: usize) -> Part {
    Part::Of(&check::HEX, count, count)
}

const fn digits(least: usize, most: usize) -> Part {
    Part::Of(&check::DIGITS, least, most)
}

const fn base64(least: usize, most: usize) -> Part {
    Part::Of(&check::BASE64, least, most)
}

const fn text(text: &'static str) -> Part {
    Part::Text(text)
}

use Format as F;

/// A GitLab token that tells its cell and owner (GitLab handbook, "Routable tokens").
const ROUTABLE: &[Part] = &[words(27, 300), text("."), Part::Of(&check::ROUTE, 9, 12)];
const UUID: &[Part] = &[hex(8), text("-"), hex(4), text("-"), hex(4), text("-"), hex(4), text("-"), hex(12)];

/// Every format.
pub(super) const FORMATS: &[Format] = &[
    // GitLab: docs "Token overview", prefixes; lengths from where each token is made.
    F::new("gitlab-pat", "a personal, project or group access token of GitLab", &["glpat-"], &[word(20)]),
    F::new("gitlab-routable", "a routable token of GitLab", &["glpat-", "gldt-", "glft-", "glimt-", "glsoat-"], ROUTABLE)
        .check(check::routable),
    F::new("gitlab-deploy", "a deploy token of GitLab", &["gldt-"], &[word(20)]),
    F::new("gitlab-runner", "an authentication token of a GitLab runner", &["glrt-", "glrt-t1_", "glrt-t2_", "glrt-t3_"], &[word(20)]),
    F::new("gitlab-runner-routable", "an authentication token of a GitLab runner", &["glrt-", "glrtr-"], ROUTABLE).check(check::routable),
    F::new("gitlab-runner-registration", "a registration token of GitLab runners", &["GR1348941", "glrtr-"], &[word(20)]),
    F::new("gitlab-job", "a job token of GitLab", &["glcbt-"], &[Part::Of(&check::HEX, 1, 5), text("_"), word(20)]),
    F::new("gitlab-trigger", "a pipeline trigger token of GitLab", &["glptt-"], &[hex(40)]),
    F::new("gitlab-feed", "a feed token of GitLab", &["glft-"], &[word(20)]),
    F::new("gitlab-mail", "an incoming mail token of GitLab", &["glimt-"], &[lower(25)]),
    F::new("gitlab-agent", "a token of GitLab's agent for Kubernetes", &["glagent-"], &[word(50)]),
    F::new("gitlab-oauth", "an application's secret of GitLab", &["gloas-"], &[hex(64)]),
    F::new("gitlab-scim", "a SCIM token of GitLab", &["glsoat-"], &[word(20)]),
    F::new("gitlab-flags", "a feature flags client token of GitLab", &["glffct-"], &[word(20)]),
    F::new("gitlab-workspace", "a workspace token of GitLab", &["glwt-"], &[word(20)]),
    F::new("gitlab-session", "a session cookie of GitLab", &["_gitlab_session="], &[hex(32)]),
    // GitHub: "Behind GitHub's new authentication token formats": 30 letters and six of CRC-32.
    F::new("github-token", "a token of GitHub", &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], &[letters(36)]).check(check::crc_base62),
    F::new("github-pat", "a fine-grained access token of GitHub", &["github_pat_"], &[letters(22), text("_"), letters(59)]),
    F::new("npm-token", "an access token of npm", &["npm_"], &[letters(36)]).check(check::crc_base62),
    // Clouds.
    F::new("aws-key-id", "an access key of AWS", &["AKIA", "ASIA", "ABIA", "ACCA"], &[Part::Of(&check::BASE32, 16, 16)]).entropy(2.5),
    F::new("aws-bedrock", "an API key of AWS Bedrock", &["ABSK"], &[base64(109, 269), Part::Of(&check::EQUALS, 0, 2)]),
    F::new(
        "aws-bedrock-short",
        "a short-term API key of AWS Bedrock",
        &["bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t"],
        &[base64(40, LONG)],
    ),
    F::new("gcp-api-key", "an API key of Google Cloud", &["AIza"], &[word(35)]),
    F::new("gcp-oauth-secret", "an OAuth client's secret of Google", &["GOCSPX-"], &[word(28)]),
    F::new("gcp-access-token", "an access token of Google", &["ya29."], &[words(60, LONG)]),
    F::new("gcp-refresh-token", "a refresh token of Google", &["1//0"], &[words(60, 200)]),
    F::new("azure-storage", "a storage account's key of Azure", &["AccountKey="], &[base64(86, 86), text("==")]),
    F::new("azure-shared-access", "a shared access key of Azure", &["SharedAccessKey="], &[base64(43, 43), text("=")]),
    F::new("azure-client-secret", "a client secret of Entra ID", &["Q~"], &[Part::Of(&check::TILDE, 31, 34)]).after(&check::TILDE, 4, 4),
    F::new("azure-devops", "an access token of Azure DevOps", &["AZDO"], &[letters(4)]).after(&check::ALNUM, 76, 76),
    F::new("digitalocean", "a token of DigitalOcean", &["dop_v1_", "doo_v1_", "dor_v1_"], &[hex(64)]),
    F::new("alibaba-key-id", "an access key of Alibaba Cloud", &["LTAI"], &[letters(20)]),
    F::new("tencent-key-id", "a secret id of Tencent Cloud", &["AKID"], &[letters(32)]),
    F::new("yandex-api-key", "an API key of Yandex Cloud", &["AQVN"], &[word(36)]),
    F::new("scaleway-key", "an access key of Scaleway", &["SCW"], &[upper(17)]).entropy(2.8),
    F::new("scalingo", "a token of Scalingo", &["tk-us-"], &[word(48)]),
    F::new("heroku", "an API key of Heroku", &["HRKU-AA"], &[word(58)]),
    F::new("heroku-old", "an API key of Heroku", &["HRKU-"], UUID),
    F::new("fly", "a token of Fly.io", &["fo1_"], &[word(43)]),
    F::new("fly-macaroon", "a token of Fly.io", &["fm1a_", "fm1r_", "fm2_"], &[base64(100, LONG)]),
    F::new("vercel-blob", "a token of Vercel's blob store", &["vercel_blob_rw_"], &[letters(16), text("_"), letters(30)]),
    F::new("netlify", "an access token of Netlify", &["nfp_"], &[letters(36)]),
    F::new("cloudflare-origin", "an origin CA key of Cloudflare", &["v1.0-"], &[hex(24), text("-"), hex(146)]),
    F::new("supabase", "an access token of Supabase", &["sbp_"], &[hex(40)]),
    F::new("supabase-secret", "a secret key of Supabase", &["sb_secret_"], &[word(31)]),
    F::new("planetscale", "a token or password of PlanetScale", &["pscale_tkn_", "pscale_pw_", "pscale_oauth_"], &[words(32, 64)]),
    F::new("databricks", "a token of Databricks", &["dapi"], &[hex(32)]),
    F::new("openshift", "a token of OpenShift", &["sha256~"], &[word(43)]),
    F::new("prefect", "an API key of Prefect", &["pnu_"], &[letters(36)]),
    F::new(
        "tailscale",
        "a key of Tailscale",
        &["tskey-auth-", "tskey-api-", "tskey-client-"],
        &[Part::Of(&check::ALNUM, 11, 24), text("-"), Part::Of(&check::ALNUM, 24, 40)],
    ),
    // Models.
    F::new("anthropic", "an API key of Anthropic", &["sk-ant-api03-", "sk-ant-admin01-"], &[words(93, 95)]),
    F::new(
        "anthropic-oauth",
        "an OAuth token of Anthropic",
        &["sk-ant-oat01-", "sk-ant-ort01-", "sk-ant-sid01-", "sk-ant-sid02-"],
        &[words(80, 130)],
    ),
    F::new("openrouter", "an API key of OpenRouter", &["sk-or-v1-"], &[hex(64)]),
    F::new("deepseek", "an API key of DeepSeek and its likes", &["sk-"], &[hex(32)]),
    F::new("huggingface", "a token of Hugging Face", &["hf_", "api_org_"], &[Part::Of(&check::LATIN, 34, 34)]),
    F::new("groq", "an API key of Groq", &["gsk_"], &[letters(52)]),
    F::new("perplexity", "an API key of Perplexity", &["pplx-"], &[letters(48)]),
    F::new("replicate", "a token of Replicate", &["r8_"], &[letters(37)]),
    F::new("xai", "an API key of xAI", &["xai-"], &[letters(80)]),
    F::new("elevenlabs", "an API key of ElevenLabs", &["sk_"], &[hex(48)]),
    F::new("langsmith", "an API key of LangSmith", &["lsv2_pt_", "lsv2_sk_"], &[hex(32), text("_"), hex(10)]),
    F::new("langfuse", "a secret key of Langfuse", &["sk-lf-"], UUID),
    F::new("wandb", "an API key of Weights & Biases", &["wandb_v1_"], &[words(60, 100)]),
    // Talk and mail.
    F::new("slack-bot", "a bot token of Slack", &["xoxb-"], &[digits(10, 13), text("-"), digits(10, 13), Part::Of(&check::WORD, 20, 60)]),
    F::new(
        "slack-user",
        "a user token of Slack",
        &["xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxo-", "xoxc-", "xoxd-"],
        &[Part::Of(&check::ESCAPED, 40, 300)],
    ),
    F::new(
        "slack-refresh",
        "a refreshable token of Slack",
        &["xoxe-", "xoxe.xoxb-", "xoxe.xoxp-"],
        &[digits(1, 1), text("-"), words(100, 300)],
    ),
    F::new(
        "slack-app",
        "an app token of Slack",
        &["xapp-"],
        &[digits(1, 1), text("-"), upper_some(8, 14), text("-"), digits(10, 14), text("-"), Part::Of(&check::LOWER, 40, 80)],
    ),
    F::new(
        "slack-webhook",
        "a webhook of Slack",
        &["hooks.slack.com/services/T", "hooks.slack.com/workflows/T", "hooks.slack.com/triggers/T"],
        &[upper_some(7, 14), text("/"), upper_some(8, 20), text("/"), Part::Of(&check::ALNUM, 16, 40)],
    ),
    F::new(
        "discord-webhook",
        "a webhook of Discord",
        &["discord.com/api/webhooks/", "discordapp.com/api/webhooks/"],
        &[digits(17, 20), text("/"), words(60, 80)],
    ),
    F::new("telegram-bot", "a token of a Telegram bot", &[":AA"], &[word(33)]).after(&check::DIGITS, 8, 10),
    F::new(
        "teams-webhook",
        "a webhook of Microsoft Teams",
        &["webhook.office.com/webhookb2/"],
        &[hex(8), text("-"), hex(4), text("-"), hex(4), text("-"), hex(4), text("-"), hex(12), text("@")],
    ),
    F::new("twilio", "an API key of Twilio", &["SK"], &[hex(32)]),
    F::new("sendgrid", "an API key of SendGrid", &["SG."], &[word(22), text("."), word(43)]),
    F::new("mailgun", "an API key of Mailgun", &["key-"], &[hex(32)]),
    F::new("mailchimp", "an API key of Mailchimp", &["-us"], &[digits(1, 2)]).after(&check::HEX, 32, 32),
    F::new("brevo", "an API key of Brevo", &["xkeysib-", "xsmtpsib-"], &[hex(64), text("-"), letters(16)]),
    F::new("resend", "an API key of Resend", &["re_"], &[letters(8), text("_"), letters(24)]),
    // Money and shops.
    F::new("stripe", "a secret key of Stripe", &["sk_live_", "rk_live_", "sk_test_", "rk_test_"], &[Part::Of(&check::ALNUM, 24, 247)]),
    F::new("stripe-webhook", "a webhook's secret of Stripe", &["whsec_"], &[base64(32, 64)]),
    F::new("shopify", "a token of Shopify", &["shpat_", "shpca_", "shppa_", "shpss_"], &[Part::Of(&check::ANYHEX, 32, 32)]),
    F::new("square", "an access token of Square", &["EAAAE", "EAAAl", "EAAAF"], &[word(59)]),
    F::new("square-oauth", "a secret of Square", &["sq0csp-"], &[word(43)]),
    F::new("square-old", "an access token of Square", &["sq0atp-"], &[word(22)]),
    F::new("plaid", "an access token of Plaid", &["access-production-", "access-development-", "access-sandbox-"], UUID),
    F::new("shippo", "a token of Shippo", &["shippo_live_", "shippo_test_"], &[hex(40)]),
    F::new("easypost", "an API key of EasyPost", &["EZAK", "EZTK"], &[letters(54)]),
    F::new("flutterwave", "a secret key of Flutterwave", &["FLWSECK-", "FLWSECK_TEST-"], &[Part::Of(&check::ALNUM, 32, 36), text("-X")]),
    F::new("duffel", "a token of Duffel", &["duffel_live_", "duffel_test_"], &[word(43)]),
    // Builds and packages.
    F::new("pypi", "a token of PyPI", &["pypi-AgEIcHlwaS5vcmc", "pypi-AgENdGVzdC5weXBpLm9yZw"], &[words(50, LONG)]),
    F::new("rubygems", "an API key of RubyGems", &["rubygems_"], &[hex(48)]),
    F::new("crates-io", "a token of crates.io", &["cio"], &[letters(32)]),
    F::new("nuget", "an API key of NuGet", &["oy2"], &[lower(43)]),
    F::new("clojars", "a token of Clojars", &["CLOJARS_"], &[hex(60)]),
    F::new("docker-hub", "a token of Docker Hub", &["dckr_pat_"], &[words(27, 36)]),
    F::new("docker-hub-org", "an organisation's token of Docker Hub", &["dckr_oat_"], &[words(32, 40)]),
    F::new("artifactory", "an API key of Artifactory", &["AKCp"], &[letters(69)]),
    F::new("artifactory-reference", "a reference token of Artifactory", &["cmVmdGtu"], &[letters(56)]),
    F::new("buildkite", "a token of Buildkite", &["bkua_"], &[hex(40)]),
    F::new("circleci", "a token of CircleCI", &["CCIPAT_", "CCIPRJ_"], &[letters(22), text("_"), hex(40)]),
    F::new("octopus", "an API key of Octopus Deploy", &["API-"], &[upper_some(26, 40)]).entropy(3.3),
    F::new("sonar", "a token of SonarQube", &["sqp_", "squ_", "sqa_"], &[hex(40)]),
    F::new("sourcegraph", "an access token of Sourcegraph", &["sgp_"], &[hex(40)]),
    F::new("sourcegraph-instance", "an access token of Sourcegraph", &["sgp_"], &[hex(16), text("_"), hex(40)]),
    F::new("deno", "a token of Deno Deploy", &["ddp_"], &[letters(36)]),
    F::new("terraform", "a token of Terraform Cloud", &[".atlasv1."], &[words(60, 70)]).after(&check::ALNUM, 14, 14),
    F::new("vault", "a token of Vault", &["hvs.", "hvb.", "hvr."], &[words(90, 300)]),
    F::new("pulumi", "an access token of Pulumi", &["pul-"], &[hex(40)]),
    F::new("doppler", "a token of Doppler", &["dp.pt.", "dp.ct.", "dp.sa.", "dp.scim.", "dp.audit."], &[Part::Of(&check::ALNUM, 40, 44)]),
    F::new("doppler-service", "a service token of Doppler", &["dp.st."], &[Part::Of(&check::DOTTED, 41, 80)]),
    F::new("infracost", "an API key of Infracost", &["ico-"], &[letters(32)]),
    // Watching.
    F::new(
        "grafana-service",
        "a service account's token of Grafana",
        &["glsa_"],
        &[letters(32), text("_"), Part::Of(&check::ANYHEX, 8, 8)],
    )
    .check(check::grafana),
    F::new("grafana-cloud", "a token of Grafana Cloud", &["glc_eyJ"], &[Part::Of(&check::BASE64, 40, 400)]),
    F::new("sentry-organisation", "an organisation's token of Sentry", &["sntrys_eyJ"], &[Part::Of(&check::BASE64URL, 80, 400)]),
    F::new("sentry-user", "a user's token of Sentry", &["sntryu_", "sntrya_", "sntryi_"], &[hex(64)]),
    F::new("newrelic", "an API key of New Relic", &["NRAK-", "NRAL-"], &[upper(27)]),
    F::new("newrelic-insert", "an insert key of New Relic", &["NRII-"], &[word(32)]),
    F::new("dynatrace", "a token of Dynatrace", &["dt0c01.", "dt0s01.", "dt0s02."], &[upper_some(8, 24), text("."), upper(64)]),
    F::new("launchdarkly", "a key of LaunchDarkly", &["sdk-", "api-"], UUID),
    F::new("samsara", "a token of Samsara", &["samsara_api_"], &[letters(30)]),
    // Work.
    F::new(
        "atlassian",
        "an API token of Atlassian",
        &["ATATT3xFfGF0", "ATCTT3xFfGN0", "ATSTT3xFfGF0"],
        &[words(80, 250), text("="), Part::Of(&check::UPHEX, 8, 8)],
    ),
    F::new("bitbucket-app", "an app password of Bitbucket", &["ATBB"], &[letters(24), Part::Of(&check::UPHEX, 8, 8)]),
    F::new("trello", "a token of Trello", &["ATTA"], &[hex(64)]),
    F::new("linear", "an API key of Linear", &["lin_api_"], &[letters(40)]),
    F::new("linear-oauth", "an OAuth secret of Linear", &["lin_oauth_"], &[hex(64)]),
    F::new("notion", "a token of Notion", &["ntn_"], &[digits(11, 11), letters(35)]),
    F::new("notion-old", "a token of Notion", &["secret_"], &[letters(43)]).entropy(4.0),
    F::new("postman", "an API key of Postman", &["PMAK-"], &[hex(24), text("-"), hex(34)]),
    F::new("readme", "an API key of ReadMe", &["rdme_"], &[lower(70)]),
    F::new("airtable", "a token of Airtable", &["pat"], &[letters(14), text("."), hex(64)]),
    F::new("figma", "a token of Figma", &["figd_", "figo_", "figoh_", "figor_", "figdh_", "figuh_"], &[words(40, 60)]),
    F::new("typeform", "a token of Typeform", &["tfp_"], &[Part::Of(&check::DOTTED, 59, 59)]),
    F::new("contentful", "a token of Contentful", &["CFPAT-"], &[word(43)]),
    F::new("dropbox", "an access token of Dropbox", &["sl.", "sl.u."], &[words(130, 2000)]),
    F::new("frameio", "a token of Frame.io", &["fio-u-"], &[word(64)]),
    F::new("adobe", "a client secret of Adobe", &["p8e-", "p8e-"], &[lower(32)]),
    F::new("mapbox", "a secret token of Mapbox", &["sk.eyJ"], &[words(50, 150), text("."), words(20, 30)]),
    F::new("maxmind", "a licence key of MaxMind", &["_mmk"], &[]).after(&check::SNAKE, 36, 36),
    F::new("wakatime", "an API key of WakaTime", &["waka_"], UUID),
    F::new("intra42", "a secret of 42's intranet", &["s-s4t2ud-", "s-s4t2af-"], &[hex(64)]),
    // Vaults of people.
    F::new("onepassword-service", "a service account's token of 1Password", &["ops_eyJ"], &[base64(250, LONG)]),
    F::new(
        "onepassword-key",
        "a secret key of 1Password",
        &["A3-"],
        &[upper(6), text("-"), upper(6), text("-"), upper(5), text("-"), upper(5), text("-"), upper(5), text("-"), upper(5)],
    ),
    F::new("age", "a secret key of age", &["AGE-SECRET-KEY-1"], &[Part::Of(&check::BECH32, 58, 58)]).check(check::bech32),
    F::new("npmrc", "a registry's token in npm's configuration", &["_authToken="], &[Part::Of(&check::BASE64URL, 20, LONG)]).entropy(3.5),
];

const fn upper_some(least: usize, most: usize) -> Part {
    Part::Of(&check::UPPER, least, most)
}
