//! Looks for words wherever a process can look. It knows them in disguise only, so that it does not find itself.

use std::{
    env, fs,
    io::{self, BufRead as _, Read as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use nix::unistd::SysconfVar::PAGE_SIZE;

/// `name:word in disguise,…`
const WORDS: &str = "TIDEWAITER_SEARCH_WORDS";
/// Directories, divided by colons.
const PLACES: &str = "TIDEWAITER_SEARCH_PLACES";
/// No byte of a word stays as it is.
const MASK: u8 = 0xa5;
/// Files that are larger are programs.
const LARGEST: u64 = 32 << 20;
/// Bytes that are read at a time.
const PART: usize = 1 << 20;

/// The shell's command that searches `places` for `words` by `program`, which is this binary.
pub(crate) fn command(program: &Path, words: &[(&str, &str)], places: &str) -> String {
    let hidden = |word: &str| word.bytes().map(|byte| format!("{:02x}", byte ^ MASK)).collect::<String>();
    let words: Vec<String> = words.iter().map(|(name, word)| format!("{name}:{}", hidden(word))).collect();
    let program = program.display();
    format!("{WORDS}={} {PLACES}={places} {program} search::everywhere --exact --ignored --nocapture --test-threads=1", words.join(","))
}

struct Word {
    name: String,
    hidden: Vec<u8>,
}

impl Word {
    fn of_environment() -> Vec<Self> {
        let text = env::var(WORDS).unwrap();
        let hex = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        let one = |(name, hidden): (&str, &str)| Self { name: name.to_owned(), hidden: hidden.as_bytes().chunks(2).map(hex).collect() };
        text.split(',').map(|part| one(part.split_once(':').unwrap())).collect()
    }

    /// How often it stands in `bytes`.
    fn count(&self, bytes: &[u8]) -> usize {
        let (first, mut rest, mut count) = (self.hidden[0] ^ MASK, bytes, 0);
        while !rest.is_empty() {
            rest.skip_until(first).unwrap();
            let at = bytes.len() - rest.len();
            let tail = rest.get(..self.hidden.len() - 1);
            let same = tail.is_some_and(|tail| tail.iter().zip(&self.hidden[1..]).all(|(byte, hidden)| byte ^ MASK == *hidden));
            count += usize::from(same && bytes[at - 1] == first);
        }
        count
    }
}

struct Search {
    words: Vec<Word>,
    read: usize,
    shut: usize,
    found: Vec<usize>,
}

impl Search {
    fn new() -> Self {
        let words = Word::of_environment();
        let found = vec![0; words.len()];
        Self { words, read: 0, shut: 0, found }
    }

    fn tell(&self, place: &str) {
        let found: Vec<String> = self.words.iter().zip(&self.found).map(|(word, count)| format!("{}={count}", word.name)).collect();
        println!("[search] {place} read={} shut={} {}", self.read, self.shut, found.join(" "));
    }

    fn look_at(&mut self, bytes: &[u8]) {
        for (word, found) in self.words.iter().zip(&mut self.found) {
            *found += word.count(bytes);
        }
    }

    fn file(&mut self, path: &Path) {
        match fs::File::open(path).and_then(|file| {
            let mut bytes = Vec::new();
            file.take(LARGEST).read_to_end(&mut bytes).map(|_| bytes)
        }) {
            Ok(bytes) => {
                self.read += 1;
                self.look_at(&bytes);
            }
            Err(_) => self.shut += 1,
        }
    }

    /// Everything beneath `directory`; links are not followed.
    fn tree(&mut self, directory: &Path) {
        let Ok(entries) = fs::read_dir(directory) else {
            self.shut += 1;
            return;
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            match fs::symlink_metadata(&path) {
                Ok(meta) if meta.is_dir() => self.tree(&path),
                Ok(meta) if meta.is_file() && meta.len() <= LARGEST => self.file(&path),
                Ok(_) => {}
                Err(_) => self.shut += 1,
            }
        }
    }

    /// The regular files that a process holds open.
    fn descriptors(&mut self, process: &Path) {
        let Ok(entries) = fs::read_dir(process.join("fd")) else {
            self.shut += 1;
            return;
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            if fs::metadata(&path).is_ok_and(|meta| meta.is_file() && meta.len() <= LARGEST) {
                self.file(&path);
            }
        }
    }

    fn memory(&mut self, process: &Path) {
        match self.pages(process) {
            Ok(()) => self.read += 1,
            Err(_) => self.shut += 1,
        }
    }

    /// Every readable page that is there (proc_pid_maps(5), proc_pid_pagemap(5)).
    fn pages(&mut self, process: &Path) -> io::Result<()> {
        let maps = fs::read_to_string(process.join("maps"))?;
        let (memory, there) = (fs::File::open(process.join("mem"))?, fs::File::open(process.join("pagemap"))?);
        let size = u64::try_from(nix::unistd::sysconf(PAGE_SIZE).unwrap().unwrap()).unwrap();
        for line in maps.lines() {
            let mut fields = line.split(' ');
            let (range, rights) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
            let Some((from, to)) = range.split_once('-') else { continue };
            let (Ok(from), Ok(to)) = (u64::from_str_radix(from, 16), u64::from_str_radix(to, 16)) else { continue };
            if rights.starts_with('r') {
                self.region(&memory, &there, from / size..to / size, size);
            }
        }
        Ok(())
    }

    fn region(&mut self, memory: &fs::File, there: &fs::File, pages: std::ops::Range<u64>, size: u64) {
        let most = PART as u64 / size;
        let mut run: Option<std::ops::Range<u64>> = None;
        let mut entries = vec![0; PART];
        let mut page = pages.start;
        while page < pages.end {
            let want = usize::try_from((pages.end - page).min(PART as u64 / 8)).unwrap() * 8;
            if there.read_exact_at(&mut entries[..want], page * 8).is_err() {
                break;
            }
            for entry in entries[..want].chunks_exact(8) {
                // Bits 62 and 63 of the little-endian entry: in the swap, in memory.
                if entry[7] & 0xc0 != 0 {
                    let start = run.as_ref().map_or(page, |run| run.start);
                    run = Some(start..page + 1);
                }
                let full = run.as_ref().is_some_and(|run| run.end <= page || run.end - run.start >= most);
                if full && let Some(done) = run.take() {
                    self.run(memory, done, size);
                }
                page += 1;
            }
        }
        if let Some(done) = run {
            self.run(memory, done, size);
        }
    }

    /// Neighbouring pages, with the beginning of what follows, so that no word is cut in two.
    fn run(&mut self, memory: &fs::File, pages: std::ops::Range<u64>, size: u64) {
        let mut bytes = vec![0; usize::try_from((pages.end - pages.start + 1) * size).unwrap()];
        let inner = bytes.len() - usize::try_from(size).unwrap();
        if memory.read_exact_at(&mut bytes[..inner], pages.start * size).is_err() {
            return;
        }
        let more = memory.read_exact_at(&mut bytes[inner..], pages.end * size).map_or(0, |()| 128);
        self.look_at(&bytes[..inner + more]);
    }
}

fn processes() -> Vec<PathBuf> {
    let number = |path: &PathBuf| path.file_name().is_some_and(|name| name.as_encoded_bytes().iter().all(u8::is_ascii_digit));
    fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path()).filter(number).collect()
}

#[test]
#[ignore = "the program that the tests of keys.rs run, inside of the walls and outside"]
fn everywhere() {
    println!();
    let each = |place: &str, look: &dyn Fn(&mut Search, &Path)| {
        let mut search = Search::new();
        processes().iter().for_each(|process| look(&mut search, process));
        search.tell(place);
    };
    each("environ", &|search, process| search.file(&process.join("environ")));
    each("cmdline", &|search, process| search.file(&process.join("cmdline")));
    each("memory", &|search, process| search.memory(process));
    each("descriptors", &|search, process| search.descriptors(process));
    let mut search = Search::new();
    env::var(PLACES).unwrap().split(':').for_each(|place| search.tree(Path::new(place)));
    search.tell("files");
}
