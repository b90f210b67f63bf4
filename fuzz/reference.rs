//! The two dialects of patterns, said as plainly as they can be; how long it takes does not matter here.

/// Whether `path` matches `pattern` of the policy's dialect.
pub fn glob(pattern: &str, path: &[u8]) -> bool {
    let (pattern, path): (Vec<&str>, Vec<&[u8]>) = (pattern.split('/').collect(), path.split(|b| *b == b'/').collect());
    names(&pattern, &path)
}

fn names(pattern: &[&str], path: &[&[u8]]) -> bool {
    match pattern {
        [] => path.is_empty(),
        // At the end it stands for what is in a folder, which is not the folder itself.
        ["**"] => !path.is_empty(),
        ["**", rest @ ..] => (0..=path.len()).any(|skipped| names(rest, &path[skipped..])),
        [first, rest @ ..] => match path {
            [] => false,
            [name, more @ ..] => !name.is_empty() && letters(&signs(first.as_bytes()), &signs(name)) && names(rest, more),
        },
    }
}

fn letters(pattern: &[Vec<u8>], name: &[Vec<u8>]) -> bool {
    match pattern {
        [] => name.is_empty(),
        [first, rest @ ..] if first == b"*" => (0..=name.len()).any(|skipped| letters(rest, &name[skipped..])),
        [first, rest @ ..] => match name {
            [] => false,
            [sign, more @ ..] => (first == b"?" || first == sign) && letters(rest, more),
        },
    }
}

/// The characters of a text; a byte that belongs to none is one by itself.
fn signs(text: &[u8]) -> Vec<Vec<u8>> {
    let mut signs = Vec::new();
    for chunk in text.utf8_chunks() {
        signs.extend(chunk.valid().chars().map(|sign| sign.to_string().into_bytes()));
        signs.extend(chunk.invalid().iter().map(|byte| vec![*byte]));
    }
    signs
}

/// Whether `text` matches `pattern` as GitLab matches includes: `*` stands for anything at all.
pub fn wild(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.into_iter().any(|at| wild(rest, &text[at..]))
        }),
    }
}
