//! The README as a new user would follow it: its session, its demo, and its Chinese twin.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::server::{Server, program, succeed};

const ENGLISH: &str = include_str!("../../README.md");
const CHINESE: &str = include_str!("../../README.zh-CN.md");

/// Around the session on own data.
const BEGIN: &str = "<!-- session -->";
const END: &str = "<!-- end of session -->";
/// Where the README's server listens.
const BASE: &str = "http://127.0.0.1:8080";

/// Fenced blocks: language and content.
fn blocks(text: &str) -> Vec<(&str, &str)> {
    text.split("```")
        .skip(1)
        .step_by(2)
        .map(|block| block.split_once('\n').unwrap())
        .collect()
}

/// Commands of the session, and what each is said to answer.
fn session() -> Vec<(&'static str, &'static str)> {
    let (_, rest) = ENGLISH.split_once(BEGIN).unwrap();
    let (session, _) = rest.split_once(END).unwrap();
    let blocks = blocks(session);
    let (pairs, rest) = blocks.as_chunks::<2>();
    assert!(rest.is_empty(), "a command without an answer: {rest:?}");
    pairs
        .iter()
        .map(|[(language, command), (_, answer)]| {
            assert_eq!(*language, "sh", "{command}");
            (command.trim(), *answer)
        })
        .collect()
}

/// Standard output of commands that must succeed.
fn shell(folder: &Path, script: &str) -> String {
    let output = Command::new("sh")
        .args(["-eu", "-c"])
        .arg(format!("roadwarden() {{ \"$PROGRAM\" \"$@\"; }}\n{script}"))
        .env("PROGRAM", program().get_program())
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}\n{errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Words of a command line; quotes keep blanks together.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (number, part) in line.split('\'').enumerate() {
        if number.is_multiple_of(2) {
            words.extend(part.split_whitespace().map(str::to_owned));
        } else {
            words.push(part.to_owned());
        }
    }
    words
}

/// Path and body of a `curl` line.
fn request(line: &str, folder: &Path) -> (String, Option<String>) {
    let words = words(line);
    let after = |option: &str| {
        let at = words.iter().position(|word| word == option)?;
        words.get(at + 1).cloned()
    };
    let file = after("--data-binary").map(|name| folder.join(name.trim_start_matches('@')));
    let body = file
        .map(|path| std::fs::read_to_string(path).unwrap())
        .or_else(|| after("-d"));
    let path = words.iter().find_map(|word| word.strip_prefix(BASE));
    (path.unwrap().to_owned(), body)
}

/// Whether an answer is the shown one, in which `…` stands for anything.
fn is_shown(shown: &Value, answer: &Value) -> bool {
    match (shown, answer) {
        (Value::String(text), _) if text == "…" => true,
        (Value::Object(shown), Value::Object(answer)) => {
            shown.len() == answer.len()
                && shown.iter().all(|(key, value)| {
                    answer
                        .get(key)
                        .is_some_and(|answer| is_shown(value, answer))
                })
        }
        (Value::Array(shown), Value::Array(answer)) => {
            shown.len() == answer.len()
                && shown
                    .iter()
                    .zip(answer)
                    .all(|(shown, answer)| is_shown(shown, answer))
        }
        _ => shown == answer,
    }
}

#[test]
fn the_session_answers_as_shown() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = None;
    for (command, shown) in session() {
        if let Some(options) = command.strip_prefix("roadwarden serve --dev-open ") {
            let options: Vec<&str> = options.split_whitespace().collect();
            let data = folder.path().join("roadwarden-data");
            running = Some(Server::start(&data, &options));
        } else if command.starts_with("curl ") {
            let server: &Server = running.as_ref().unwrap();
            let shown: Value = serde_json::from_str(shown).unwrap();
            match request(command, folder.path()) {
                (path, Some(body)) => {
                    let answer = server.post(&path, &body);
                    assert!(is_shown(&shown, &answer), "{command}\n{answer}");
                }
                (path, None) => {
                    server.wait_for(&path, |answer| is_shown(&shown, answer));
                }
            }
        } else {
            assert_eq!(shell(folder.path(), command), shown, "{command}");
        }
    }
    running.unwrap().stop();
}

#[test]
fn the_demo_answers_as_shown() {
    let failing: Value = serde_json::from_str(&succeed(&["demo", "--once"])).unwrap();
    let (_, shown) = blocks(ENGLISH)
        .into_iter()
        .find(|(language, _)| *language == "json")
        .unwrap();
    let shown: Value = serde_json::from_str(shown).unwrap();
    let items = failing["items"].as_array().unwrap();
    assert!(items.contains(&shown["items"][0]), "{failing}");
    let heading = format!(
        "{} of {} enterprises fail their 24-hour monitoring duty, {} to {}:",
        failing["enterprises_failing"],
        failing["enterprises_total"],
        failing["from"].as_str().unwrap(),
        failing["to"].as_str().unwrap(),
    );
    assert!(ENGLISH.contains(&heading), "{heading}");
}

#[test]
fn both_readmes_show_the_same_commands_and_answers() {
    assert_eq!(blocks(CHINESE), blocks(ENGLISH));
}
