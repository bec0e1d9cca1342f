//! The simulated fleet: who is who, and a fleet folder to import.
//!
//! Vehicle `n` (from 0) has plate `湘S00000` + n (letter `T` from the hundred-thousandth), yellow,
//! and terminal phone `19000000000` + n; a hundred vehicles make an enterprise.

use std::io::{self, Write as _};
use std::path::Path;

use crate::model::{Plate, PlateColor, TerminalPhone};

/// Most vehicles of a run.
pub(super) const VEHICLES_MAX: u32 = 200_000;

/// Vehicles of one enterprise.
const ENTERPRISE_VEHICLES: u32 = 100;

/// Plate of vehicle `number`.
pub(super) fn plate(number: u32) -> Plate {
    let letter = if number < 100_000 { 'S' } else { 'T' };
    Plate {
        text: format!("湘{letter}{:05}", number % 100_000),
        color: PlateColor::Yellow,
    }
}

/// Terminal phone number of vehicle `number`.
pub(super) fn phone(number: u32) -> Option<TerminalPhone> {
    TerminalPhone::new(&(19_000_000_000 + u64::from(number)).to_string())
}

/// Writes a fleet folder of vehicles `0..vehicles`.
///
/// # Errors
///
/// Those of the file system.
pub fn write_fleet(folder: &Path, vehicles: u32) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let create = |name: &str| {
        let file = std::fs::File::create(folder.join(name))?;
        Ok::<_, io::Error>(io::BufWriter::new(file))
    };
    let mut enterprises = create("enterprises.csv")?;
    writeln!(enterprises, "id,name,credit_code,region,kind")?;
    let mut monitors = create("monitors.csv")?;
    writeln!(monitors, "id,name,enterprise_id,trained_until")?;
    for enterprise in 0..vehicles.div_ceil(ENTERPRISE_VEHICLES) {
        writeln!(
            enterprises,
            "S{enterprise},模拟客运{enterprise},,430121,passenger"
        )?;
        for post in 1..=2 {
            writeln!(
                monitors,
                "S{enterprise}-{post},监控员{post},S{enterprise},2099-12-31"
            )?;
        }
    }
    let mut list = create("vehicles.csv")?;
    writeln!(
        list,
        "plate,plate_color,terminal,enterprise_id,class,seats,region,line_km,route_id"
    )?;
    for number in 0..vehicles {
        let plate = plate(number);
        let phone = phone(number).map(|phone| phone.to_string());
        writeln!(
            list,
            "{},{},{},S{},line_coach_2,45,,180,",
            plate.text,
            plate.color,
            phone.unwrap_or_default(),
            number / ENTERPRISE_VEHICLES,
        )?;
    }
    enterprises.flush()?;
    monitors.flush()?;
    list.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::LocalZone;

    #[test]
    fn the_written_folder_can_be_read_again() {
        let folder = tempfile::tempdir().unwrap();
        write_fleet(folder.path(), 250).unwrap();
        let fleet = crate::files::fleet::read_folder(folder.path(), &LocalZone::default()).unwrap();
        assert_eq!((fleet.enterprises.len(), fleet.vehicles.len()), (3, 250));
        assert_eq!(fleet.vehicles[249].plate, plate(249));
        assert_eq!(fleet.vehicles[249].terminal, phone(249));
        assert_eq!(fleet.monitors.len(), 6);
    }
}
