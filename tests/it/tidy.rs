//! The house rules, read from the sources: who may import whom, leftovers, fixtures that nothing reads.

use std::fs;
use std::path::{Path, PathBuf};

/// Module, and the modules of ours that it may name. `*` means any.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("model", &["model"]),
    ("protocol", &["protocol"]),
    ("geo", &["geo", "model"]),
    ("normalize", &["normalize", "protocol", "model", "geo"]),
    ("track", &["track", "model"]),
    ("rulebook", &["rulebook", "model"]),
    ("roads", &["roads", "model", "geo"]),
    ("detect", &["detect", "model", "geo", "roads"]),
    ("duty", &["duty", "model"]),
    ("store", &["store", "model", "track"]),
    // The track archive keeps files and their catalogue; it knows nothing of judging.
    (
        "archive",
        &["archive", "store", "model", "clock", "telemetry"],
    ),
    ("journal", &["journal", "store", "model", "track"]),
    (
        "files",
        &["files", "model", "geo", "roads", "protocol", "normalize"],
    ),
    ("view", &["view", "model"]),
    ("live", &["live", "model"]),
    (
        "api",
        &[
            "api",
            "model",
            "store",
            "live",
            "duty",
            "clock",
            "view",
            "track",
            "telemetry",
        ],
    ),
];

/// Modules of the functional core: no waiting, no clock, no order by chance.
const CORE: &[&str] = &[
    "model",
    "protocol",
    "geo",
    "normalize",
    "track",
    "rulebook",
    "roads",
    "detect",
    "duty",
];

/// What the core may not name.
const NOT_IN_CORE: &[&str] = &[
    "tokio",
    "sqlx",
    "axum",
    "std::time::Instant",
    "SystemTime",
    "HashMap",
    "HashSet",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(path: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(path) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn all_sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    sources(&root().join(folder), &mut found);
    found.sort();
    found
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            (path.strip_prefix(root()).unwrap().to_owned(), text)
        })
        .collect()
}

/// The top-level module to which a source file belongs.
fn module(path: &Path) -> String {
    let second = path.components().nth(1).unwrap();
    second
        .as_os_str()
        .to_string_lossy()
        .trim_end_matches(".rs")
        .to_owned()
}

/// Code lines up to the unit tests, without comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .take_while(|line| line.trim() != "#[cfg(test)]")
        .map(|line| line.split("//").next().unwrap_or(""))
}

#[test]
fn modules_import_only_what_the_table_allows() {
    let mut wrong = Vec::new();
    for (path, text) in all_sources("src") {
        let module = module(&path);
        let Some((_, allowed)) = MAY_NAME.iter().find(|(name, _)| *name == module) else {
            continue;
        };
        for line in code(&text) {
            for part in line.split("crate::").skip(1) {
                let named: String = part
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                if !named.is_empty() && !allowed.contains(&named.as_str()) {
                    wrong.push(format!("{}: names crate::{named}", path.display()));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "imports outside the table:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn the_core_does_not_wait_or_read_a_clock() {
    let mut wrong = Vec::new();
    for (path, text) in all_sources("src") {
        if !CORE.contains(&module(&path).as_str()) {
            continue;
        }
        for line in code(&text) {
            for name in NOT_IN_CORE {
                if line.contains(name) {
                    wrong.push(format!("{}: names {name}", path.display()));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "the core must stay pure:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn no_leftovers_stay_in_the_sources() {
    let banned = [
        concat!("FIX", "ME"),
        concat!("TO", "DO"),
        concat!("XX", "X"),
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
    ];
    let mut wrong = Vec::new();
    for folder in ["src", "tests", "benches"] {
        for (path, text) in all_sources(folder) {
            for name in banned {
                if text.contains(name) {
                    wrong.push(format!("{}: {name}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "leftovers:\n{}", wrong.join("\n"));
}

#[test]
fn every_top_level_module_is_on_the_map() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for (path, _) in all_sources("src") {
        let module = module(&path);
        if module != "lib" && module != "main" {
            assert!(
                map.contains(&format!("`{module}`")),
                "ARCHITECTURE.md does not name `{module}`"
            );
        }
    }
}

#[test]
fn every_fixture_is_read_by_something() {
    let mut code = String::new();
    for folder in ["src", "tests", "benches"] {
        for (_, text) in all_sources(folder) {
            code.push_str(&text);
        }
    }
    let mut unread = Vec::new();
    let mut stack = vec![root().join("fixtures")];
    while let Some(folder) = stack.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                // A folder that is named as a whole is read as a whole.
                if !code.contains(&format!("\"{name}\"")) && !code.contains(&format!("{name}/")) {
                    stack.push(path);
                }
            } else if name != "README.md" && !code.contains(&name) {
                unread.push(path.display().to_string());
            }
        }
    }
    assert!(
        unread.is_empty(),
        "fixtures that nothing reads:\n{}",
        unread.join("\n")
    );
}
