//! Every setting: unit, default, bounds; parsed once into checked types.
//!
//! A setting is looked for as a flag, then in the environment, then in the file of `--config`, then its default
//! holds. One table makes the flags, the variables, the file's keys, their checks and `default-config`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

/// What is wrong with a setting.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{path} is not a configuration file")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: toml::de::Error,
    },
    /// A key that we do not know.
    #[error("unknown setting `{key}` in {path}")]
    Unknown {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
    },
    /// A value of the wrong kind or outside its bounds.
    #[error("setting `{key}` = `{value}`: wanted {wanted}")]
    Value {
        /// The key.
        key: String,
        /// What was given.
        value: String,
        /// What it should have been.
        wanted: String,
    },
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
struct Setting {
    /// `section.name`, or the bare name of a setting without a section.
    key: &'static str,
    /// Default, as text.
    default: &'static str,
    /// Bounds of a number; `None` for text.
    bounds: Option<(u64, u64)>,
    unit: &'static str,
    help: &'static str,
}

impl Setting {
    fn flag(&self) -> String {
        self.key.replace(['.', '_'], "-")
    }

    fn variable(&self) -> String {
        format!("ROADWARDEN_{}", self.key.replace('.', "_").to_uppercase())
    }

    fn check(&self, text: &str) -> Result<u64, ConfigError> {
        let (min, max) = self.bounds.unwrap_or((0, u64::MAX));
        text.replace('_', "")
            .parse()
            .ok()
            .filter(|number| (min..=max).contains(number))
            .ok_or_else(|| ConfigError::Value {
                key: self.key.to_owned(),
                value: text.to_owned(),
                wanted: format!("a whole number of {} from {min} to {max}", self.unit),
            })
    }
}

macro_rules! settings {
    (
        text { $($text:ident = $text_default:literal, $text_help:literal;)+ }
        $($(#[$section_meta:meta])* $section:ident: $type:ident {
            $($name:ident = $default:literal, $min:literal..=$max:literal, $unit:literal, $help:literal;)+
        })+
    ) => {
        $($(#[$section_meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[expect(missing_copy_implementations, reason = "settings are handed on by reference")]
        pub struct $type {
            $(#[doc = concat!($help, " Unit: ", $unit, ".")] pub $name: u64,)+
        })+

        /// Every setting of a server, checked.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Config {
            $(#[doc = $text_help] pub $text: String,)+
            $($(#[$section_meta])* pub $section: $type,)+
        }

        const SETTINGS: &[Setting] = &[
            $(Setting { key: stringify!($text), default: $text_default, bounds: None, unit: "", help: $text_help },)+
            $($(Setting {
                key: concat!(stringify!($section), ".", stringify!($name)),
                default: stringify!($default),
                bounds: Some(($min, $max)),
                unit: $unit,
                help: $help,
            },)+)+
        ];

        impl Config {
            fn from_values(values: &Values) -> Result<Self, ConfigError> {
                Ok(Self {
                    $($text: values.text(stringify!($text)),)+
                    $($section: $type {
                        $($name: values.number(concat!(stringify!($section), ".", stringify!($name)))?,)+
                    },)+
                })
            }
        }
    };
}

settings! {
    text {
        database = "", "Database URL: `sqlite:FILE` or `postgres://...`; empty means `roadwarden.db` in the data folder.";
        data = "./roadwarden-data", "Folder of the embedded database and of everything that the server keeps.";
        http = "127.0.0.1:8080", "Address of the HTTP API; port 0 takes a free one.";
        jt808 = "127.0.0.1:7608", "Address of the JT/T 808 listener, TCP and UDP.";
        jt809 = "127.0.0.1:7809", "Address of the JT/T 809 listener; accepted, but nothing listens there in this version.";
        archive_url = "", "Where the track archive is: a folder, or `s3://BUCKET/PREFIX` with keys and endpoint in AWS_ variables; empty means `archive` in the data folder.";
        log = "info", "Log filter, such as `info` or `roadwarden=debug`.";
    }
    /// Limits of the JT/T 808 listener.
    terminal: TerminalSettings {
        connections_max = 20_000, 1..=1_000_000, "connections", "Open TCP connections in all.";
        connections_per_address_max = 20_000, 1..=1_000_000, "connections", "Open TCP connections from one address.";
        udp_sessions_max = 20_000, 1..=1_000_000, "sessions", "UDP sessions in all.";
        frame_bytes_max = 2092, 64..=65_536, "bytes", "Longest frame, escapes included.";
        frames_per_second_max = 2000, 1..=1_000_000, "frames", "Frames in one second from one connection; more wait for the next second.";
        bad_frames_max = 100, 1..=1_000_000, "frames", "Bad frames after which a connection is closed.";
        unauthenticated_s_max = 60, 1..=3600, "seconds", "Time until a connection must have authenticated.";
        idle_s_max = 300, 5..=86_400, "seconds", "Silence after which a connection is closed.";
        subpackages_max = 256, 2..=65_535, "packages", "Sub-packages of one message.";
        subpackage_bytes_max = 262_144, 1024..=16_777_216, "bytes", "Bytes of one connection's unfinished messages.";
        subpackage_age_s_max = 60, 1..=3600, "seconds", "Age after which an unfinished message is dropped.";
        command_wait_s = 10, 1..=600, "seconds", "First wait for a terminal's answer to a command.";
        command_resends_max = 3, 0..=10, "times", "Repetitions of an unanswered command.";
        write_s_max = 30, 1..=600, "seconds", "Time until replies to a terminal must have been taken by the network.";
        accept_pause_ms_max = 1000, 1..=60_000, "milliseconds", "Longest pause after a failed accept.";
    }
    /// Group commit and journal.
    journal: JournalSettings {
        group_fixes_max = 65_536, 1..=1_048_576, "fixes", "Fixes in one group commit.";
        pending_fixes_max = 262_144, 1024..=16_777_216, "fixes", "Fixes that wait for a commit; more make senders wait.";
        linger_us = 0, 0..=1_000_000, "microseconds", "Time that a group waits for company before it is written.";
        keep_s = 600, 0..=86_400, "seconds", "How long records stay after they were judged and stored, for streams that resume.";
        retry_ms = 500, 10..=60_000, "milliseconds", "Pause before a failed write is tried again.";
    }
    /// Judging and flushing.
    shard: ShardSettings {
        shards = 2, 1..=256, "shards", "Tasks that own vehicles.";
        mailbox_groups = 16, 1..=1024, "groups", "Group commits that may wait in front of a shard.";
        flush_ms = 500, 10..=60_000, "milliseconds", "Pause between two flushes of derived rows.";
        flush_changes_max = 20_000, 100..=1_000_000, "changes", "Changes in a shard that force a flush.";
        tail_bytes_max = 1024, 128..=16_384, "bytes", "Recent track of one vehicle kept in memory before it is stored as a chunk.";
        silence_s = 120, 1..=86_400, "seconds", "How long nothing must have come of a vehicle before its speeding on a road map is judged without waiting for its next fixes.";
    }
    /// The track archive.
    archive: ArchiveSettings {
        interval_ms = 3_600_000, 10..=86_400_000, "milliseconds", "Pause between two passes: staged track to files, merging, retention.";
        staged_chunks_max = 50_000, 100..=10_000_000, "chunks", "New chunks that begin a pass before its time.";
        batch_fixes_max = 500_000, 1000..=1_000_000, "fixes", "Fixes compacted at once; what bounds the memory of compaction.";
        file_bytes_max = 33_554_432, 65_536..=268_435_456, "bytes", "Length from which another file of the same day and bucket is begun; a file is made in memory.";
        merge_files = 8, 2..=1000, "files", "Files of a day and bucket that are merged although the day goes on.";
        merge_after_s = 21_600, 0..=864_000, "seconds", "Quiet time after which the files of a day that is over are merged.";
        grace_s = 600, 60..=86_400, "seconds", "How long a replaced file stays for those who read it.";
        orphan_s = 3600, 600..=864_000, "seconds", "Age from which a file that the catalogue does not name is deleted.";
        retention_months = 6, 6..=1200, "months", "Calendar months for which tracks are kept; legal holds win.";
        footer_cache_bytes = 67_108_864, 1_048_576..=17_179_869_184, "bytes", "Footers of files kept in memory.";
        request_s_max = 20, 1..=600, "seconds", "Longest time for one request to an S3 store.";
        retries_max = 3, 0..=100, "times", "Repetitions of a failed request to an S3 store.";
    }
    /// Judging again what late data change.
    rejudge: RejudgeSettings {
        jobs = 2, 1..=64, "vehicles", "Vehicles judged again at a time.";
        quiet_ms = 3000, 0..=3_600_000, "milliseconds", "How long no more late data of a vehicle must have come before it is judged again.";
        wait_ms_max = 60_000, 0..=3_600_000, "milliseconds", "Longest wait of a vehicle whose late data do not stop.";
        poll_ms = 500, 10..=60_000, "milliseconds", "Pause between looks at what must be judged again.";
    }
    /// The HTTP API.
    api: ApiSettings {
        body_bytes_max = 16_777_216, 1024..=1_073_741_824, "bytes", "Largest request body.";
        streams_max = 256, 1..=100_000, "streams", "Open event streams.";
        request_s_max = 60, 1..=3600, "seconds", "Longest time for one request.";
        registry_poll_ms = 100, 10..=60_000, "milliseconds", "Pause between looks for a newer register.";
        duty_watch_s = 30, 1..=3600, "seconds", "Pause between evaluations for duty events.";
        online_s_max = 300, 10..=86_400, "seconds", "Time since the last fix was received up to which a vehicle is online.";
        quarantine_rows_max = 10_000, 10..=10_000_000, "rows", "Bad frames kept for inspection.";
        drain_s_max = 30, 1..=3600, "seconds", "Longest time to drain at shutdown.";
    }
}

/// Values given by flag, environment or file, before the checks.
#[derive(Clone, Debug, Default)]
pub struct Values(BTreeMap<&'static str, String>);

impl Values {
    fn setting(key: &str) -> Option<&'static Setting> {
        SETTINGS.iter().find(|setting| setting.key == key)
    }

    fn text(&self, key: &str) -> String {
        self.0.get(key).map_or_else(
            || Self::setting(key).map_or("", |s| s.default).to_owned(),
            Clone::clone,
        )
    }

    fn number(&self, key: &str) -> Result<u64, ConfigError> {
        let text = self.text(key);
        Self::setting(key).map_or(Ok(0), |setting| setting.check(&text))
    }

    /// Says a value where the user said none: a command's own default.
    pub fn set_default(&mut self, key: &'static str, value: impl Into<String>) {
        self.0.entry(key).or_insert_with(|| value.into());
    }

    /// Whether the user said a value.
    pub fn is_set(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Adds what a file says, where nothing was said before.
    fn add_file(&mut self, path: &PathBuf) -> Result<(), ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.clone(),
            source,
        })?;
        let table: toml::Table = text.parse().map_err(|source| ConfigError::Syntax {
            path: path.clone(),
            source,
        })?;
        let mut flat = Vec::new();
        for (key, value) in table {
            match value {
                toml::Value::Table(section) => {
                    flat.extend(
                        section
                            .into_iter()
                            .map(|(name, value)| (format!("{key}.{name}"), value)),
                    );
                }
                value => flat.push((key, value)),
            }
        }
        for (key, value) in flat {
            let setting = Self::setting(&key).ok_or_else(|| ConfigError::Unknown {
                path: path.clone(),
                key: key.clone(),
            })?;
            let value = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                other => other.type_str().to_owned(),
            };
            self.0.entry(setting.key).or_insert(value);
        }
        Ok(())
    }
}

impl Args for Values {
    fn augment_args(command: Command) -> Command {
        let command = command.arg(
            Arg::new("config")
                .global(true)
                .long("config")
                .env("ROADWARDEN_CONFIG")
                .value_name("FILE")
                .help("Settings file (TOML); see `default-config`"),
        );
        SETTINGS.iter().fold(command, |command, setting| {
            command.arg(
                Arg::new(setting.key)
                    .global(true)
                    .long(setting.flag())
                    .env(setting.variable())
                    .value_name(if setting.bounds.is_some() {
                        "N"
                    } else {
                        "TEXT"
                    })
                    .hide_short_help(setting.bounds.is_some())
                    .help(if setting.bounds.is_some() {
                        format!(
                            "{} Unit: {} [default: {}]",
                            setting.help, setting.unit, setting.default
                        )
                    } else {
                        format!("{} [default: {}]", setting.help, setting.default)
                    }),
            )
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Values {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut values = Self::default();
        values.update_from_arg_matches(matches)?;
        Ok(values)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for setting in SETTINGS {
            if let Some(value) = matches.get_one::<String>(setting.key) {
                self.0.insert(setting.key, value.clone());
            }
        }
        if let Some(path) = matches.get_one::<String>("config") {
            self.add_file(&PathBuf::from(path)).map_err(|error| {
                clap::Error::raw(
                    clap::error::ErrorKind::ValueValidation,
                    format!("{}\n", chain(error)),
                )
            })?;
        }
        Ok(())
    }
}

/// An error with its causes in one line, as `anyhow` prints it with `{:#}`.
fn chain(error: ConfigError) -> String {
    format!("{:#}", anyhow::Error::new(error))
}

impl Config {
    /// Checks the values.
    ///
    /// # Errors
    /// [`ConfigError::Value`] for a number that is none or outside its bounds.
    pub fn new(values: &Values) -> Result<Self, ConfigError> {
        Self::from_values(values)
    }

    /// The data folder.
    pub fn data_dir(&self) -> PathBuf {
        PathBuf::from(&self.data)
    }

    /// Where the track archive is, with the default filled in.
    pub fn archive_url(&self) -> String {
        if self.archive_url.is_empty() {
            self.data_dir().join("archive").display().to_string()
        } else {
            self.archive_url.clone()
        }
    }

    /// The database URL, with the default filled in.
    pub fn database_url(&self) -> String {
        if self.database.is_empty() {
            format!("sqlite:{}", self.data_dir().join("roadwarden.db").display())
        } else {
            self.database.clone()
        }
    }
}

/// The whole settings file with comments and defaults.
pub fn default_document() -> String {
    let mut lines = vec![
        "# roadwarden settings. Looked for in this order: flag, environment, this file, default.".to_owned(),
        "# `jt808` is the flag --jt808 and the variable ROADWARDEN_JT808;".to_owned(),
        "# `idle_s_max` under [terminal] is --terminal-idle-s-max and ROADWARDEN_TERMINAL_IDLE_S_MAX.".to_owned(),
    ];
    let mut section = "";
    for setting in SETTINGS {
        let (this, name) = setting.key.split_once('.').unwrap_or(("", setting.key));
        if this != section {
            section = this;
            lines.extend([String::new(), format!("[{section}]")]);
        }
        lines.push(format!("# {}", setting.help));
        match setting.bounds {
            Some((min, max)) => {
                lines.push(format!("# Unit: {}, from {min} to {max}.", setting.unit));
                lines.push(format!("{name} = {}", setting.default));
            }
            None => lines.push(format!("{name} = \"{}\"", setting.default)),
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Config, String> {
        let command = Values::augment_args(Command::new("test"));
        let matches = command
            .try_get_matches_from(arguments)
            .map_err(|e| e.to_string())?;
        let values = Values::from_arg_matches(&matches).map_err(|e| e.to_string())?;
        Config::new(&values).map_err(|e| e.to_string())
    }

    #[test]
    fn the_default_document_says_the_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("roadwarden.toml");
        std::fs::write(&path, default_document()).unwrap();
        let from_file = parse(&["test", "--config", path.to_str().unwrap()]).unwrap();
        assert_eq!(from_file, parse(&["test"]).unwrap());
    }

    #[test]
    fn a_flag_wins_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("roadwarden.toml");
        std::fs::write(
            &path,
            "http = \"127.0.0.1:1\"\n[terminal]\nidle_s_max = 7\n",
        )
        .unwrap();
        let config = parse(&[
            "test",
            "--config",
            path.to_str().unwrap(),
            "--http",
            "127.0.0.1:2",
        ])
        .unwrap();
        assert_eq!(
            (config.http.as_str(), config.terminal.idle_s_max),
            ("127.0.0.1:2", 7)
        );
    }

    #[test]
    fn a_wrong_value_names_its_setting_and_bounds() {
        let error = parse(&["test", "--terminal-idle-s-max", "soon"]).unwrap_err();
        assert!(
            error.contains("terminal.idle_s_max") && error.contains("from 5 to 86400"),
            "{error}"
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("roadwarden.toml");
        std::fs::write(&path, "htp = 1\n").unwrap();
        let error = parse(&["test", "--config", path.to_str().unwrap()]).unwrap_err();
        assert!(error.contains("unknown setting `htp`"), "{error}");
    }
}
