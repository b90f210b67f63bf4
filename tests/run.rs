//! `tidewaiter run`: a command locked in. Every refusal is shown twice: it works outside of the walls, and fails inside
//! with the error that the wall gives.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "support/inside.rs"]
mod inside;

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    os::unix::fs::MetadataExt as _,
    process::Stdio,
    thread::sleep,
    time::Duration,
};

use inside::{TIDEWAITER, inside, is_root, outside, refused, text, wait_until, workspace};
use tempfile::TempDir;

#[test]
fn the_command_gives_the_status() {
    let directory = workspace();
    for (command, status) in [
        (vec!["true"], 0),
        (vec!["sh", "-c", "exit 7"], 7),
        (vec!["sh", "-c", "kill -9 $$"], 137),
        (vec!["no-such-command"], 127),
        (vec!["/etc/passwd"], 126),
    ] {
        let output = inside(directory.path(), &command).output().unwrap();
        assert_eq!(output.status.code(), Some(status), "{command:?}: {}", text(&output));
    }
}

#[test]
fn a_program_that_may_not_be_executed_is_passed_over_in_path() {
    let directory = workspace();
    let forbidden = workspace();
    fs::write(forbidden.path().join("true"), "#!/bin/sh\nexit 9\n").unwrap();
    fs::set_permissions(forbidden.path().join("true"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", forbidden.path().display());
    for (mut command, status) in [(outside(directory.path(), &["env", "true"]), 9), (inside(directory.path(), &["true"]), 0)] {
        assert_eq!(command.env("PATH", &path).status().unwrap().code(), Some(status));
    }
}

#[test]
fn our_own_failures_exit_125_and_say_why() {
    let directory = workspace();
    fs::write(directory.path().join("bad.toml"), "version = 1\n[network]\ntunnel = []\n").unwrap();
    for (arguments, reason) in [
        (vec!["run", "--policy", "bad.toml", "--", "true"], "tunnel"),
        (vec!["run", "--policy", "missing.toml", "--", "true"], "missing.toml"),
        (vec!["run", "--workspace", "/usr", "--", "true"], "more than a project"),
        (vec!["run", "--workspace", "nowhere", "--", "true"], "nowhere"),
    ] {
        let output = outside(directory.path(), &[&[TIDEWAITER], arguments.as_slice()].concat()).output().unwrap();
        assert_eq!(output.status.code(), Some(125), "{arguments:?}: {}", text(&output));
        assert!(text(&output).contains(reason), "{arguments:?}: {}", text(&output));
    }
}

#[test]
fn standard_streams_go_through_and_open_by_name() {
    for script in ["cat; echo problem >&2", "cat /dev/stdin >/dev/stdout; echo problem >/dev/stderr"] {
        let directory = workspace();
        let mut made = inside(directory.path(), &["sh", "-c", script]);
        let mut child = made.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"in and out\n").unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (&b"in and out\n"[..], &b"problem\n"[..]), "{script}");
    }
}

#[test]
fn the_workspace_can_be_changed_and_stays_its_owners() {
    let directory = workspace();
    fs::write(directory.path().join("old"), "old").unwrap();
    let output =
        inside(directory.path(), &["sh", "-c", "echo new > made; echo more >> old; mkdir sub; ln -s x sub/link"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let owner = fs::metadata(directory.path()).unwrap().uid();
    assert_eq!(owner, nix::unistd::geteuid().as_raw());
    for name in ["made", "old", "sub", "sub/link"] {
        assert_eq!(fs::symlink_metadata(directory.path().join(name)).unwrap().uid(), owner, "{name}");
    }
}

#[test]
fn a_file_outside_cannot_be_read() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    fs::set_permissions(secret.path(), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    refused(&format!("open({:?}).read()", secret.path()), "EACCES");
}

#[test]
fn a_file_outside_cannot_be_changed() {
    let victim = tempfile::NamedTempFile::new().unwrap();
    fs::set_permissions(victim.path(), std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    refused(&format!("open({:?}, 'a').write('x')", victim.path()), "EACCES");
    refused(&format!("os.truncate({:?}, 0)", victim.path()), "EACCES");
    refused(
        &format!("os.symlink({:?}, 'l'); open('l', 'a').write('x')", victim.path())
            .replace("os.symlink", "os.path.lexists('l') or os.symlink"),
        "EACCES",
    );
}

#[test]
fn a_service_that_listened_before_cannot_be_reached() {
    let service = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = service.local_addr().unwrap().port();
    refused(&format!("socket.create_connection(('127.0.0.1', {port}))"), "EACCES");
    refused(&format!("socket.create_connection(('127.0.0.1', {port}), source_address=('127.0.0.2', 0))"), "EACCES");
}

#[test]
fn only_tcp_sockets_are_made() {
    refused("socket.socket(socket.AF_INET, socket.SOCK_DGRAM)", "EACCES");
    refused("socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)", "EAFNOSUPPORT");
    refused("socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)", "EACCES");
    refused("socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)", "EPERM");
}

#[test]
fn nothing_is_gained_by_the_kernels_back_doors() {
    let call = |number: u32, arguments: &str| {
        format!(
            "l = ctypes.CDLL(None, use_errno=True)\nr = l.syscall({number}, {arguments})\nif r < 0: raise OSError(ctypes.get_errno(), '')"
        )
    };
    if is_root() {
        refused(&call(272, "0x20000"), "EPERM"); // unshare(CLONE_NEWNS)
    } else {
        println!("NOT RUN: unshare as a control needs root");
    }
    refused("open('/proc/%d/environ' % os.getppid(), 'rb').read()", "EACCES");
    refused("os.kill(os.getppid(), 0)", "EPERM");
}

#[test]
fn the_projects_own_servers_work() {
    let directory = workspace();
    let script = "import socket\ns = socket.socket()\ns.bind(('127.0.0.1', 0))\ns.listen()\nsocket.create_connection(s.getsockname()).send(b'x')\nprint(s.accept()[0].recv(1))";
    let output = inside(directory.path(), &["python3", "-c", script]).output().unwrap();
    assert_eq!(text(&output).trim(), "b'x'");
}

#[test]
fn no_secret_of_the_job_is_readable() {
    let directory = workspace();
    let script = "grep -rlaz 'made-up-provider-ke[y]' /proc/[0-9]*/environ /proc/[0-9]*/cmdline /proc/[0-9]*/maps . \"$HOME\" \"$TMPDIR\" 2>/dev/null; env | grep -c 'made-up-provider-ke[y]'";
    let key = ("ANTHROPIC_API_KEY", "made-up-provider-key");
    let control = outside(directory.path(), &["sh", "-c", script])
        .env(key.0, key.1)
        .envs(["HOME", "TMPDIR"].map(|name| (name, directory.path())))
        .output()
        .unwrap();
    assert!(text(&control).contains("environ"), "{}", text(&control));
    let attack = inside(directory.path(), &["sh", "-c", script]).env(key.0, key.1).output().unwrap();
    assert_eq!(text(&attack).trim(), "0");
}

#[test]
fn whoever_is_left_behind_is_killed() {
    let directory = workspace();
    let script = "for i in 1 2 3 4 5; do setsid sh -c 'trap \"\" TERM HUP; sleep 1; touch late' >/dev/null 2>&1 & done; touch first";
    for (made, late) in [(outside(directory.path(), &["sh", "-c", script]), true), (inside(directory.path(), &["sh", "-c", script]), false)]
    {
        let _ = fs::remove_file(directory.path().join("late"));
        let mut made = made;
        assert!(made.status().unwrap().success());
        sleep(Duration::from_millis(1500));
        assert_eq!(directory.path().join("late").exists(), late);
    }
}

#[test]
fn the_agent_dies_with_its_supervisor() {
    let directory = workspace();
    let rooms = workspace();
    let script = "while :; do echo x >> alive; sleep 0.02; done";
    let mut supervisor = inside(directory.path(), &["sh", "-c", script]).env("TMPDIR", rooms.path()).spawn().unwrap();
    let alive = directory.path().join("alive");
    wait_until("start", || alive.exists());
    supervisor.kill().unwrap();
    supervisor.wait().unwrap();
    let size = || fs::metadata(&alive).unwrap().len();
    sleep(Duration::from_millis(300));
    let before = size();
    sleep(Duration::from_millis(300));
    assert_eq!(size(), before);
}

#[test]
fn a_signal_reaches_the_command() {
    let directory = workspace();
    let mut child = inside(directory.path(), &["sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.02; done"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdout.as_mut().unwrap().read_exact(&mut [0; 5]).unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap()), nix::sys::signal::SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(9));
}

#[test]
fn time_is_bounded() {
    let directory = workspace();
    fs::write(directory.path().join("p.toml"), "version = 1\n[limits]\ntime = 1\n").unwrap();
    let output = outside(directory.path(), &[TIDEWAITER, "run", "--policy", "p.toml", "--", "sleep", "60"]).output().unwrap();
    assert_eq!(output.status.code(), Some(125));
    assert!(text(&output).contains("limits.time"), "{}", text(&output));
}

/// Otherwise an agent could fill the journal with what it may not do.
#[test]
fn refusals_are_bounded() {
    let directory = workspace();
    fs::write(directory.path().join("p.toml"), "version = 1\n[limits]\nrequests = 20\ntime = 60\n").unwrap();
    let tries = |count: u32| {
        let apart = TempDir::new().unwrap();
        let journal = apart.path().join("journal");
        let script = format!("for i in $(seq {count}); do curl -s -o /dev/null http://refused.example/ || :; done; sleep 1; echo end");
        let run = [TIDEWAITER, "run", "--policy", "p.toml", "--journal", journal.to_str().unwrap(), "--", "sh", "-c", &script];
        let output = outside(directory.path(), &run).output().unwrap();
        let noted = fs::read_to_string(&journal).unwrap().lines().filter(|line| line.contains("\"allowed\":false")).count();
        (output.status.code(), noted, text(&output))
    };
    let (few, noted, said) = tries(20);
    assert_eq!((few, noted), (Some(0), 20), "{said}");
    let (many, noted, said) = tries(60);
    assert_eq!((many, noted), (Some(125), 20), "{said}");
    assert!(said.contains("limits.requests") && !said.contains("end\n"), "{said}");
}

#[test]
fn a_limit_that_is_used_up_ends_the_command_after_its_last_words() {
    let directory = workspace();
    let provider = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", provider.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in provider.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi");
        }
    });
    let policy = |requests| {
        let route = format!("[[network.route]]\nprovider = \"anthropic\"\nbase_url = \"{url}\"\n");
        fs::write(
            directory.path().join("p.toml"),
            format!("version = 1\n[agent]\nmodels = [\"m\"]\n{route}[limits]\nrequests = {requests}\n"),
        )
    };
    let ask = "curl -s $ANTHROPIC_BASE_URL/v1/messages -H \"Authorization: Bearer $ANTHROPIC_AUTH_TOKEN\" \
               -H content-type:application/json -d '{\"model\":\"m\",\"messages\":[]}'";
    let script = format!("{ask}; {ask}; echo last words; sleep 30; echo too long");
    let short = format!("{ask}; {ask}; exit 3");
    for (requests, script, code) in [(1, &script, 125), (2, &short, 3), (1, &short, 125)] {
        policy(requests).unwrap();
        let run = [TIDEWAITER, "run", "--policy", "p.toml", "--", "sh", "-c", script];
        let output = outside(directory.path(), &run).env("ANTHROPIC_API_KEY", "made-up-key").output().unwrap();
        let said = text(&output);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert_eq!(said.contains("`limits.requests` of the policy is used up"), code == 125, "{said}");
        assert_eq!(said.contains("(left: 0 requests, "), code == 125, "{said}");
        assert!(said.contains("last words") == script.contains("last words") && !said.contains("too long"), "{said}");
    }
}

#[test]
fn a_host_that_lets_too_few_files_be_open_is_noted() {
    let directory = workspace();
    fs::write(directory.path().join("p.toml"), "version = 1\n[limits]\nconnections = 2000\n").unwrap();
    for (files, noted) in [("-n 2000", Some("872 connections at once instead of the 2000 of limits.connections")), ("-Sn 1000", None)] {
        let apart = TempDir::new().unwrap();
        let journal = apart.path().join("journal");
        let script = format!("ulimit {files} && exec {TIDEWAITER} run --policy p.toml --journal {} -- true", journal.display());
        let output = outside(directory.path(), &["sh", "-c", &script]).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        let written = fs::read_to_string(&journal).unwrap();
        assert_eq!(written.contains("\"step\":\"gateway\""), noted.is_some(), "{written}");
        assert!(written.contains(noted.unwrap_or_default()), "{written}");
    }
}

#[test]
fn nothing_of_ours_is_left_behind() {
    let directory = workspace();
    let scratch = TempDir::new().unwrap();
    fs::set_permissions(scratch.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let script = "mkdir -p $HOME/a/b && chmod 0 $HOME/a; touch $TMPDIR/x";
    let output = inside(directory.path(), &["sh", "-c", script]).env("TMPDIR", scratch.path()).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
}

#[test]
fn the_tools_inside_are_told_of_the_registries() {
    let directory = workspace();
    fs::write(directory.path().join("go.mod"), "module git.example/own\n\nrequire git.example/one v1.0.0\n").unwrap();
    let policy = "version = 1\n[network]\nfence = \"broker\"\n[[network.registry]]\nkind = \"npm\"\nurl = \"$NPM_MIRROR\"\n\
                  [[network.registry]]\nkind = \"go\"\nurl = \"https://registry.example/go\"\nmodules = [\"go.mod\"]\n[limits]\nrequests = 9\n";
    let script = "cat ~/.npmrc; echo \"$npm_config_registry\"; touch ~/.npmrc && for module in one evil; do curl -s \"$GOPROXY/git.example/$module/@v/list\"; done";
    let file = directory.path().join("policy.toml");
    fs::write(&file, policy).unwrap();
    let command = [TIDEWAITER, "run", "--policy", file.to_str().unwrap(), "--", "sh", "-c", script];
    let run = |mirror: &str| outside(directory.path(), &command).env("NPM_MIRROR", mirror).output().unwrap();
    let output = run("https://registry.example/npm");
    let said = text(&output);
    assert!(output.status.success() && said.contains("/registry/npm/:_authToken=") && said.contains("http://127.0.0.1:"), "{said}");
    // Nobody listens there; the other module is not even asked for.
    assert!(said.contains("[provider/unreachable]") && said.contains("git.example/evil") && said.contains("[registry/module]"), "{said}");
    for (mirror, why) in [("", "NPM_MIRROR, which is not set"), ("http://registry.example", "plain http is only for loopback")] {
        let output = run(mirror);
        assert!(output.status.code() == Some(125) && text(&output).contains(why), "{}", text(&output));
    }
}
