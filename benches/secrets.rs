//! How fast the gate looks for secrets: `secrets FOLDER` reads every file beneath FOLDER into memory, looks through each on one
//! thread, the fastest of three times counts, and tells MiB a second, the most memory, and what was found.
//!
//! With the name of a kind of secret as a second argument, the places of what it found; with `--once`, one time alone.
#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on has failed")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use tidewaiter::gate::fuzz;

/// Files are read and looked at in lots of so many bytes, so that the memory told is the search's own and not the files'.
const LOT: usize = 8 << 20;

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(&entry.path(), out),
            Ok(kind) if kind.is_file() => out.push(entry.path()),
            _ => {}
        }
    }
}

/// Seconds of the processor's time that this process has used; what else the machine does is not among them.
fn cpu() -> f64 {
    let time = nix::time::clock_gettime(nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID).unwrap();
    time.tv_sec() as f64 + time.tv_nsec() as f64 / 1e9
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let folder = arguments.first().expect("usage: secrets FOLDER [KIND]");
    let mut paths = Vec::new();
    files(Path::new(folder), &mut paths);
    paths.sort();
    let (mut fastest, mut bytes, mut found, mut shown) = (f64::MAX, 0, BTreeMap::new(), 0);
    let times = if arguments.get(1).is_some_and(|asked| asked == "--once") { 1 } else { 3 };
    let mut without = f64::MAX;
    for _ in 0..times {
        let (mut seconds, mut bare) = (0.0, 0.0);
        (bytes, found, shown) = (0, BTreeMap::<&str, usize>::new(), 0);
        let mut rest = &paths[..];
        while !rest.is_empty() {
            let (mut lot, mut size) = (Vec::new(), 0);
            while let Some((first, more)) = rest.split_first() {
                let text = fs::read(first).unwrap();
                size += text.len();
                lot.push((first, text));
                rest = more;
                if size >= LOT {
                    break;
                }
            }
            let start = cpu();
            let plain: usize = lot.iter().map(|(_, text)| fuzz::plain_secrets(text)).sum();
            bare += cpu() - start;
            let start = cpu();
            let results: Vec<_> = lot.iter().map(|(_, text)| fuzz::secrets(text)).collect();
            seconds += cpu() - start;
            assert!(plain <= results.iter().map(|(hits, _)| hits.len()).sum());
            bytes += size;
            for ((path, text), (hits, decoded)) in lot.iter().zip(results) {
                shown += decoded;
                for (at, kind) in hits {
                    *found.entry(kind).or_default() += 1;
                    if arguments.get(1).is_some_and(|asked| asked == kind) && seconds < fastest {
                        println!("{}: {}", path.display(), String::from_utf8_lossy(&text[at]));
                    }
                }
            }
        }
        fastest = fastest.min(seconds);
        without = without.min(bare);
    }
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak: f64 = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok()).unwrap();
    let mib = bytes as f64 / f64::from(1 << 20);
    println!("{} files, {mib:.0} MiB; {:.0} MiB of memory at most", paths.len(), peak / 1024.0);
    println!("by their form: {:.0} MiB/s", mib / without);
    println!("behind encodings as well: {:.0} MiB/s", mib / fastest);
    println!("decoded {:.0} MiB; found {found:?}", shown as f64 / f64::from(1 << 20));
}
