//! Answers of the gateway itself: a status, the rule that decided, and a reason that a model can act on.

use hyper::{
    Response, StatusCode,
    body::Bytes,
    header::{CONTENT_TYPE, HeaderValue},
};
use serde_json::json;

use crate::{http::ProxyError, provider::Refusal};

use super::metered::{Body, whole};

/// Why a request ends here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Denial {
    pub(super) status: StatusCode,
    pub(super) rule: &'static str,
    pub(super) reason: String,
}

/// How the client of a denied request reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As a client of a proxy: plain text.
    Plain,
    /// As the Claude API words its errors (platform.claude.com/docs/en/api/errors), so that the agent shows the reason.
    Anthropic,
    /// As OpenAI's API words its errors (developers.openai.com/api/docs/guides/error-codes).
    OpenAi,
    /// As GitLab's API words its errors (docs.gitlab.com/api/rest/troubleshooting), and Git LFS's (its batch API's errors).
    GitLab,
    /// As AWS words its errors (smithy.io, restJson1, "Operation error serialization").
    Aws,
    /// As npm's registries word theirs, so that npm shows the reason.
    Npm,
}

impl Denial {
    pub(super) fn new(status: StatusCode, rule: &'static str, reason: impl Into<String>) -> Self {
        Self { status, rule, reason: reason.into() }
    }

    /// Not as the policy says.
    pub(super) fn forbidden(rule: &'static str, reason: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, rule, reason)
    }

    /// The far end did not do its part.
    pub(super) fn far_end(rule: &'static str, reason: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, rule, reason)
    }

    /// The status as it is told. Of Bedrock Claude Code takes a 403 for keys that have aged, and tries ten times more.
    pub(super) fn status(&self, form: Form) -> StatusCode {
        match (form, self.status) {
            (Form::Aws, StatusCode::FORBIDDEN) => StatusCode::BAD_REQUEST,
            (_, status) => status,
        }
    }

    /// The media type and the text of the answer's body.
    pub(super) fn told(&self, form: Form) -> (&'static str, String) {
        let what = if self.status.is_server_error() { "failed" } else { "refused" };
        let sentence = format!("tidewaiter: {what}: {} [{}]", self.reason, self.rule);
        match form {
            Form::Plain => ("text/plain; charset=utf-8", format!("{sentence}\n")),
            Form::Npm => ("application/json", json!({ "error": sentence }).to_string()),
            Form::Anthropic => {
                let text = json!({ "type": "error", "error": { "type": self.anthropic_kind(), "message": sentence } });
                ("application/json", text.to_string())
            }
            Form::OpenAi => {
                let error = json!({ "message": sentence, "type": self.anthropic_kind(), "param": null, "code": self.rule });
                ("application/json", json!({ "error": error }).to_string())
            }
            Form::GitLab => ("application/json", json!({ "message": sentence }).to_string()),
            Form::Aws => ("application/json", json!({ "__type": self.aws_kind(), "message": sentence }).to_string()),
        }
    }

    fn anthropic_kind(&self) -> &'static str {
        match self.status.as_u16() {
            401 => "authentication_error",
            403 => "permission_error",
            413 => "request_too_large",
            400..=499 => "invalid_request_error",
            _ => "api_error",
        }
    }

    /// The answer of a connection that the HTTP library holds.
    pub(super) fn response(&self, form: Form) -> Response<Body> {
        let (kind, text) = self.told(form);
        let mut response = Response::new(whole(Bytes::from(text)));
        *response.status_mut() = self.status(form);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        response
    }

    fn aws_kind(&self) -> &'static str {
        match self.status.as_u16() {
            401 => "AccessDeniedException",
            400..=499 => "ValidationException",
            _ => "ServiceUnavailableException",
        }
    }

    /// The whole answer as bytes, for a connection that no HTTP library holds yet.
    pub(super) fn raw(&self, form: Form) -> Vec<u8> {
        let challenge = match self.status {
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => "proxy-authenticate: Basic realm=\"tidewaiter\"\r\n",
            // Git and Maven show what they hold only when they are asked.
            StatusCode::UNAUTHORIZED if form == Form::Plain => "www-authenticate: Basic realm=\"tidewaiter\"\r\n",
            _ => "",
        };
        let (status, (kind, text)) = (self.status(form), self.told(form));
        let head =
            format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\n{challenge}content-length: {}\r\nconnection: close\r\n\r\n", text.len());
        [head.into_bytes(), text.into_bytes()].concat()
    }
}

/// The rule of a connection that the upstream proxy did not make, so that nothing was sent.
pub(super) const UPSTREAM: &str = "network/upstream";

impl From<&ProxyError> for Denial {
    fn from(error: &ProxyError) -> Self {
        match error.is_final() {
            true => Self::forbidden(UPSTREAM, error.to_string()),
            false => Self::far_end(UPSTREAM, format!("{error}; this is not the policy, trying later may help")),
        }
    }
}

impl From<ProxyError> for Denial {
    fn from(error: ProxyError) -> Self {
        Self::from(&error)
    }
}

impl From<Refusal> for Denial {
    fn from(refusal: Refusal) -> Self {
        Self::forbidden(refusal.rule, refusal.reason)
    }
}
