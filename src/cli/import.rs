//! `import`: reads and checks a file or folder whole; what comes back may go to the store.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context as _, bail};

use crate::files::{Problems, areas, fleet, routes};
use crate::model::LocalZone;
use crate::model::fleet::FleetFolder;
use crate::model::route::{Area, Route};
use crate::model::rules::RuleSet;
use crate::rulebook;

/// What to import.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum ImportCommand {
    /// A fleet folder: enterprises.csv, vehicles.csv and, where there are, drivers.csv,
    /// monitors.csv, assignments.csv, permits.csv
    Fleet {
        /// The folder
        folder: PathBuf,
    },
    /// An OpenStreetMap extract (.osm.pbf); not in this version
    Roads {
        /// The file
        file: PathBuf,
    },
    /// Planned routes (GeoJSON)
    Routes {
        /// The file
        file: PathBuf,
    },
    /// Areas (GeoJSON)
    Areas {
        /// The file
        file: PathBuf,
    },
    /// A rulebook document (TOML)
    Rules {
        /// The file
        file: PathBuf,
    },
}

/// What an import holds, checked, before it is stored.
#[derive(Clone, Debug)]
pub enum Import {
    /// A register.
    Fleet(FleetFolder),
    /// Planned routes.
    Routes(Vec<Route>),
    /// Areas.
    Areas(Vec<Area>),
    /// A rulebook, with its text as it was given.
    Rules(String, Box<RuleSet>),
}

impl ImportCommand {
    /// Reads and checks it all; every bad line is told on `notes`, and then nothing is given.
    ///
    /// Dates without a time are days of `zone`.
    ///
    /// # Errors
    /// When anything is wrong, or roads are asked for.
    pub fn load(&self, zone: &LocalZone, notes: &mut dyn Write) -> anyhow::Result<Import> {
        match self {
            Self::Fleet { folder } => {
                told(fleet::read_folder(folder, zone), notes).map(Import::Fleet)
            }
            Self::Routes { file } => told(routes::read(file), notes).map(Import::Routes),
            Self::Areas { file } => told(areas::read(file), notes).map(Import::Areas),
            Self::Rules { file } => {
                let text = fs::read_to_string(file)
                    .with_context(|| format!("cannot read {}", file.display()))?;
                let rules = rulebook::parse(&text)
                    .with_context(|| format!("{} is not a rulebook", file.display()))?;
                Ok(Import::Rules(text, Box::new(rules)))
            }
            Self::Roads { .. } => bail!(ROADS_LATER),
        }
    }
}

/// Why no command takes roads yet.
pub(super) const ROADS_LATER: &str = "roads are not supported in this version: \
    limits come from the vehicle class, the night factor and the planned route";

/// Writes every problem as a line of its own.
pub(super) fn told<T>(result: Result<T, Problems>, notes: &mut dyn Write) -> anyhow::Result<T> {
    if let Err(problems) = &result {
        for problem in &problems.0 {
            writeln!(notes, "{problem}")?;
        }
    }
    Ok(result?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_told_and_nothing_is_given() {
        let folder = tempfile::tempdir().unwrap();
        let command = ImportCommand::Fleet {
            folder: folder.path().to_owned(),
        };
        let mut notes = Vec::new();
        let error = command.load(&LocalZone::default(), &mut notes).unwrap_err();
        assert_eq!(error.to_string(), "2 bad lines, nothing was imported");
        let notes = String::from_utf8(notes).unwrap();
        assert!(notes.starts_with("enterprises.csv: "), "{notes}");
        assert_eq!(notes.lines().count(), 2);
    }

    #[test]
    fn the_default_rulebook_can_be_imported() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rules.toml");
        fs::write(&file, rulebook::default_document()).unwrap();
        let command = ImportCommand::Rules { file };
        let import = command
            .load(&LocalZone::default(), &mut Vec::new())
            .unwrap();
        assert!(matches!(import, Import::Rules(..)));
    }
}
