//! `import`: reads and checks a file or folder whole; what comes back may go to the store.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};

use crate::files::{Problems, areas, fleet, osm, road_limits, routes};
use crate::model::LocalZone;
use crate::model::fleet::FleetFolder;
use crate::model::road::RoadOverride;
use crate::model::route::{Area, Route};
use crate::model::rules::RuleSet;
use crate::roads::RoadNetwork;
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
    /// A road map: an OpenStreetMap extract (.osm.pbf or .osm)
    Roads {
        /// The file
        file: PathBuf,
    },
    /// Limits that the operator sets over the map's (CSV, or GeoJSON lines)
    RoadLimits {
        /// The file
        file: PathBuf,
        /// Remove every limit that is not in the file
        #[arg(long)]
        replace: bool,
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
#[derive(Debug)]
pub enum Import {
    /// A register.
    Fleet(FleetFolder),
    /// Planned routes.
    Routes(Vec<Route>),
    /// Areas.
    Areas(Vec<Area>),
    /// A road map, what its extract held, and the extract's name.
    Roads(Box<RoadNetwork>, osm::Summary, String),
    /// The operator's limits over the map, and whether all others are removed.
    RoadLimits(Vec<RoadOverride>, bool),
    /// A rulebook, with its text as it was given.
    Rules(String, Box<RuleSet>),
}

impl ImportCommand {
    /// Reads and checks it all; every bad line is told on `notes`, and then nothing is given.
    ///
    /// Dates without a time are days of `zone`.
    ///
    /// # Errors
    /// When anything is wrong.
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
            Self::Roads { file } => {
                let (network, summary) = read_roads(file)?;
                let name = file.file_name().unwrap_or_default();
                let name = name.to_string_lossy().into_owned();
                Ok(Import::Roads(Box::new(network), summary, name))
            }
            Self::RoadLimits { file, replace } => told(road_limits::read(file, zone), notes)
                .map(|limits| Import::RoadLimits(limits, *replace)),
        }
    }
}

/// Reads an extract with a progress bar.
pub(super) fn read_roads(file: &Path) -> anyhow::Result<(RoadNetwork, osm::Summary)> {
    let length = fs::metadata(file)
        .with_context(|| format!("cannot read {}", file.display()))?
        .len();
    // Hidden by itself when standard error is no terminal.
    let bar = ProgressBar::new(length * osm::PASSES);
    let style =
        ProgressStyle::with_template("{bar:40} {percent:>3}% {bytes}/{total_bytes} eta {eta}");
    bar.set_style(style.context("progress bar")?);
    let read = osm::read(file, &|bytes| bar.inc(bytes));
    bar.finish_and_clear();
    Ok(read?)
}

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
        assert_eq!(error.to_string(), "2 bad lines, nothing of it was used");
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
