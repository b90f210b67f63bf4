//! The text that GitLab Runner generates for a job's shell and sends to its standard input (version 19, `shells/bash.go`).

/// How the runner starts the shell (`BashDetectShellScript`).
pub(crate) const DETECT: &str = "if [ -x /usr/local/bin/bash ]; then exec /usr/local/bin/bash ; elif [ -x /usr/bin/bash ]; then exec /usr/bin/bash ; elif [ -x /bin/bash ]; then exec /bin/bash ; elif [ -x /usr/local/bin/sh ]; then exec /usr/local/bin/sh ; elif [ -x /usr/bin/sh ]; then exec /usr/bin/sh ; elif [ -x /bin/sh ]; then exec /bin/sh ; elif [ -x /busybox/sh ]; then exec /busybox/sh ; else echo shell not found ; exit 1 ; fi";

/// How values are quoted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Quoting {
    /// `$'…'`.
    AnsiC,
    /// `"…"`: the feature flag `FF_POSIXLY_CORRECT_ESCAPES`.
    Posix,
}

impl Quoting {
    fn quote(self, text: &str) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || ",-./@_".contains(c);
        match self {
            _ if text.is_empty() => "''".to_owned(),
            _ if text.chars().all(plain) => text.to_owned(),
            Self::AnsiC => format!("$'{}'", text.bytes().map(ansi_c).collect::<String>()),
            Self::Posix => {
                let escaped = text.chars().map(|c| if "`\"\\$".contains(c) { format!("\\{c}") } else { c.to_string() });
                format!("\"{}\"", escaped.collect::<String>())
            }
        }
    }
}

fn ansi_c(byte: u8) -> String {
    match byte {
        b'\n' => "\\n".to_owned(),
        b'\t' => "\\t".to_owned(),
        b'\'' | b'\\' => format!("\\{}", char::from(byte)),
        0x20..=0x7e => char::from(byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    }
}

/// The script of one stage: the job's variables, then the commands, each shown before it runs.
pub(crate) fn generated(variables: &[(String, String)], directory: &str, commands: &str, quoting: Quoting) -> String {
    let mut inner = String::new();
    for (name, value) in variables {
        inner += &format!("export {name}={}\n", quoting.quote(value));
    }
    inner += &format!("cd \"{directory}\"\n");
    for command in commands.lines() {
        inner += &format!("echo {}\n{command}\n", quoting.quote(&format!("\x1b[32;1m$ {command}\x1b[0;m")));
    }
    format!(
        "trap exit 1 TERM\n\nif set -o | grep pipefail > /dev/null; then set -o pipefail; fi; set -o errexit\nset +o noclobber\n: | (eval {})\nexit 0\n",
        quoting.quote(&inner)
    )
}
