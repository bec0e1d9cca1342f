//! Vehicles: the register, the last fix, and the track.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::error::ApiError;
use super::extract::{Params, Segments};
use super::moment::{GivenMoment, Moment, Name, period};
use super::page::{List, PageParams, SeekKey};
use super::state::{Shared, Wheel};
use super::time_limit::within;
use super::track::{TrackFormat, TrackHead, TrackWriter, format_named};
use crate::model::duty::Period;
use crate::model::{
    Course, Datum, LocalZone, Plate, PlateColor, Region, Span, Timestamp, VehicleClass, VehicleId,
};
use crate::store::{
    FatigueLeft, LiveState, LostStretch, OnlineFilter, StoreError, TRACK_PAGE_FIXES_MAX, TrackPage,
    VehicleFilter, VehicleRow,
};

/// A vehicle.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct VehicleBody {
    plate: String,
    plate_color: &'static str,
    /// Phone number of its terminal.
    terminal: Option<String>,
    enterprise_id: String,
    enterprise_name: String,
    class: &'static str,
    seats: Option<u16>,
    /// Its own region, or else its enterprise's.
    region: String,
    line_km: Option<f64>,
    route_id: Option<String>,
    /// `wgs84`, `gcj02` or `bd09`: in which it gives its places, as declared by itself or else its enterprise.
    datum: &'static str,
    /// Null where its places look as declared.
    datum_found: Option<DatumFound>,
    /// Whether something came from it lately.
    online: bool,
    /// Null before its first fix.
    last_fix: Option<LastFix>,
    /// Driving time left before each fatigue limit; null before its first fix.
    hours_left: Option<HoursLeft>,
}

/// That the places of a vehicle lie on the roads only when they are taken for another datum than declared.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DatumFound {
    /// `wgs84`, `gcj02` or `bd09`: the one to declare.
    datum: &'static str,
    /// Fix time at which it was found.
    since: Moment,
}

/// The newest fix by fix time.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LastFix {
    time: Moment,
    received: Moment,
    lat: f64,
    lon: f64,
    speed_kmh: f64,
    course_deg: Option<u16>,
    /// Alarm bits of JT/T 808 0x0200.
    alarm: u32,
    /// Status bits of JT/T 808 0x0200.
    status: u32,
    /// Licence of the driver, where known.
    driver: Option<String>,
}

/// Driving time left, in minutes; null where a limit does not apply now.
#[derive(Debug, Serialize, ToSchema)]
#[expect(
    clippy::struct_field_names,
    reason = "the unit stands last in every name"
)]
pub(super) struct HoursLeft {
    /// Of continuous driving (F-4H).
    continuous_min: Option<f64>,
    /// Of continuous driving in the night (F-N2).
    night_min: Option<f64>,
    /// Of 24 hours (F-24).
    #[serde(rename = "24h_min")]
    hours24_min: Option<f64>,
    /// Of 7 days (F-7D).
    #[serde(rename = "7d_min")]
    days7_min: Option<f64>,
}

/// Query of `/vehicles`.
#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct VehicleParams {
    /// In this region, by its own or else its enterprise's.
    #[param(value_type = Option<String>)]
    region: Option<Name<Region>>,
    /// Of this enterprise.
    enterprise: Option<String>,
    /// Of this class.
    #[param(value_type = Option<String>)]
    class: Option<Name<VehicleClass>>,
    /// By whether something came from it lately.
    online: Option<bool>,
    /// Whose places look as if they were of this datum, which is not the declared one: `wgs84`, `gcj02` or
    /// `bd09`.
    #[param(value_type = Option<String>)]
    datum_found: Option<Name<Datum>>,
}

/// Query of a track.
#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct TrackParams {
    /// First fix time; 24 h before the end unless given.
    #[param(value_type = Option<GivenMoment>)]
    from: Option<GivenMoment>,
    /// End, exclusive; now unless given.
    #[param(value_type = Option<GivenMoment>)]
    to: Option<GivenMoment>,
    /// `geojson` (the default), `gpx`, `csv` or `ndjson`.
    format: Option<String>,
}

impl SeekKey for VehicleId {
    fn parts(&self) -> Vec<String> {
        vec![self.0.to_string()]
    }
    fn from_parts(parts: &[String]) -> Option<Self> {
        match parts {
            [number] => number.parse().ok().map(Self),
            _ => None,
        }
    }
}

/// `GET /vehicles`
pub(super) async fn list(
    State(context): State<Shared>,
    Params(params): Params<VehicleParams>,
    Params(page): Params<PageParams>,
) -> Result<Json<List<VehicleBody>>, ApiError> {
    let since = online_since(&context);
    let filter = VehicleFilter {
        region: params.region.map(|name| name.0),
        enterprise_id: params.enterprise,
        class: params.class.map(|name| name.0),
        online: params.online.map(|online| OnlineFilter { since, online }),
        datum_found: params.datum_found.map(|name| name.0),
    };
    let listed = context
        .store
        .list_vehicles(&filter, &page.page(&context.limits)?)
        .await?;
    let zone = context.zone();
    Ok(Json(List::of(listed, |row| body(row, since, zone))))
}

/// `GET /vehicles/{plate}/{color}`
pub(super) async fn one(
    State(context): State<Shared>,
    Segments((text, color)): Segments<(String, String)>,
) -> Result<Json<VehicleBody>, ApiError> {
    let mut row = find(&context, &text, &color).await?;
    let vehicle = row.vehicle.id;
    if let Some(live) = &mut row.live {
        // The list tells what was left at the last fix; here it is told for now.
        let wheel = Wheel::At(vehicle, live.driver);
        let hours = context.hours.hours(wheel, context.clock.now()).await?;
        live.left = hours.map_or(live.left, |hours| hours.left);
    }
    Ok(Json(body(row, online_since(&context), context.zone())))
}

/// `GET /vehicles/{plate}/{color}/track`
pub(super) async fn track(
    State(context): State<Shared>,
    Segments((text, color)): Segments<(String, String)>,
    Params(params): Params<TrackParams>,
) -> Result<Response, ApiError> {
    let format = match params.format.as_deref() {
        Some(name) => format_named(name).map_err(|_unknown| {
            ApiError::BadQuery("format must be geojson, gpx, csv or ndjson".to_owned())
        })?,
        None => TrackFormat::GeoJson,
    };
    let now = context.clock.now();
    let period = period(params.from, params.to, now, context.limits.track_days_max)?;
    let row = find(&context, &text, &color).await?;
    let head = TrackHead {
        plate: row.vehicle.entry.plate,
        zone: context.zone(),
    };
    let writer = TrackWriter::new(format, head);
    let mut reader = TrackReader {
        context,
        vehicle: row.vehicle.id,
        period,
        writer,
        next: Some(period.from),
    };
    // The first page is read before the status is sent, so that an error can still be told.
    let begin = reader.writer.begin() + &reader.page().await?.unwrap_or_default();
    let rest = futures_util::stream::try_unfold(Some(reader), |reader| async move {
        let Some(mut reader) = reader else {
            return Ok(None);
        };
        match reader.page().await {
            Ok(Some(text)) => Ok(Some((text, Some(reader)))),
            Ok(None) => Ok(Some((reader.writer.end(), None))),
            Err(error) => Err(error),
        }
    });
    let first = futures_util::stream::once(async move { Ok::<_, ApiError>(begin) });
    let body = Body::from_stream(futures_util::StreamExt::chain(first, rest));
    let headers = [(header::CONTENT_TYPE, format.content_type())];
    Ok((headers, body).into_response())
}

/// Reads a track page by page and writes each.
struct TrackReader {
    context: Shared,
    vehicle: VehicleId,
    period: Period,
    writer: TrackWriter,
    next: Option<Timestamp>,
}

impl TrackReader {
    /// The text of the next page; `None` past the end.
    async fn page(&mut self) -> Result<Option<String>, ApiError> {
        let Some(from) = self.next else {
            return Ok(None);
        };
        let store = &self.context.store;
        let (vehicle, to) = (self.vehicle, self.period.to);
        let TrackPage { fixes, lost, next } = within(self.context.limits.request_max, async {
            let page = store.readable_page(vehicle, from, to, TRACK_PAGE_FIXES_MAX);
            Ok(page.await?)
        })
        .await?;
        self.next = next;
        for LostStretch {
            file,
            problem,
            from,
            to,
        } in lost
        {
            tracing::error!(%file, %problem, "an archive file is damaged: a track is given without it");
            self.writer.missing(from, to);
        }
        let names = self.context.names.covering(store, &fixes).await?;
        let text = self
            .writer
            .page(&fixes, |driver| names.licence(driver).map(str::to_owned));
        Ok(Some(text))
    }
}

async fn find(context: &Shared, text: &str, color: &str) -> Result<VehicleRow, ApiError> {
    let color: PlateColor = color
        .parse()
        .map_err(|_unknown| ApiError::BadPath(format!("{color:?} is not a plate colour")))?;
    let plate = Plate::new(text, color).ok_or(ApiError::NotFound("vehicle"))?;
    context
        .store
        .vehicle(&plate)
        .await
        .map_err(|error| match error {
            StoreError::NotFound => ApiError::NotFound("vehicle"),
            other => other.into(),
        })
}

/// A vehicle is online when its last fix was received then or later.
fn online_since(context: &Shared) -> Timestamp {
    context.clock.now() - Span::from_seconds(context.limits.online_s_max)
}

fn body(row: VehicleRow, online_since: Timestamp, zone: LocalZone) -> VehicleBody {
    let entry = row.vehicle.entry;
    let live = row.live;
    VehicleBody {
        plate: entry.plate.text,
        plate_color: entry.plate.color.name(),
        terminal: entry.terminal.map(|phone| phone.to_string()),
        enterprise_id: entry.enterprise_id,
        enterprise_name: row.enterprise_name,
        class: entry.class.name(),
        seats: entry.seats,
        region: row.region.to_string(),
        line_km: entry.line_km,
        route_id: entry.route_id,
        datum: row.datum.name(),
        datum_found: live
            .as_ref()
            .and_then(|live| live.datum)
            .map(|found| DatumFound {
                datum: found.datum.name(),
                since: Moment::new(found.since, zone),
            }),
        online: live
            .as_ref()
            .is_some_and(|live| live.received_at >= online_since),
        hours_left: live.as_ref().map(|live| hours_left(live.left)),
        last_fix: live.map(|live| last_fix(&live, row.driver_licence, zone)),
    }
}

fn last_fix(live: &LiveState, driver: Option<String>, zone: LocalZone) -> LastFix {
    LastFix {
        time: Moment::new(live.fix_at, zone),
        received: Moment::new(live.received_at, zone),
        lat: live.position.lat(),
        lon: live.position.lon(),
        speed_kmh: live.speed.kmh(),
        course_deg: live.course.map(Course::degrees),
        alarm: live.alarm,
        status: live.status,
        driver,
    }
}

pub(super) fn hours_left(left: FatigueLeft) -> HoursLeft {
    HoursLeft {
        continuous_min: left.continuous.map(Span::minutes),
        night_min: left.night.map(Span::minutes),
        hours24_min: left.hours24.map(Span::minutes),
        days7_min: left.days7.map(Span::minutes),
    }
}
