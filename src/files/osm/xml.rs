//! The `.osm` format: XML, read as a stream.

use std::io::{BufReader, Read};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::extract::{Found, place_of_nano};
use crate::roads::NodePlace;

/// Bytes of one element at most; a way has at most 2,000 nodes.
const ELEMENT_BYTES_MAX: usize = 1 << 20;

/// All roads.
pub(super) fn ways(reader: impl Read) -> Result<Found, String> {
    let mut found = Found::default();
    let mut open: Option<OpenWay> = None;
    each_element(reader, |element| {
        match element {
            Element::Start(tag) => match tag.name().as_ref() {
                "way" => open = Some(OpenWay::new(attribute(tag, "id")?)),
                "nd" => {
                    if let Some(way) = &mut open {
                        way.nodes.push(attribute(tag, "ref")?);
                    }
                }
                "tag" => {
                    if let Some(way) = &mut open {
                        way.tags.push((text(tag, "k")?, text(tag, "v")?));
                    }
                }
                _ => {}
            },
            Element::End("way") => {
                if let Some(way) = open.take() {
                    let tags = way
                        .tags
                        .iter()
                        .map(|(key, value)| (key.as_str(), value.as_str()));
                    found.add_way(way.id, tags, || way.nodes.clone());
                }
            }
            Element::End(_) => {}
        }
        Ok(())
    })?;
    Ok(found)
}

/// The places of the wanted nodes, in any order.
pub(super) fn nodes(reader: impl Read, wanted: &[i64]) -> Result<Vec<(i64, NodePlace)>, String> {
    let mut found = Vec::new();
    each_element(reader, |element| {
        if let Element::Start(tag) = element
            && tag.name().as_ref() == "node"
        {
            let id = attribute(tag, "id")?;
            if wanted.binary_search(&id).is_ok()
                && let Some(place) = place_of_nano(nano(tag, "lat")?, nano(tag, "lon")?)
            {
                found.push((id, place));
            }
        }
        Ok(())
    })?;
    Ok(found)
}

/// A way being read.
struct OpenWay {
    id: i64,
    nodes: Vec<i64>,
    tags: Vec<(String, String)>,
}

impl OpenWay {
    const fn new(id: i64) -> Self {
        Self {
            id,
            nodes: Vec::new(),
            tags: Vec::new(),
        }
    }
}

/// A tag that begins, or the name of one that ends.
enum Element<'a> {
    Start(&'a BytesStart<'a>),
    End(&'a str),
}

/// Calls `take` with every tag; an empty one begins and ends.
fn each_element(
    reader: impl Read,
    mut take: impl FnMut(Element<'_>) -> Result<(), String>,
) -> Result<(), String> {
    let mut reader = Reader::from_reader(BufReader::new(reader));
    let mut buffer = Vec::new();
    let mut depth = 0_u32;
    let mut is_map = false;
    loop {
        let event = reader
            .read_event_into(&mut buffer)
            .map_err(|error| error.to_string())?;
        match event {
            Event::Start(tag) => {
                is_map |= depth == 0 && tag.name().as_ref() == "osm";
                depth += 1;
                take(Element::Start(&tag))?;
            }
            Event::Empty(tag) => {
                take(Element::Start(&tag))?;
                take(Element::End(tag.name().as_ref()))?;
            }
            Event::End(tag) => {
                depth = depth.saturating_sub(1);
                take(Element::End(tag.name().as_ref()))?;
            }
            Event::Eof if depth > 0 => return Err("the file ends inside an element".to_owned()),
            Event::Eof if !is_map => return Err("there is no element <osm>".to_owned()),
            Event::Eof => return Ok(()),
            _ => {}
        }
        if buffer.len() > ELEMENT_BYTES_MAX {
            return Err(format!(
                "an element is longer than {ELEMENT_BYTES_MAX} bytes"
            ));
        }
        buffer.clear();
    }
}

fn text(tag: &BytesStart<'_>, name: &str) -> Result<String, String> {
    let attribute = tag
        .try_get_attribute(name)
        .map_err(|error| error.to_string())?;
    let attribute = attribute.ok_or_else(|| format!("an element has no attribute {name}"))?;
    let value = attribute
        .normalized_value(quick_xml::XmlVersion::Explicit1_0)
        .map_err(|error| error.to_string())?;
    Ok(value.into_owned())
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Result<i64, String> {
    let text = text(tag, name)?;
    text.parse()
        .map_err(|_none| format!("{name}=\"{text}\" is no identifier"))
}

/// Degrees of an attribute. Unit: 1e-9 degrees.
fn nano(tag: &BytesStart<'_>, name: &str) -> Result<i64, String> {
    let text = text(tag, name)?;
    let degrees: f64 = text
        .parse()
        .map_err(|_none| format!("{name}=\"{text}\" is no number"))?;
    if !(-180.0..=180.0).contains(&degrees) {
        return Err(format!("{name}=\"{text}\" is outside the earth"));
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range is checked above"
    )]
    Ok((degrees * 1e9).round() as i64)
}
