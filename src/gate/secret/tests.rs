//! Every format is found wherever it stands, and what only looks like one is not.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    check::Set,
    formats::{FORMATS, Format, Part},
    *,
};

/// Numbers that look random and are the same in every run.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }

    fn letters(&mut self, set: &Set, count: usize) -> String {
        let all: Vec<u8> = (0..=255).filter(|byte| set[usize::from(*byte)]).collect();
        (0..count).map(|_| char::from(all[self.below(all.len())])).collect()
    }
}

/// A made-up token of `format` that begins with its `prefix`.
fn token(format: &Format, prefix: &str, dice: &mut Dice) -> String {
    loop {
        let mut made = match format.before {
            Some((set, least, _)) => dice.letters(set, least),
            None => String::new(),
        };
        made += prefix;
        for part in format.rest {
            made += &match part {
                Part::Of(set, least, most) => {
                    let spread = (most - least).min(20);
                    let count = least + dice.below(spread + 1);
                    dice.letters(set, count)
                }
                Part::Text(text) => (*text).to_owned(),
            };
        }
        let summed = |cut: usize, sum: &dyn Fn(&[u8]) -> Vec<u8>| {
            let body = &made[..made.len() - cut];
            body.to_owned() + str::from_utf8(&sum(body.as_bytes())).unwrap()
        };
        let made = match format.id {
            "github-token" | "npm-token" => summed(6, &|body| check::base62(&body[body.len() - 30..])),
            "gitlab-routable" | "gitlab-runner-routable" => {
                let body = made.rsplit_once('.').unwrap().0.split('.').next().unwrap().to_owned() + ".0v";
                body.clone() + str::from_utf8(&check::base36(body.as_bytes())).unwrap()
            }
            "grafana-service" => summed(8, &|body| crate::digest::hex(&check::crc(&body[..body.len() - 1]).to_le_bytes()).into_bytes()),
            "age" => match (0..1 << 20).find_map(|_| with_sum(&made, dice)) {
                Some(made) => made,
                None => continue,
            },
            _ => made.clone(),
        };
        if !check::stands_in(made.as_bytes()) {
            return made;
        }
    }
}

/// `made` with the six letters of its checksum (BIP 173).
fn with_sum(made: &str, dice: &mut Dice) -> Option<String> {
    const LETTERS: &[u8] = b"QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";
    let body = &made[..made.len() - 6];
    let _ = dice.below(2);
    let (human, data) = body.rsplit_once('1')?;
    let human: Vec<u32> = human.to_ascii_lowercase().bytes().map(u32::from).collect();
    let values = data.bytes().map(|byte| LETTERS.iter().position(|letter| *letter == byte).unwrap() as u32);
    let all: Vec<u32> =
        human.iter().map(|byte| byte >> 5).chain([0]).chain(human.iter().map(|byte| byte & 31)).chain(values).chain([0; 6]).collect();
    let sum = all.iter().fold(1u32, |sum, value| {
        let top = sum >> 25;
        [0x3B6A_57B2, 0x2650_8E6D, 0x1EA1_19FA, 0x3D42_33DD, 0x2A14_62B3]
            .iter()
            .enumerate()
            .fold((sum & 0x1FF_FFFF) << 5 ^ value, |sum, (bit, part)| if top >> bit & 1 == 1 { sum ^ part } else { sum })
    }) ^ 1;
    let digits = (0..6).map(|index| char::from(LETTERS[(sum >> (5 * (5 - index)) & 31) as usize]));
    Some(body.to_owned() + &digits.collect::<String>())
}

fn ids(text: &[u8]) -> Vec<&'static str> {
    pattern::scan(text, true).into_iter().map(|hit| hit.id).collect()
}

/// Formats whose tokens begin alike are found under either.
fn is_found(text: &[u8], made: &str) -> bool {
    pattern::scan(text, false).iter().any(|hit| text[hit.at.clone()] == *made.as_bytes())
}

#[test]
fn there_are_many_formats_each_named_once() {
    let names: BTreeSet<&str> = FORMATS.iter().map(|format| format.id).collect();
    assert_eq!(names.len(), FORMATS.len());
    assert!(names.len() >= 100, "{}", names.len());
}

#[test]
fn a_token_of_every_format_is_found_and_one_with_a_letter_less_is_not() {
    let mut dice = Dice::new(1);
    for format in FORMATS {
        for prefix in format.prefixes {
            for round in 0..20 {
                let made = token(format, prefix, &mut dice);
                for text in [made.clone(), format!("key = \"{made}\"\n"), format!("a\\n{made}'"), format!("?token%3D{made}&")] {
                    assert!(is_found(text.as_bytes(), &made), "{} {round}: {text}", format.id);
                }
                let fixed = format.rest.iter().all(|part| matches!(part, Part::Text(_)) || matches!(part, Part::Of(_, a, b) if a == b));
                let short = &made[..made.len() - 1];
                assert!(!fixed || !is_found(short.as_bytes(), short), "{}: {short}", format.id);
            }
        }
    }
}

#[test]
fn a_token_planted_anywhere_in_random_bytes_is_found_in_its_line() {
    let mut dice = Dice::new(2);
    for round in 0..2000 {
        let format = &FORMATS[dice.below(FORMATS.len())];
        let made = token(format, format.prefixes[dice.below(format.prefixes.len())], &mut dice);
        let mut text: Vec<u8> = (0..dice.below(600)).map(|_| dice.below(256) as u8).collect();
        // What is a letter beside it makes another word of it.
        text.push(b" \"'=:;(\n\t\x00\xff"[dice.below(11)]);
        let at = text.len();
        text.extend(made.bytes());
        text.push(b" \"'&;)\n\r\x00\xff"[dice.below(10)]);
        text.extend((0..dice.below(600)).map(|_| dice.below(256) as u8));
        assert!(is_found(&text, &made), "{round}: {} in {:?}", format.id, String::from_utf8_lossy(&text));
        let ends = |text: &[u8]| text.iter().filter(|byte| **byte == b'\n').count() + lone(text);
        assert_eq!(Lines::new(&text).at(at), 1 + ends(&text[..at]) as u64);
    }
}

fn lone(text: &[u8]) -> usize {
    text.iter().zip(text.iter().skip(1).chain(b"x")).filter(|(a, b)| **a == b'\r' && **b != b'\n').count()
}

#[test]
fn a_wrong_checksum_is_no_token() {
    let mut dice = Dice::new(3);
    for id in ["github-token", "npm-token", "grafana-service", "gitlab-routable", "age"] {
        let format = FORMATS.iter().find(|format| format.id == id).unwrap();
        for prefix in format.prefixes {
            let made = token(format, prefix, &mut dice);
            assert!(is_found(made.as_bytes(), &made));
            let last = made.chars().last().unwrap();
            let other = made[..made.len() - 1].to_owned()
                + if matches!(last, '0' | 'Q') {
                    "2"
                } else if id == "age" {
                    "Q"
                } else {
                    "0"
                };
            assert!(!is_found(other.as_bytes(), &other), "{id}: {other}");
        }
    }
    // With a prefix of the instance's own, which the sum covers.
    let body = format!("SHIP-glpat-{}.0v", "made0up1token2of3a4harbour5");
    let made = body.clone() + str::from_utf8(&check::base36(body.as_bytes())).unwrap();
    assert_eq!(ids(format!("x {made}").as_bytes()), ["gitlab-routable"]);
}

#[test]
fn what_documentation_shows_is_no_token() {
    for text in [
        "AKIAIOSFODNN7EXAMPLE",
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "glpat-xxxxxxxxxxxxxxxxxxxx",
        "glpat-XXXXXXXXXXXXXXXXXXXX",
        "glpat-your-token-here-1234",
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "sk-ant-api03-...",
        "SG.xxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "postgres://postgres:postgres@localhost:5432/db",
        "https://user:password@host.example/",
        "https://${USER}:${TOKEN}@host.example/",
        "//registry.npm.example/:_authToken=${NPM_TOKEN}",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.\
         SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
        "if text.starts_with(\"-----BEGIN RSA PRIVATE KEY-----\") { return Kind::Rsa; } else { return the_other_kind_of_keys(text); }",
        "password = \"changeme\"",
        "password = os.environ[\"DATABASE_PASSWORD_2024_PRIMARY\"]",
        "token = \"your-token-here-1234567\"",
        "const tokenValidatorV2 = createTokenValidatorV2(config.tokenSettings1)",
        "secretName: my-application-secret-v2",
        "integrity sha512-9s8u7d6f5g4h3j2k1l0zaqxswcdevfrbgtnhymjukilop1234567890ABCDEFG==",
        "commit: 3f786850e387550fdab836ed7e6dc881de23001b",
        "api_key_id = \"123e4567-e89b-42d3-a456-426614174000\"",
        "token: sha256:3f786850e387550fdab836ed7e6dc881de23001b3f786850e387550fdab836ed",
    ] {
        assert_eq!(ids(text.as_bytes()), Vec::<&str>::new(), "{text}");
    }
}

#[test]
fn structures_are_read() {
    let mut dice = Dice::new(4);
    let base = |dice: &mut Dice, count| dice.letters(&check::BASE64, count);
    let body: Vec<String> = (0..4).map(|_| base(&mut dice, 64)).collect();
    for (text, id) in [
        (format!("-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----\n", body.join("\n")), "private-key"),
        (format!("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES,00\n\n{}\n", body.join("\n")), "private-key"),
        (
            format!("{{\"private_key\": \"-----BEGIN PRIVATE KEY-----\\n{}\\n-----END PRIVATE KEY-----\\n\"}}", body.join("\\n")),
            "private-key",
        ),
        (
            format!(
                "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n{}\n-----END",
                body.join("\n")
            ),
            "private-key",
        ),
        (format!("K = \"-----BEGIN EC PRIVATE KEY-----\\n\" +\n  \"{}\"", body.join("\\n\" +\n  \"")), "private-key"),
        (format!("-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{}\n=abcd\n", body.join("\n")), "private-key"),
        (format!("PuTTY-User-Key-File-3: ssh-ed25519\nComment: a\nPrivate-Lines: 1\n{}\nPrivate-MAC: 0", base(&mut dice, 64)), "putty-key"),
        (format!("a\\nsk-proj-{}T3BlbkFJ{}", dice.letters(&check::WORD, 60), dice.letters(&check::WORD, 60)), "openai"),
        ("postgres://admin:kR7xQ2mW9pZ4vT@db.harbour.example:5432/x".to_owned(), "url-password"),
        ("machine git.harbour.example\n  login ferry\n  password hunting4seals\n".to_owned(), "netrc"),
        (format!("aws_secret_access_key = {}", base(&mut dice, 40)), "aws-secret-key"),
        (format!("\"SecretAccessKey\": \"{}\"", base(&mut dice, 40)), "aws-secret-key"),
    ] {
        assert_eq!(ids(text.as_bytes()), [id], "{text}");
    }
    let part = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    let jwt =
        format!("{}.{}.{}", part("{\"alg\":\"RS256\"}"), part("{\"iss\":\"harbour\",\"sub\":\"ferry\"}"), dice.letters(&check::WORD, 86));
    assert_eq!(ids(format!("Bearer {jwt}").as_bytes()), ["web-token"]);
}

#[test]
fn random_values_under_telling_names_are_found() {
    let mut dice = Dice::new(5);
    let (mut found, mut all) = (0, 0);
    for _ in 0..500 {
        let value = dice.letters(&check::ALNUM, 24 + all % 20);
        for text in [
            format!("password = \"{value}\""),
            format!("  apiKey: '{value}',"),
            format!("DB_PASSWORD={value}\n"),
            format!("let client_secret: &str = \"{value}\";"),
            format!("setenv(\"API_TOKEN\", \"{value}\")"),
            format!("\"secret\" => \"{value}\""),
            format!("<password>{value}</password>"),
        ] {
            all += 1;
            found += usize::from(ids(text.as_bytes()) == [assign::ID]);
        }
    }
    assert!(found * 100 >= all * 95, "{found} of {all}");
}

#[test]
fn encoded_tokens_are_found_too() {
    let mut hits = vec![];
    let text = format!("data:\n  token: {}\n", STANDARD.encode("glpat-b0at5-and-ferri3s-9Q"));
    decode::each(text.as_bytes(), &mut |plain, at| packed_forms(plain, at, text.len(), &mut hits));
    assert_eq!(hits.iter().map(|hit| hit.id).collect::<Vec<_>>(), ["gitlab-pat"]);
}

#[test]
fn a_report_shows_no_secret() {
    let known = Known::none().unwrap();
    let said = redact(&known, &[], "use glpat-b0at5and-ferri3s9QxZ now");
    assert_eq!(said, "use [gitlab-pat] now");
    assert!(!may_show(&known, &[], b"glpat-b0at5and-ferri3s9QxZ") && may_show(&known, &[], b"glpat is short"));
}
