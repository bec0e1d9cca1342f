//! Options that say how to read files of fixes; shared by every command that reads them.

use anyhow::{Context as _, bail};

use crate::files::fixes::{ColumnMap, ReadOptions, TimeReader};
use crate::model::{Datum, LocalZone, Plate, PlateColor};

/// How to read what a file of fixes does not say itself.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct FixOptions {
    /// Columns of a CSV file, such as `plate=vehicle,time=location_time,plate_color:=yellow`
    /// (`=` names a column, `:=` gives a value for every row)
    #[arg(long, value_name = "MAP")]
    pub columns: Option<ColumnMap>,
    /// Zone of CSV times without an offset, such as UTC or Asia/Shanghai
    #[arg(long, value_name = "ZONE")]
    pub time_zone: Option<String>,
    /// How CSV times are written, as a strftime pattern such as %Y/%m/%d %H:%M:%S
    #[arg(long, value_name = "PATTERN")]
    pub time_format: Option<String>,
    /// Datum of the places: wgs84, gcj02 or bd09 (default: what the fleet's register declares for the
    /// vehicle); a fix that names its own keeps it
    #[arg(long, value_name = "DATUM", value_parser = known_datum)]
    pub datum: Option<Datum>,
    /// Plate of all fixes, for GPX files and CSV files that name no vehicle
    #[arg(long, value_name = "PLATE", requires = "plate_color")]
    pub plate: Option<String>,
    /// Colour of that plate
    #[arg(long, value_name = "COLOUR", requires = "plate")]
    pub plate_color: Option<PlateColor>,
}

fn known_datum(name: &str) -> Result<Datum, String> {
    name.parse()
        .map_err(|_unknown| "one of wgs84, gcj02, bd09".to_owned())
}

impl FixOptions {
    /// The same, checked.
    ///
    /// # Errors
    /// When the zone is not known or the plate is none.
    pub fn read_options(&self) -> anyhow::Result<ReadOptions> {
        let zone = match &self.time_zone {
            Some(name) => Some(
                LocalZone::from_name(name).with_context(|| format!("{name} is not a time zone"))?,
            ),
            None => None,
        };
        let plate = match (&self.plate, self.plate_color) {
            (Some(text), Some(color)) => {
                Some(Plate::new(text, color).with_context(|| format!("{text:?} is not a plate"))?)
            }
            (None, None) => None,
            _ => bail!("--plate and --plate-color go together"),
        };
        Ok(ReadOptions {
            columns: self.columns.clone().unwrap_or_default(),
            time: TimeReader::new(zone, self.time_format.clone()),
            datum: self.datum,
            plate,
            bare: false,
        })
    }
}
