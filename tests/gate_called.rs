//! What the gate says of files that CI jobs run, and of what GitLab reads besides its CI configuration.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use support::repo::Scene;

const CONFIG: &str = r#"
include:
  - local: ci/jobs.yml
  - remote: https://ci.example/x.yml
    integrity: sha256-made-up
  - project: group/templates
    ref: v1
    file: a.yml
  - component: $CI_SERVER_FQDN/group/part@1.0
build:
  before_script:
    - source ci/env.sh
  script:
    - ./ci/build.sh --fast
    - bash "$CI_PROJECT_DIR/scripts/pack.bash"
    - python3 tools/gen.py > out.txt
    - make -C native all
    - cd web && npm run build
    - docker build -f images/app.Dockerfile .
    - cat VERSION
    - cargo test --locked
    - for f in ci/steps/*.sh; do sh "$f"; done
child:
  trigger:
    include:
      - artifact: generated.yml
        job: generate
generate:
  script:
    - |
      ruby ci/generate.rb \
        > generated.yml
"#;

fn scene() -> Scene {
    let scene = Scene::plain();
    scene.write(".gitlab-ci.yml", CONFIG);
    scene.write("ci/jobs.yml", "lint:\n  script: [./ci/lint.sh, python -m tools.check]\n");
    scene.write("ci/build.sh", "#!/bin/sh\n. \"$(dirname \"$0\")/lib.sh\"\nscripts/deep.sh\n");
    for path in [
        "ci/env.sh",
        "ci/lib.sh",
        "ci/lint.sh",
        "ci/other.sh",
        "ci/steps/one.sh",
        "scripts/deep.sh",
        "scripts/pack.bash",
        "scripts/unused.sh",
        "tools/gen.py",
        "tools/check.py",
        "tools/unused.py",
        "native/rules.mk",
        "web/build.js",
        "web/unused.js",
        "images/app.Dockerfile",
        "ci/generate.rb",
        "VERSION",
    ] {
        scene.write(path, "x\n");
    }
    scene.write("native/Makefile", "include rules.mk\nall:\n\tcc x.c\n");
    scene.write(
        "web/package.json",
        "{\"scripts\": {\"prebuild\": \"node before.js\", \"build\": \"node build.js\", \"other\": \"node unused.js\"}}\n",
    );
    scene.commit("with CI");
    scene
}

#[test]
fn a_file_that_a_job_runs_needs_a_look() {
    let scene = scene();
    for path in [
        "ci/env.sh",
        "ci/build.sh",
        "ci/lib.sh",
        "ci/lint.sh",
        "ci/steps/one.sh",
        "ci/steps/new.sh",
        "scripts/deep.sh",
        "scripts/pack.bash",
        "tools/gen.py",
        "tools/check.py",
        "native/Makefile",
        "native/rules.mk",
        "native/GNUmakefile",
        "web/build.js",
        "web/before.js",
        "images/app.Dockerfile",
        "ci/generate.rb",
    ] {
        let given = scene.hand_over();
        given.write(path, "changed\n");
        let found = given.rules();
        assert!(found.contains(&"ci/called=review".to_owned()), "{path}: {found:?}");
        std::fs::remove_dir_all(scene.workspace()).unwrap();
    }
    for path in ["ci/other.sh", "scripts/unused.sh", "tools/unused.py", "web/unused.js", "VERSION", "src/main.rs", "docs/build.sh.md"] {
        let given = scene.hand_over();
        given.write(path, "changed\n");
        let found = given.rules();
        assert!(!found.contains(&"ci/called=review".to_owned()), "{path}: {found:?}");
        std::fs::remove_dir_all(scene.workspace()).unwrap();
    }
}

#[test]
fn the_finding_names_the_job_and_its_line() {
    let scene = scene();
    let given = scene.hand_over();
    given.write("ci/build.sh", "changed\n");
    given.write("ci/lib.sh", "changed\n");
    given.remove("ci/generate.rb");
    let judgement = given.judge();
    let told: Vec<&str> = judgement.verdict.findings.iter().map(|finding| finding.message.as_str()).collect();
    assert!(told.contains(&"job `build` (`./ci/build.sh --fast`) runs this file"), "{told:?}");
    assert!(told.iter().any(|message| message.starts_with("ci/build.sh, which CI runs,")), "{told:?}");
    assert!(told.iter().any(|message| message.starts_with("job `generate`")), "{told:?}");
}

#[test]
fn what_includes_from_elsewhere_and_child_pipelines_is_configuration() {
    for (from, to) in [
        ("ref: v1", "ref: main"),
        ("sha256-made-up", "sha256-other"),
        ("https://ci.example/x.yml", "https://other.example/x.yml"),
        ("part@1.0", "part@~latest"),
        ("    file: a.yml\n", "    file: a.yml\n  - template: Auto-DevOps.gitlab-ci.yml\n"),
        ("artifact: generated.yml", "artifact: other.yml"),
    ] {
        let scene = scene();
        let given = scene.hand_over();
        assert!(CONFIG.contains(from));
        given.write(".gitlab-ci.yml", CONFIG.replace(from, to));
        assert_eq!(given.rules(), ["ci/config=deny"], "{from}");
    }
}

#[test]
fn what_gitlab_reads_besides_is_protected() {
    for path in [
        ".gitlab/security-policies/policy.yml",
        ".gitlab/duo/agent-config.yml",
        ".gitlab/merge_request_templates/a.md",
        ".gitlab/sast-ruleset.toml",
        ".gitlab/CODEOWNERS",
    ] {
        let scene = scene();
        let given = scene.hand_over();
        given.write(path, "x\n");
        assert_eq!(given.rules(), ["gitlab/config=deny"], "{path}");
    }
}

#[test]
fn scripts_are_looked_at_where_the_configuration_cannot_be_read() {
    let scene = Scene::plain();
    scene.write(".gitlab-ci.yml", "a: [\n");
    scene.commit("broken");
    let given = scene.hand_over();
    given.write("run.sh", "#!/bin/sh\necho\n");
    given.write("src/main.rs", "x\n");
    assert_eq!(given.rules(), ["ci/called=review"]);
}
