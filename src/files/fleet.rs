//! Fleet folders: the register as CSV files, taken whole or not at all.
//!
//! `enterprises.csv` and `vehicles.csv` must be there; `drivers.csv`, `monitors.csv` and
//! `assignments.csv` may be absent. Source: contract section 3.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use chrono::NaiveDate;

use super::problem::{Notes, Problems};
use super::table::{Row, Table};
use crate::model::fleet::{
    Assignment, Driver, Enterprise, FleetFolder, Monitor, Permit, PermitKind, VehicleEntry,
};
use crate::model::{Datum, LocalZone, Plate, Region, TerminalPhone, Timestamp};

/// Reads a fleet folder; dates without a time are days of `zone`.
///
/// # Errors
///
/// Every problem of every file; nothing of the folder is then to be used.
pub fn read_folder(folder: &Path, zone: &LocalZone) -> Result<FleetFolder, Problems> {
    read_with(&mut |name| std::fs::read(folder.join(name)), zone)
}

/// Reads a fleet folder from any place that can give a file's bytes by name.
///
/// # Errors
///
/// As [`read_folder`]; `load` says [`io::ErrorKind::NotFound`] for an absent file.
pub fn read_with(
    load: &mut dyn FnMut(&str) -> io::Result<Vec<u8>>,
    zone: &LocalZone,
) -> Result<FleetFolder, Problems> {
    let mut reader = FolderReader {
        zone: *zone,
        folder: FleetFolder::default(),
        problems: Problems::default(),
        enterprises: BTreeSet::new(),
        plates: BTreeSet::new(),
    };
    for file in &FILES {
        let mut problems = std::mem::take(&mut reader.problems);
        let mut notes = Notes::new(file.name, &mut problems);
        match load(file.name) {
            Ok(bytes) => {
                let table = Table::read(&bytes, file.columns, &mut notes);
                (file.take)(&mut reader, &table, &mut notes);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && file.optional => {}
            Err(error) => notes.add(0, "", "unreadable_file", error.to_string()),
        }
        reader.problems = problems;
    }
    if reader.problems.0.is_empty() {
        Ok(reader.folder)
    } else {
        Err(reader.problems)
    }
}

/// One file of the folder.
struct FolderFile {
    name: &'static str,
    optional: bool,
    columns: &'static [&'static str],
    take: fn(&mut FolderReader, &Table, &mut Notes<'_>),
}

/// In the order in which they refer to each other.
const FILES: [FolderFile; 6] = [
    FolderFile {
        name: "enterprises.csv",
        optional: false,
        columns: &["id", "name", "region", "kind"],
        take: FolderReader::take_enterprises,
    },
    FolderFile {
        name: "vehicles.csv",
        optional: false,
        columns: &["plate", "plate_color", "enterprise_id", "class"],
        take: FolderReader::take_vehicles,
    },
    FolderFile {
        name: "drivers.csv",
        optional: true,
        columns: &["licence", "name", "enterprise_id"],
        take: FolderReader::take_drivers,
    },
    FolderFile {
        name: "monitors.csv",
        optional: true,
        columns: &["id", "name", "enterprise_id", "trained_until"],
        take: FolderReader::take_monitors,
    },
    FolderFile {
        name: "assignments.csv",
        optional: true,
        columns: &["plate", "plate_color", "route_id"],
        take: FolderReader::take_assignments,
    },
    FolderFile {
        name: "permits.csv",
        optional: true,
        columns: &["plate", "plate_color", "kind"],
        take: FolderReader::take_permits,
    },
];

struct FolderReader {
    zone: LocalZone,
    folder: FleetFolder,
    problems: Problems,
    enterprises: BTreeSet<String>,
    plates: BTreeSet<Plate>,
}

impl FolderReader {
    fn take_enterprises(&mut self, table: &Table, notes: &mut Notes<'_>) {
        for row in table.rows() {
            let id = unique(&row, "id", &mut self.enterprises, "duplicate_id", notes);
            let name = row.required("name", notes);
            let region = row.parse("region", "bad_region", notes);
            let kind = row.parse("kind", "bad_kind", notes);
            let datum = read_datum(&row, notes);
            if let (Some(id), Some(name), Some(region), Some(kind), Some(datum)) =
                (id, name, region, kind, datum)
            {
                self.folder.enterprises.push(Enterprise {
                    id,
                    name: name.to_owned(),
                    credit_code: row.optional("credit_code").unwrap_or_default().to_owned(),
                    region,
                    kind,
                    datum,
                });
            }
        }
    }

    fn take_vehicles(&mut self, table: &Table, notes: &mut Notes<'_>) {
        let mut terminals = BTreeSet::new();
        for row in table.rows() {
            let plate = read_plate(&row, notes).filter(|plate| {
                let is_new = self.plates.insert(plate.clone());
                if !is_new {
                    let message = format!("{plate} stands here twice");
                    notes.add(row.line, "plate", "duplicate_plate", message);
                }
                is_new
            });
            let terminal =
                row.parse_optional("terminal", "bad_terminal", TerminalPhone::new, notes);
            if let Some(Some(phone)) = &terminal
                && !terminals.insert(phone.clone())
            {
                let message = format!("{phone} stands here twice");
                notes.add(row.line, "terminal", "duplicate_terminal", message);
            }
            let enterprise_id = self.enterprise(&row, notes);
            let class = row.parse("class", "bad_class", notes);
            let seats = row.parse_optional("seats", "bad_value", |text| text.parse().ok(), notes);
            let region = row.parse_optional(
                "region",
                "bad_region",
                |text| text.parse::<Region>().ok(),
                notes,
            );
            let line_km = row.parse_optional("line_km", "bad_value", length_km, notes);
            let datum = read_datum(&row, notes);
            let (
                Some(plate),
                Some(terminal),
                Some(enterprise_id),
                Some(class),
                Some(seats),
                Some(region),
                Some(line_km),
                Some(datum),
            ) = (
                plate,
                terminal,
                enterprise_id,
                class,
                seats,
                region,
                line_km,
                datum,
            )
            else {
                continue;
            };
            self.folder.vehicles.push(VehicleEntry {
                plate,
                terminal,
                enterprise_id,
                class,
                seats,
                region,
                line_km,
                route_id: row.optional("route_id").map(str::to_owned),
                datum,
            });
        }
    }

    fn take_drivers(&mut self, table: &Table, notes: &mut Notes<'_>) {
        let mut licences = BTreeSet::new();
        for row in table.rows() {
            let licence = unique(&row, "licence", &mut licences, "duplicate_licence", notes);
            let name = row.required("name", notes);
            let enterprise_id = self.enterprise(&row, notes);
            if let (Some(licence), Some(name), Some(enterprise_id)) = (licence, name, enterprise_id)
            {
                self.folder.drivers.push(Driver {
                    licence,
                    name: name.to_owned(),
                    enterprise_id,
                    phone: row.optional("phone").unwrap_or_default().to_owned(),
                });
            }
        }
    }

    fn take_monitors(&mut self, table: &Table, notes: &mut Notes<'_>) {
        let mut ids = BTreeSet::new();
        for row in table.rows() {
            let id = unique(&row, "id", &mut ids, "duplicate_id", notes);
            let name = row.required("name", notes);
            let enterprise_id = self.enterprise(&row, notes);
            let trained_until = row.parse_optional(
                "trained_until",
                "bad_time",
                |text| until(text, &self.zone),
                notes,
            );
            if let (Some(id), Some(name), Some(enterprise_id), Some(trained_until)) =
                (id, name, enterprise_id, trained_until)
            {
                self.folder.monitors.push(Monitor {
                    id,
                    name: name.to_owned(),
                    enterprise_id,
                    trained_until,
                });
            }
        }
    }

    fn take_assignments(&mut self, table: &Table, notes: &mut Notes<'_>) {
        for row in table.rows() {
            let plate = self.vehicle(&row, notes);
            let route_id = row.required("route_id", notes);
            let (from, to) = self.period(&row, notes);
            if let (Some(plate), Some(route_id), Some(from), Some(to)) = (plate, route_id, from, to)
            {
                self.folder.assignments.push(Assignment {
                    plate,
                    route_id: route_id.to_owned(),
                    from,
                    to,
                });
            }
        }
    }

    fn take_permits(&mut self, table: &Table, notes: &mut Notes<'_>) {
        for row in table.rows() {
            let plate = self.vehicle(&row, notes);
            let kind = row.parse::<PermitKind>("kind", "bad_kind", notes);
            let (from, to) = self.period(&row, notes);
            let endless = matches!((from, to), (Some(None), _) | (_, Some(None)));
            if kind == Some(PermitKind::CharterContract) && endless {
                let message = "a charter contract has a first and a last day";
                notes.add(row.line, "to", "missing_field", message);
            }
            if let (Some(plate), Some(kind), Some(from), Some(to)) = (plate, kind, from, to) {
                self.folder.permits.push(Permit {
                    plate,
                    kind,
                    reference: row.optional("reference").unwrap_or_default().to_owned(),
                    from,
                    to,
                });
            }
        }
    }

    /// The vehicle of a row, which must stand in `vehicles.csv`.
    fn vehicle(&self, row: &Row<'_>, notes: &mut Notes<'_>) -> Option<Plate> {
        let plate = read_plate(row, notes)?;
        if self.plates.contains(&plate) {
            return Some(plate);
        }
        let message = format!("{plate} is not in vehicles.csv");
        notes.add(row.line, "plate", "unknown_vehicle", message);
        None
    }

    /// The columns `from` and `to`: `Some(None)` when empty, `None` when bad.
    #[expect(
        clippy::option_option,
        reason = "bad, absent and there are three things"
    )]
    fn period(
        &self,
        row: &Row<'_>,
        notes: &mut Notes<'_>,
    ) -> (Option<Option<Timestamp>>, Option<Option<Timestamp>>) {
        let from = row.parse_optional("from", "bad_time", |text| since(text, &self.zone), notes);
        let to = row.parse_optional("to", "bad_time", |text| until(text, &self.zone), notes);
        if let (Some(Some(from)), Some(Some(to))) = (from, to)
            && from >= to
        {
            notes.add(row.line, "to", "bad_range", "ends before it begins");
        }
        (from, to)
    }

    fn enterprise(&self, row: &Row<'_>, notes: &mut Notes<'_>) -> Option<String> {
        let id = row.required("enterprise_id", notes)?;
        if self.enterprises.contains(id) {
            return Some(id.to_owned());
        }
        let message = format!("{id:?} is not in enterprises.csv");
        notes.add(row.line, "enterprise_id", "unknown_enterprise", message);
        None
    }
}

/// A key that may stand in the file once.
fn unique(
    row: &Row<'_>,
    column: &'static str,
    seen: &mut BTreeSet<String>,
    code: &'static str,
    notes: &mut Notes<'_>,
) -> Option<String> {
    let key = row.required(column, notes)?;
    if seen.insert(key.to_owned()) {
        return Some(key.to_owned());
    }
    notes.add(row.line, column, code, format!("{key:?} stands here twice"));
    None
}

fn read_plate(row: &Row<'_>, notes: &mut Notes<'_>) -> Option<Plate> {
    let text = row.required("plate", notes);
    let color = row.parse("plate_color", "bad_plate_color", notes);
    let plate = Plate::new(text?, color?);
    if plate.is_none() {
        notes.add(row.line, "plate", "bad_plate", "longer than 32 bytes");
    }
    plate
}

/// The column `datum`, which need not be there: `Some(None)` when empty, `None` when bad.
#[expect(
    clippy::option_option,
    reason = "bad, absent and there are three things"
)]
fn read_datum(row: &Row<'_>, notes: &mut Notes<'_>) -> Option<Option<Datum>> {
    row.parse_optional("datum", "bad_datum", |text| text.parse().ok(), notes)
}

/// Longest line that is believed: more than the country is wide. Unit: km.
const LINE_KM_MAX: f64 = 10_000.0;

fn length_km(text: &str) -> Option<f64> {
    let km = text.parse().ok()?;
    (0.0..=LINE_KM_MAX).contains(&km).then_some(km)
}

/// A moment, or the beginning of a local day.
pub(super) fn since(text: &str, zone: &LocalZone) -> Option<Timestamp> {
    moment(text, zone, 0)
}

/// A moment, or the end of a local day: a date is meant through its end.
pub(super) fn until(text: &str, zone: &LocalZone) -> Option<Timestamp> {
    moment(text, zone, 1)
}

fn moment(text: &str, zone: &LocalZone, days_later: i64) -> Option<Timestamp> {
    if let Some(time) = Timestamp::from_rfc3339(text) {
        return Some(time);
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    let day = date.signed_duration_since(NaiveDate::default()).num_days();
    Some(zone.day_start(day + days_later))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTERPRISES: &str = "id,name,credit_code,region,kind\nE1,青禾客运,,430121,passenger\n";
    const VEHICLES: &str = "plate,plate_color,terminal,enterprise_id,class,seats,region,line_km,route_id\n\
         湘A00001,yellow,013900000001,E1,line_coach_2,45,,210.5,R1\n";

    fn read(files: &[(&str, &str)]) -> Result<FleetFolder, Problems> {
        read_with(
            &mut |name| {
                let file = files.iter().find(|(theirs, _)| *theirs == name);
                file.map(|(_, text)| text.as_bytes().to_vec())
                    .ok_or_else(|| io::ErrorKind::NotFound.into())
            },
            &LocalZone::default(),
        )
    }

    fn check(files: &[(&str, &str)], expected: &[&str]) {
        let problems = read(files).unwrap_err();
        let told: Vec<_> = problems
            .0
            .iter()
            .map(|problem| {
                let (file, line, field) = (&problem.file, problem.line, problem.field);
                format!("{file}:{line} {field} {}", problem.code)
            })
            .collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn a_folder_with_bom_and_any_header_order_is_read() {
        let folder = read(&[
            (
                "enterprises.csv",
                "\u{feff}kind,region,name,id\nhazmat,430000,东岭危运,E1\n",
            ),
            ("vehicles.csv", VEHICLES),
            (
                "monitors.csv",
                "id,name,enterprise_id,trained_until\nM1,监控员甲,E1,2026-11-21\nM2,监控员乙,E1,\n\
                 M3,监控员丙,E1,2026-11-21T12:00:00+08:00\n",
            ),
            (
                "assignments.csv",
                "plate,plate_color,route_id,from,to\n湘A00001,yellow,R2,2026-11-21,2026-11-21\n",
            ),
        ])
        .unwrap();
        let time = |text| Timestamp::from_rfc3339(text);
        assert_eq!(folder.enterprises[0].region.as_str(), "430000");
        assert_eq!(
            folder.vehicles[0].terminal.as_ref().unwrap().as_str(),
            "13900000001"
        );
        assert_eq!(
            folder.monitors[0].trained_until,
            time("2026-11-22T00:00:00+08:00")
        );
        assert_eq!(folder.monitors[1].trained_until, None);
        assert_eq!(
            folder.monitors[2].trained_until,
            time("2026-11-21T12:00:00+08:00")
        );
        assert_eq!(folder.assignments[0].to, time("2026-11-22T00:00:00+08:00"));
    }

    #[test]
    fn every_bad_line_of_every_file_is_told() {
        check(
            &[
                (
                    "enterprises.csv",
                    "id,name,credit_code,region,kind\nE1,青禾客运,,430121,passenger\n\
                     E1,青禾,,430121,passenger\nE2,,,43,x\nE3,a\n",
                ),
                (
                    "vehicles.csv",
                    "plate,plate_color,terminal,enterprise_id,class,seats,region,line_km,route_id\n\
                     湘A00001,yellow,1390,E1,line_coach_2,,,,\n\
                     湘A00001,yellow,1391,E1,line_coach_2,,,,\n\
                     湘A00001,blue,01390,E1,line_coach_2,,,,\n\
                     湘A00002,pink,x,E9,bus,-1,4,1e9,\n",
                ),
                (
                    "drivers.csv",
                    "licence,name,enterprise_id,phone\n1,驾驶员甲,E1,\n1,驾驶员乙,E1,\n",
                ),
                ("monitors.csv", "id,name,trained_until\n"),
                (
                    "assignments.csv",
                    "plate,plate_color,route_id,from,to\n湘A9,blue,R1,x,\n\
                     湘A00001,yellow,R1,2026-02-01,2026-01-01\n",
                ),
            ],
            &[
                "enterprises.csv:5  bad_csv",
                "enterprises.csv:3 id duplicate_id",
                "enterprises.csv:4 name missing_field",
                "enterprises.csv:4 region bad_region",
                "enterprises.csv:4 kind bad_kind",
                "vehicles.csv:3 plate duplicate_plate",
                "vehicles.csv:4 terminal duplicate_terminal",
                "vehicles.csv:5 plate_color bad_plate_color",
                "vehicles.csv:5 terminal bad_terminal",
                "vehicles.csv:5 enterprise_id unknown_enterprise",
                "vehicles.csv:5 class bad_class",
                "vehicles.csv:5 seats bad_value",
                "vehicles.csv:5 region bad_region",
                "vehicles.csv:5 line_km bad_value",
                "drivers.csv:3 licence duplicate_licence",
                "monitors.csv:1 enterprise_id missing_column",
                "assignments.csv:2 plate unknown_vehicle",
                "assignments.csv:2 from bad_time",
                "assignments.csv:3 to bad_range",
            ],
        );
    }

    #[test]
    fn a_datum_may_be_declared_and_a_wrong_one_is_told() {
        let with = |enterprises: &str, vehicles: &str| {
            let enterprises =
                format!("id,name,region,kind,datum\nE1,青禾客运,430121,passenger,{enterprises}\n");
            let vehicles = format!(
                "plate,plate_color,enterprise_id,class,datum\n湘A00001,yellow,E1,line_coach_2,{vehicles}\n"
            );
            [("enterprises.csv", enterprises), ("vehicles.csv", vehicles)]
        };
        let declared = |enterprises, vehicles| {
            let files = with(enterprises, vehicles);
            let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
            let folder = read(&files).unwrap();
            folder.vehicles[0].datum(folder.enterprises[0].datum)
        };
        assert_eq!(declared("", ""), Datum::Wgs84);
        assert_eq!(declared("gcj02", ""), Datum::Gcj02);
        assert_eq!(declared("gcj02", "bd09"), Datum::Bd09);
        assert_eq!(declared("gcj02", "wgs84"), Datum::Wgs84);
        let files = with("gcj", "GCJ02");
        check(
            &files.each_ref().map(|(name, text)| (*name, text.as_str())),
            &[
                "enterprises.csv:2 datum bad_datum",
                "vehicles.csv:2 datum bad_datum",
            ],
        );
    }

    #[test]
    fn permits_are_read_and_bad_ones_told() {
        let with = |permits| {
            [
                ("enterprises.csv", ENTERPRISES),
                ("vehicles.csv", VEHICLES),
                ("permits.csv", permits),
            ]
        };
        let folder = read(&with(
            "plate,plate_color,kind,from,to,reference\n\
             湘A00001,yellow,relay_voucher,2026-11-01,2026-11-30,JB-7\n\
             湘A00001,yellow,commuter,,,\n",
        ))
        .unwrap();
        let [voucher, commuter] = folder.permits.as_slice() else {
            panic!("{:?}", folder.permits);
        };
        assert_eq!(voucher.kind, PermitKind::RelayVoucher);
        assert_eq!(voucher.reference, "JB-7");
        assert_eq!(
            voucher.to,
            Timestamp::from_rfc3339("2026-12-01T00:00:00+08:00")
        );
        assert_eq!((commuter.from, commuter.to), (None, None));
        check(
            &with(
                "plate,plate_color,kind,from,to\n湘A9,blue,relay_voucher,,\n\
                 湘A00001,yellow,pass,x,\n湘A00001,yellow,charter_contract,2026-11-01,\n",
            ),
            &[
                "permits.csv:2 plate unknown_vehicle",
                "permits.csv:3 kind bad_kind",
                "permits.csv:3 from bad_time",
                "permits.csv:4 to missing_field",
            ],
        );
    }

    #[test]
    fn the_two_first_files_must_be_there() {
        check(
            &[],
            &[
                "enterprises.csv:0  unreadable_file",
                "vehicles.csv:0  unreadable_file",
            ],
        );
        assert!(read(&[("enterprises.csv", ENTERPRISES), ("vehicles.csv", VEHICLES)]).is_ok());
    }
}
