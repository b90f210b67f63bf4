//! Names of packages that are taken for others.

use super::manifest::Ecosystem;

/// Shorter names are too near to each other to say anything.
const SHORTEST: usize = 4;

/// Packages that everybody knows, so that a name beside theirs is worth a look. Ours to choose; the order means nothing.
fn well_known(ecosystem: Ecosystem) -> &'static [&'static str] {
    match ecosystem {
        Ecosystem::Npm => &[
            "lodash",
            "react",
            "react-dom",
            "express",
            "axios",
            "chalk",
            "commander",
            "typescript",
            "webpack",
            "eslint",
            "prettier",
            "jest",
            "moment",
            "request",
            "async",
            "debug",
            "vue",
            "angular",
            "jquery",
            "next",
            "rollup",
            "vite",
            "dotenv",
            "mongoose",
            "cross-env",
            "node-fetch",
            "body-parser",
            "electron",
            "discord.js",
            "puppeteer",
            "playwright",
            "uuid",
            "yargs",
            "glob",
            "rimraf",
            "semver",
        ],
        Ecosystem::Cargo => &[
            "serde",
            "serde_json",
            "tokio",
            "anyhow",
            "thiserror",
            "clap",
            "rand",
            "regex",
            "reqwest",
            "hyper",
            "log",
            "tracing",
            "futures",
            "chrono",
            "syn",
            "quote",
            "proc-macro2",
            "libc",
            "bytes",
            "itertools",
            "rayon",
            "rustls",
            "axum",
            "once_cell",
        ],
        Ecosystem::Python => &[
            "requests",
            "numpy",
            "pandas",
            "django",
            "flask",
            "fastapi",
            "pytest",
            "setuptools",
            "urllib3",
            "boto3",
            "botocore",
            "pyyaml",
            "cryptography",
            "pillow",
            "scipy",
            "matplotlib",
            "sqlalchemy",
            "pydantic",
            "click",
            "jinja2",
            "beautifulsoup4",
            "selenium",
            "tensorflow",
            "torch",
            "scikit-learn",
            "colorama",
            "python-dateutil",
            "certifi",
            "aiohttp",
            "httpx",
        ],
        Ecosystem::Go => &[
            "github.com/stretchr/testify",
            "github.com/spf13/cobra",
            "github.com/spf13/viper",
            "github.com/sirupsen/logrus",
            "github.com/gin-gonic/gin",
            "github.com/gorilla/mux",
            "github.com/google/uuid",
            "github.com/pkg/errors",
            "go.uber.org/zap",
            "github.com/boltdb/bolt",
            "golang.org/x/crypto",
            "golang.org/x/net",
        ],
        Ecosystem::Jvm => &[
            "junit:junit",
            "com.google.guava:guava",
            "org.slf4j:slf4j-api",
            "org.projectlombok:lombok",
            "org.mockito:mockito-core",
            "com.fasterxml.jackson.core:jackson-databind",
            "org.apache.commons:commons-lang3",
            "org.apache.logging.log4j:log4j-core",
        ],
        Ecosystem::Php => &[
            "symfony/symfony",
            "symfony/console",
            "laravel/framework",
            "guzzlehttp/guzzle",
            "monolog/monolog",
            "phpunit/phpunit",
            "doctrine/orm",
            "twig/twig",
            "nesbot/carbon",
        ],
        Ecosystem::Ruby => &[
            "rails",
            "rack",
            "rake",
            "rspec",
            "nokogiri",
            "devise",
            "sidekiq",
            "puma",
            "activesupport",
            "bundler",
            "faraday",
            "rubocop",
            "sinatra",
            "jekyll",
            "fastlane",
            "cocoapods",
            "rest-client",
        ],
    }
}

/// A name of `known`, or of the packages that everybody knows, that `name` is easily taken for without being it.
pub(super) fn like<'a>(ecosystem: Ecosystem, name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let bare = bare(name);
    let near = |other: &&str| *other != name && (self::bare(other) == bare || one_apart(name, other));
    let long = |other: &&str| other.len() >= SHORTEST && name.len() >= SHORTEST;
    known.filter(long).find(near).or_else(|| well_known(ecosystem).iter().copied().filter(long).find(near))
}

/// A name without what the eye passes over: case, marks between words, digits and letters of other scripts that look like Latin ones.
fn bare(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '-' | '_' | '.')).flat_map(char::to_lowercase).map(plain).collect()
}

fn plain(sign: char) -> char {
    match sign {
        '0' | 'о' | 'ο' => 'o',
        '1' | 'i' | 'і' | 'ӏ' | 'ı' => 'l',
        'а' | 'α' => 'a',
        'е' => 'e',
        'с' => 'c',
        'р' | 'ρ' => 'p',
        'х' => 'x',
        'у' => 'y',
        'ѕ' | '5' => 's',
        'ԁ' => 'd',
        'һ' => 'h',
        'ј' => 'j',
        'ԛ' => 'q',
        'ԝ' => 'w',
        'ν' => 'v',
        other => other,
    }
}

/// Whether one letter more, less or another one, or two neighbours in the other order, make `a` of `b`. Takes time in
/// proportion to the shorter one.
fn one_apart(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len().abs_diff(b.len()) > 1 {
        return false;
    }
    let same = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[same..], &b[same..]);
    let rest = |text: &'_ [u8], from: usize| text.get(from..).map(<[u8]>::to_vec);
    let swapped = a.len() >= 2 && b.len() >= 2 && a[0] == b[1] && a[1] == b[0] && rest(a, 2) == rest(b, 2);
    swapped || rest(a, 1) == rest(b, 1) || rest(a, 1).as_deref() == Some(b) || rest(b, 1).as_deref() == Some(a)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beside_others_are_seen() {
        for (name, other) in [
            ("lodahs", "lodash"),
            ("lodas", "lodash"),
            ("lodashs", "lodash"),
            ("l0dash", "lodash"),
            ("lоdash", "lodash"),
            ("crossenv", "cross-env"),
            ("node_fetch", "node-fetch"),
            ("left-padd", "left-pad"),
        ] {
            assert_eq!(like(Ecosystem::Npm, name, ["left-pad", "lodash"].into_iter()), Some(other), "{name}");
        }
        for name in ["lodash", "left-pad", "lodash-es", "preact-router", "zod", "vite-plugin", "uid"] {
            assert_eq!(like(Ecosystem::Npm, name, ["left-pad", "zed"].into_iter()), None, "{name}");
        }
    }
}
