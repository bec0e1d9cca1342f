//! Vehicles as lists and maps show them.

use sqlx::any::AnyRow;

use super::registry::{each, vehicle};
use super::rows::Columns as _;
use super::statement::Select;
use super::violations::like_prefix;
use super::{Listed, Page, Store, StoreError};
use crate::model::fleet::Vehicle;
use crate::model::{
    Course, Datum, DatumSuspicion, DriverId, Plate, Position, Region, Span, Speed, Timestamp,
    VehicleClass, VehicleId,
};

/// Last known facts of a vehicle.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveState {
    /// Time of the newest fix.
    pub fix_at: Timestamp,
    /// When that fix was received.
    pub received_at: Timestamp,
    /// Where.
    pub position: Position,
    /// Speed.
    pub speed: Speed,
    /// Direction over ground.
    pub course: Option<Course>,
    /// Alarm bits of JT/T 808 0x0200.
    pub alarm: u32,
    /// Status bits of JT/T 808 0x0200.
    pub status: u32,
    /// Who drives.
    pub driver: Option<DriverId>,
    /// Driving time left.
    pub left: FatigueLeft,
    /// Fix time of the first qualified record ever.
    pub first_qualified_at: Option<Timestamp>,
    /// Of which other datum its places look, where they do.
    pub datum: Option<DatumSuspicion>,
}

/// Driving time left before each fatigue limit; `None` where a limit does not apply now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FatigueLeft {
    /// F-4H.
    pub continuous: Option<Span>,
    /// F-N2.
    pub night: Option<Span>,
    /// F-24.
    pub hours24: Option<Span>,
    /// F-7D.
    pub days7: Option<Span>,
}

/// A vehicle of the register with its last known facts.
#[derive(Clone, Debug, PartialEq)]
pub struct VehicleRow {
    /// The register.
    pub vehicle: Vehicle,
    /// Name of its enterprise.
    pub enterprise_name: String,
    /// Its own region, or else its enterprise's.
    pub region: Region,
    /// Datum of its places as declared, by itself or else by its enterprise.
    pub datum: Datum,
    /// Last known facts; `None` before its first fix.
    pub live: Option<LiveState>,
    /// Licence of the driver in the last fix, where known.
    pub driver_licence: Option<String>,
}

/// Which vehicles are wanted; what is `None` does not narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VehicleFilter {
    /// In this region, by its own or else its enterprise's.
    pub region: Option<Region>,
    /// Of this enterprise.
    pub enterprise_id: Option<String>,
    /// Of this class.
    pub class: Option<VehicleClass>,
    /// By whether something came from it lately.
    pub online: Option<OnlineFilter>,
    /// Whose places look as if they were of this datum, which is not the declared one.
    pub datum_found: Option<Datum>,
}

/// Online means: the last fix was received at `since` or later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnlineFilter {
    /// Online from here on.
    pub since: Timestamp,
    /// Whether those online are wanted, or the others.
    pub online: bool,
}

/// A piece of the earth between two meridians and two parallels; does not cross 180 degrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoundingBox {
    /// South-western corner.
    pub south_west: Position,
    /// North-eastern corner.
    pub north_east: Position,
}

/// Where a vehicle is.
#[derive(Clone, Debug, PartialEq)]
pub struct VehiclePosition {
    /// The vehicle.
    pub vehicle: VehicleId,
    /// Its plate.
    pub plate: Plate,
    /// Its enterprise.
    pub enterprise_id: String,
    /// Its class.
    pub class: VehicleClass,
    /// Last known facts.
    pub live: LiveState,
}

/// Columns of [`vehicle_row`].
const VEHICLES: &str =
    "SELECT v.id, v.plate, v.plate_color, v.terminal, v.enterprise_id, v.class, v.seats, v.region,
        v.line_km, v.route_id, v.datum, e.name, COALESCE(v.region, e.region),
        COALESCE(v.datum, e.datum), d.licence,
        l.fix_at, l.received_at, l.lat_udeg, l.lon_udeg, l.speed_mkmh, l.course_deg, l.alarm,
        l.status, l.driver_id, l.left_continuous_ms, l.left_night_ms, l.left_24h_ms, l.left_7d_ms,
        l.first_qualified_at, l.datum_found, l.datum_found_from
    FROM vehicles v
    JOIN enterprises e ON e.id = v.enterprise_id
    LEFT JOIN vehicle_live l ON l.vehicle_id = v.id
    LEFT JOIN drivers d ON d.id = l.driver_id
    WHERE";

impl Store {
    /// Vehicles by number; the cursor is the number.
    ///
    /// # Errors
    /// As the database says.
    pub async fn list_vehicles(
        &self,
        filter: &VehicleFilter,
        page: &Page<VehicleId>,
    ) -> Result<Listed<VehicleRow, VehicleId>, StoreError> {
        let region = filter.region.as_ref().map(like_prefix);
        let mut select = Select::new(VEHICLES)
            .with(
                "v.id > {}",
                page.after.map_or(-1, |vehicle| i64::from(vehicle.0)),
            )
            .with_some("AND COALESCE(v.region, e.region) LIKE {}", region)
            .with_some("AND v.enterprise_id = {}", filter.enterprise_id.as_deref())
            .with_some("AND v.class = {}", filter.class.map(VehicleClass::name))
            .with_some(
                "AND l.datum_found = {}",
                filter.datum_found.map(Datum::name),
            );
        if let Some(online) = filter.online {
            let since = online.since.millis();
            select = if online.online {
                select.with("AND l.received_at >= {}", since)
            } else {
                select.with("AND COALESCE(l.received_at < {}, 1 = 1)", since)
            };
        }
        let rows = select
            .with("ORDER BY v.id LIMIT {}", page.rows_and_one())
            .fetch(self.read())
            .await?;
        let items = each(&rows, vehicle_row)?;
        Ok(Listed::cut(items, page, |item| item.vehicle.id))
    }

    /// The vehicle with that plate.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn vehicle(&self, plate: &Plate) -> Result<VehicleRow, StoreError> {
        let rows = Select::new(VEHICLES)
            .with("v.plate = {}", plate.text.as_str())
            .with("AND v.plate_color = {}", plate.color.name())
            .fetch(self.read())
            .await?;
        each(&rows, vehicle_row)?.pop().ok_or(StoreError::NotFound)
    }

    /// Vehicles whose last fix lies in the box, by number.
    ///
    /// # Errors
    /// As the database says.
    pub async fn positions(
        &self,
        bounds: &BoundingBox,
        page: &Page<VehicleId>,
    ) -> Result<Listed<VehiclePosition, VehicleId>, StoreError> {
        let rows = Select::new(POSITIONS)
            .with(
                "l.vehicle_id > {}",
                page.after.map_or(-1, |vehicle| i64::from(vehicle.0)),
            )
            .with("AND l.lat_udeg >= {}", bounds.south_west.lat_udeg)
            .with("AND l.lat_udeg <= {}", bounds.north_east.lat_udeg)
            .with("AND l.lon_udeg >= {}", bounds.south_west.lon_udeg)
            .with("AND l.lon_udeg <= {}", bounds.north_east.lon_udeg)
            .with("ORDER BY l.vehicle_id LIMIT {}", page.rows_and_one())
            .fetch(self.read())
            .await?;
        let items = each(&rows, position)?;
        Ok(Listed::cut(items, page, |item| item.vehicle))
    }
}

const POSITIONS: &str = "SELECT v.id, v.plate, v.plate_color, v.enterprise_id, v.class,
        l.fix_at, l.received_at, l.lat_udeg, l.lon_udeg, l.speed_mkmh, l.course_deg, l.alarm,
        l.status, l.driver_id, l.left_continuous_ms, l.left_night_ms, l.left_24h_ms, l.left_7d_ms,
        l.first_qualified_at, l.datum_found, l.datum_found_from
    FROM vehicle_live l JOIN vehicles v ON v.id = l.vehicle_id
    WHERE";

fn vehicle_row(row: &AnyRow) -> Result<VehicleRow, StoreError> {
    Ok(VehicleRow {
        vehicle: vehicle(row, 0)?,
        enterprise_name: row.text(11)?,
        region: row.name(12, "region")?,
        datum: row.name_opt(13, "datum")?.unwrap_or_default(),
        driver_licence: row.text_opt(14)?,
        live: match row.int_opt(15)? {
            Some(_) => Some(live(row, 15)?),
            None => None,
        },
    })
}

fn position(row: &AnyRow) -> Result<VehiclePosition, StoreError> {
    Ok(VehiclePosition {
        vehicle: VehicleId(row.number(0, "vehicle number")?),
        plate: row.plate(1)?,
        enterprise_id: row.text(3)?,
        class: row.name(4, "vehicle class")?,
        live: live(row, 5)?,
    })
}

/// The columns of `vehicle_live` from `at`, without its key.
fn live(row: &AnyRow, at: usize) -> Result<LiveState, StoreError> {
    Ok(LiveState {
        fix_at: row.time(at)?,
        received_at: row.time(at + 1)?,
        position: Position {
            lat_udeg: row.number(at + 2, "latitude")?,
            lon_udeg: row.number(at + 3, "longitude")?,
        },
        speed: Speed::from_mkmh(row.number(at + 4, "speed")?),
        course: row
            .number_opt(at + 5, "course")?
            .map(|degrees| Course::from_degrees(degrees).ok_or(StoreError::damaged("course")))
            .transpose()?,
        alarm: row.number(at + 6, "alarm bits")?,
        status: row.number(at + 7, "status bits")?,
        driver: row.number_opt(at + 8, "driver number")?.map(DriverId),
        left: FatigueLeft {
            continuous: row.span_opt(at + 9)?,
            night: row.span_opt(at + 10)?,
            hours24: row.span_opt(at + 11)?,
            days7: row.span_opt(at + 12)?,
        },
        first_qualified_at: row.time_opt(at + 13)?,
        datum: match (row.name_opt(at + 14, "datum")?, row.time_opt(at + 15)?) {
            (Some(datum), Some(since)) => Some(DatumSuspicion { datum, since }),
            _ => None,
        },
    })
}
