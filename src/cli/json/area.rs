//! Areas and routes, both ways.

use serde_json::{Value, json};

use super::fields::{Fields, JsonError, wrong};
use super::values::{Object, object, time_or_digits};
use crate::protocol::BcdTime;
use crate::protocol::jt808::Edition;
use crate::protocol::jt808::area::{
    AREA_SOUTH, AREA_WEST, AreaList, AreaTerms, Circle, Place, Polygon, Rectangle,
};
use crate::protocol::jt808::route::{POINT_SOUTH, POINT_WEST, Route, RoutePoint};

type Read<T> = Result<T, JsonError>;

/// What a list does, by code.
const ACTIONS: [&str; 3] = ["update", "append", "modify"];

fn action_name(action: u8) -> Value {
    ACTIONS
        .get(usize::from(action))
        .map_or_else(|| json!(action), |name| json!(name))
}

fn action_code(fields: Fields<'_>) -> Read<u8> {
    let name = fields.maybe("action").and_then(Value::as_str);
    match name.and_then(|name| ACTIONS.iter().position(|action| *action == name)) {
        Some(code) => u8::try_from(code).map_err(|_too_many| wrong("action", "an action")),
        None => fields.u8("action"),
    }
}

fn signed(udeg: u32, negative: bool) -> Value {
    let degrees = f64::from(udeg) / 1e6;
    json!(if negative && udeg != 0 {
        -degrees
    } else {
        degrees
    })
}

fn put_place(body: &mut Object, names: [&str; 2], place: Place, attributes: u16) {
    let [lat, lon] = names;
    let south = attributes & AREA_SOUTH != 0;
    let west = attributes & AREA_WEST != 0;
    body.insert(lat.to_owned(), signed(place.lat_udeg, south));
    body.insert(lon.to_owned(), signed(place.lon_udeg, west));
}

/// Reads a place, and sets the bits for its hemisphere.
fn place(
    fields: Fields<'_>,
    names: [&str; 2],
    bits: [u16; 2],
    attributes: &mut u16,
) -> Read<Place> {
    let [lat, lon] = names;
    let [south_bit, west_bit] = bits;
    let (lat_udeg, south) = fields.degrees(lat)?;
    let (lon_udeg, west) = fields.degrees(lon)?;
    if south {
        *attributes |= south_bit;
    }
    if west {
        *attributes |= west_bit;
    }
    Ok(Place { lat_udeg, lon_udeg })
}

const AREA_BITS: [u16; 2] = [AREA_SOUTH, AREA_WEST];

fn put_terms(body: &mut Object, terms: &AreaTerms, edition: Edition) {
    put_times(body, terms.times);
    body.insert("attributes".to_owned(), json!(terms.attributes));
    body.insert("max_speed_kmh".to_owned(), json!(terms.speed_kmh_max));
    body.insert("over_speed_s".to_owned(), json!(terms.over_s));
    if edition == Edition::V2019 {
        let night = json!(terms.night_speed_kmh_max);
        body.insert("night_max_speed_kmh".to_owned(), night);
        body.insert("name".to_owned(), json!(terms.name));
    }
}

fn put_times(body: &mut Object, times: Option<(BcdTime, BcdTime)>) {
    let (start, end) = times.unzip();
    body.insert("start".to_owned(), json!(start.map(time_or_digits)));
    body.insert("end".to_owned(), json!(end.map(time_or_digits)));
}

fn times(fields: Fields<'_>) -> Read<Option<(BcdTime, BcdTime)>> {
    match (fields.maybe("start"), fields.maybe("end")) {
        (None, None) => Ok(None),
        _ => Ok(Some((fields.time("start")?, fields.time("end")?))),
    }
}

fn terms(fields: Fields<'_>) -> Read<AreaTerms> {
    Ok(AreaTerms {
        attributes: fields.u16("attributes")?,
        times: times(fields)?,
        speed_kmh_max: fields.maybe_u16("max_speed_kmh")?,
        over_s: fields.maybe_u8("over_speed_s")?,
        night_speed_kmh_max: fields.maybe_u16("night_max_speed_kmh")?,
        name: fields.text_or_empty("name")?,
    })
}

fn area_list<A>(list: &AreaList<A>, area: impl Fn(&A) -> Object) -> Object {
    let areas: Vec<Object> = list.areas.iter().map(area).collect();
    object(json!({"action": action_name(list.action), "areas": areas}))
}

/// The body of a 0x8600.
pub(super) fn circles(list: &AreaList<Circle>, edition: Edition) -> Object {
    area_list(list, |circle| {
        let mut body = object(json!({"id": circle.id, "radius_m": circle.radius_m}));
        let attributes = circle.terms.attributes;
        put_place(&mut body, ["lat", "lon"], circle.center, attributes);
        put_terms(&mut body, &circle.terms, edition);
        body
    })
}

/// Reads the body of a 0x8600.
pub(super) fn read_circles(fields: Fields<'_>) -> Read<AreaList<Circle>> {
    Ok(AreaList {
        action: action_code(fields)?,
        areas: fields.objects("areas", |area| {
            let mut terms = terms(area)?;
            let names = ["lat", "lon"];
            Ok(Circle {
                id: area.u32("id")?,
                center: place(area, names, AREA_BITS, &mut terms.attributes)?,
                radius_m: area.u32("radius_m")?,
                terms,
            })
        })?,
    })
}

/// Names of the corners of a rectangle.
const UPPER_LEFT: [&str; 2] = ["top_lat", "left_lon"];
/// Names of the corners of a rectangle.
const LOWER_RIGHT: [&str; 2] = ["bottom_lat", "right_lon"];

/// The body of a 0x8602.
pub(super) fn rectangles(list: &AreaList<Rectangle>, edition: Edition) -> Object {
    area_list(list, |area| {
        let mut body = object(json!({"id": area.id}));
        let attributes = area.terms.attributes;
        put_place(&mut body, UPPER_LEFT, area.upper_left, attributes);
        put_place(&mut body, LOWER_RIGHT, area.lower_right, attributes);
        put_terms(&mut body, &area.terms, edition);
        body
    })
}

/// Reads the body of a 0x8602.
pub(super) fn read_rectangles(fields: Fields<'_>) -> Read<AreaList<Rectangle>> {
    Ok(AreaList {
        action: action_code(fields)?,
        areas: fields.objects("areas", |area| {
            let mut terms = terms(area)?;
            let bits = &mut terms.attributes;
            Ok(Rectangle {
                id: area.u32("id")?,
                upper_left: place(area, UPPER_LEFT, AREA_BITS, bits)?,
                lower_right: place(area, LOWER_RIGHT, AREA_BITS, bits)?,
                terms,
            })
        })?,
    })
}

/// The body of a 0x8604.
pub(super) fn polygon(polygon: &Polygon, edition: Edition) -> Object {
    let mut body = object(json!({"id": polygon.id}));
    let attributes = polygon.terms.attributes;
    let vertices = polygon.vertices.iter().map(|vertex| {
        let mut point = Object::new();
        put_place(&mut point, ["lat", "lon"], *vertex, attributes);
        point
    });
    body.insert("points".to_owned(), json!(vertices.collect::<Vec<_>>()));
    put_terms(&mut body, &polygon.terms, edition);
    body
}

/// Reads the body of a 0x8604.
pub(super) fn read_polygon(fields: Fields<'_>) -> Read<Polygon> {
    let mut terms = terms(fields)?;
    let mut vertices = Vec::new();
    for point in fields.list("points")? {
        let point = Fields::of(point, "points")?;
        let bits = &mut terms.attributes;
        vertices.push(place(point, ["lat", "lon"], AREA_BITS, bits)?);
    }
    Ok(Polygon {
        id: fields.u32("id")?,
        vertices,
        terms,
    })
}

/// The body of a 0x8606.
pub(super) fn route(route: &Route, edition: Edition) -> Object {
    let mut body = object(json!({"id": route.id, "attributes": route.attributes}));
    put_times(&mut body, route.times);
    let points: Vec<Object> = route
        .points
        .iter()
        .map(|point| route_point(point, edition))
        .collect();
    body.insert("points".to_owned(), json!(points));
    if edition == Edition::V2019 {
        body.insert("name".to_owned(), json!(route.name));
    }
    body
}

fn route_point(point: &RoutePoint, edition: Edition) -> Object {
    let mut body = object(json!({
        "turn_id": point.point_id,
        "section_id": point.segment_id,
        "lat": signed(point.place.lat_udeg, point.attributes & POINT_SOUTH != 0),
        "lon": signed(point.place.lon_udeg, point.attributes & POINT_WEST != 0),
        "width_m": point.width_m,
        "attributes": point.attributes,
        "max_travel_s": point.travel_s_max,
        "min_travel_s": point.travel_s_min,
        "max_speed_kmh": point.speed_kmh_max,
        "over_speed_s": point.over_s,
    }));
    if edition == Edition::V2019 {
        let night = json!(point.night_speed_kmh_max);
        body.insert("night_max_speed_kmh".to_owned(), night);
    }
    body
}

/// Reads the body of a 0x8606.
pub(super) fn read_route(fields: Fields<'_>) -> Read<Route> {
    Ok(Route {
        id: fields.u32("id")?,
        attributes: fields.u16("attributes")?,
        times: times(fields)?,
        points: fields.objects("points", read_route_point)?,
        name: fields.text_or_empty("name")?,
    })
}

fn read_route_point(fields: Fields<'_>) -> Read<RoutePoint> {
    let mut attributes = u16::from(fields.u8("attributes")?);
    let bits = [u16::from(POINT_SOUTH), u16::from(POINT_WEST)];
    let place = place(fields, ["lat", "lon"], bits, &mut attributes)?;
    Ok(RoutePoint {
        point_id: fields.u32_or_0("turn_id")?,
        segment_id: fields.u32("section_id")?,
        place,
        width_m: fields.u8("width_m")?,
        attributes: u8::try_from(attributes)
            .map_err(|_too_large| wrong("attributes", "a number of 0 to 255"))?,
        travel_s_max: fields.maybe_u16("max_travel_s")?,
        travel_s_min: fields.maybe_u16("min_travel_s")?,
        speed_kmh_max: fields.maybe_u16("max_speed_kmh")?,
        over_s: fields.maybe_u8("over_speed_s")?,
        night_speed_kmh_max: fields.maybe_u16("night_max_speed_kmh")?,
    })
}
