//! Options of the commands that read recorded fixes.

use anyhow::Context as _;
use clap::Args;

use crate::files::fixes::{ColumnMap, ReadOptions, TimeReader};
use crate::geo::datum::Datum;
use crate::model::{LocalZone, Plate, PlateColor};

/// How to read what a file of fixes does not say itself.
#[derive(Clone, Debug, Args)]
pub struct ReadingArgs {
    /// Columns of a CSV file: field=column, or field:=value for every row, with commas between
    #[arg(long, value_name = "MAP")]
    pub columns: Option<ColumnMap>,
    /// Zone of CSV times without an offset, such as UTC or Asia/Shanghai
    #[arg(long, value_name = "ZONE")]
    pub time_zone: Option<String>,
    /// Shape of CSV times, as a strftime pattern
    #[arg(long, value_name = "PATTERN")]
    pub time_format: Option<String>,
    /// Datum of the places: wgs84, gcj02 or bd09
    #[arg(long, value_name = "DATUM", default_value = "wgs84")]
    pub datum: Datum,
    /// Plate of all fixes, for files that name none (GPX)
    #[arg(long, value_name = "PLATE")]
    pub plate: Option<String>,
    /// Colour of that plate
    #[arg(long, value_name = "COLOR", default_value = "yellow")]
    pub plate_color: PlateColor,
}

impl ReadingArgs {
    /// The checked options.
    ///
    /// # Errors
    /// An unknown zone, or a plate that is none.
    pub fn options(&self) -> anyhow::Result<ReadOptions> {
        let zone = match &self.time_zone {
            Some(name) => Some(LocalZone::from_name(name).with_context(|| format!("--time-zone {name}: no such zone"))?),
            None => None,
        };
        let plate = match &self.plate {
            Some(text) => Some(Plate::new(text, self.plate_color).with_context(|| format!("--plate {text}: no plate"))?),
            None => None,
        };
        Ok(ReadOptions {
            columns: self.columns.clone().unwrap_or_default(),
            time: TimeReader::new(zone, self.time_format.clone()),
            datum: self.datum,
            plate,
        })
    }
}
