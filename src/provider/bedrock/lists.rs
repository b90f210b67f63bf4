//! What may be said to Bedrock, as data. What is not listed is refused by name, as for the Claude API.
//!
//! Sources: the reference of Bedrock's runtime (docs.aws.amazon.com/bedrock/latest/APIReference, InvokeModel,
//! InvokeModelWithResponseStream, CountTokens), and runs of Claude Code 2.1.197 and 2.1.331.

/// Header fields that go on, `anthropic-beta` token by token. Not here: those that choose a guardrail, a trace, a latency or a
/// service tier (`x-amzn-bedrock-…`), and every `x-amz-…`, which belong to the signature.
pub(super) const HEADERS: &[&str] = &["accept", "accept-encoding", "anthropic-beta", "content-type", "user-agent"];

/// Keys of the Messages API that the path says instead.
pub(super) const IN_PATH: &[&str] = &["model", "stream"];

/// The version of the Messages API that a body must name.
pub(super) const VERSION: &str = "bedrock-2023-05-31";

/// The calls below `/model/ID/`.
pub(super) const CALLS: &[&str] = &["invoke", "invoke-with-response-stream", COUNT];

/// The call whose body has the one to be counted inside of it.
pub(super) const COUNT: &str = "count-tokens";

/// Kinds of resources that an ARN may name, and whether a model's own name follows. Not here: imported and custom models,
/// prompts, routers and endpoints, which need not be Claude.
pub(super) const RESOURCES: &[(&str, bool)] =
    &[("application-inference-profile", false), ("foundation-model", true), ("inference-profile", true), ("provisioned-model", false)];

/// Geographies of cross-region inference profiles, by the beginning of their ids, and all regions in which a request to one may be
/// worked on, whatever the model. Which of them it is for one model stands in that model's own description and changes without a
/// word, so the most counts. Not here: `global`, which is every commercial region.
///
/// Source: `CrossRegionInferenceProfileRegion` of AWS' own CDK (docs.aws.amazon.com/cdk/api/v2, aws-bedrock-alpha), read in November
/// 2026, with `us-west-1`, which its grants name and its list does not.
pub(super) const GEOGRAPHIES: &[(&str, &[&str])] = &[
    (
        "apac",
        &[
            "ap-east-2",
            "ap-northeast-1",
            "ap-northeast-2",
            "ap-northeast-3",
            "ap-south-1",
            "ap-south-2",
            "ap-southeast-1",
            "ap-southeast-2",
            "ap-southeast-3",
            "ap-southeast-4",
            "ap-southeast-5",
            "ap-southeast-7",
            "me-central-1",
        ],
    ),
    ("au", &["ap-southeast-2", "ap-southeast-4"]),
    ("eu", &["eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3"]),
    ("jp", &["ap-northeast-1", "ap-northeast-3"]),
    ("us", &["us-east-1", "us-east-2", "us-west-1", "us-west-2"]),
    ("us-gov", &["us-gov-east-1", "us-gov-west-1"]),
];

/// Errors of Bedrock's that speak of the request or of the model, and so go to the agent as they are. Others can show whose
/// credential it was, or what was signed.
pub(super) const TOLD: &[&str] = &[
    "InternalServerException",
    "ModelErrorException",
    "ModelNotReadyException",
    "ModelStreamErrorException",
    "ModelTimeoutException",
    "ResourceNotFoundException",
    "ServiceQuotaExceededException",
    "ServiceUnavailableException",
    "ThrottlingException",
    "ValidationException",
];

/// The error of keys whose session is over.
pub(super) const EXPIRED: &str = "ExpiredTokenException";

/// Errors that concern the credential, and what they mean (docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html).
pub(super) const REFUSALS: &[(&str, &str)] = &[
    ("AccessDeniedException", "it may not use this model here (bedrock:InvokeModel, or the model's access in this account)"),
    (EXPIRED, "it has expired"),
    ("IncompleteSignature", "it was not understood"),
    ("InvalidClientTokenId", "it does not exist"),
    ("InvalidSignatureException", "its secret does not fit, or the clock here is wrong"),
    ("MissingAuthenticationToken", "it did not arrive"),
    ("OptInRequired", "its account does not use Bedrock"),
    ("SignatureDoesNotMatch", "its secret does not fit, or the clock here is wrong"),
    ("UnrecognizedClientException", "it does not exist, or its session token does not fit"),
];
