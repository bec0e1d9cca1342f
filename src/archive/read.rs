//! The bytes of an archive file to fixes.
//!
//! A reader fetches the footer, asks it which rows may hold what is wanted ([`Footer::rows`]), fetches the
//! bytes of their pages ([`Footer::ranges`]) and decodes them ([`Footer::decode`]). Nothing here does I/O.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use bytes::buf::Reader;
use parquet::column::page::PageReader;
use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::{DataType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData,
};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::PageLocation;
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::file::statistics::Statistics;

use super::schema::column;
use crate::model::{
    Course, DriverId, Events, Fix, Odometer, Quality, Source, Speed, Timestamp, VehicleId,
};

/// What is wanted of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Lowest and highest vehicle number, both included.
    pub vehicles: (VehicleId, VehicleId),
    /// Earliest fix time.
    pub from: Timestamp,
    /// End of fix times, not included.
    pub to: Timestamp,
}

impl Wanted {
    /// Everything.
    pub const ALL: Self = Self {
        vehicles: (VehicleId(0), VehicleId(u32::MAX)),
        from: Timestamp::MIN,
        to: Timestamp::MAX,
    };

    /// Whether a fix is wanted.
    pub fn holds(&self, fix: &Fix) -> bool {
        (self.vehicles.0..=self.vehicles.1).contains(&fix.vehicle)
            && (self.from..self.to).contains(&fix.time)
    }

    fn may_hold(&self, vehicles: (u32, u32), times: (i64, i64)) -> bool {
        self.vehicles.0.0 <= vehicles.1
            && vehicles.0 <= self.vehicles.1.0
            && self.from.millis() <= times.1
            && times.0 < self.to.millis()
    }
}

/// Rows of a file that follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Which row group.
    pub group: usize,
    /// Which of its rows.
    pub rows: Range<usize>,
}

/// Where the pages of a file are and what they hold.
#[derive(Debug)]
pub struct Footer {
    metadata: ParquetMetaData,
}

impl Footer {
    /// Reads the last bytes of a file of `file_bytes` bytes: page index and footer.
    ///
    /// # Errors
    /// For bytes that we did not write.
    pub fn parse(tail: Bytes, file_bytes: u64) -> Result<Self, ParquetError> {
        let start = file_bytes.saturating_sub(tail.len() as u64);
        let pieces = Pieces::new(file_bytes, vec![(start, tail)]);
        let metadata = ParquetMetaDataReader::new()
            .with_page_index_policy(PageIndexPolicy::Required)
            .parse_and_finish(&pieces)?;
        let columns = metadata.file_metadata().schema_descr();
        if !super::schema::knows(columns.root_schema()) {
            return Err(ParquetError::General("the columns are not ours".to_owned()));
        }
        Ok(Self { metadata })
    }

    /// Fixes in the file.
    pub fn fixes(&self) -> u64 {
        self.metadata
            .file_metadata()
            .num_rows()
            .try_into()
            .unwrap_or(0)
    }

    /// Row groups in the file.
    pub fn groups(&self) -> usize {
        self.metadata.num_row_groups()
    }

    /// Bytes that it takes in memory.
    pub fn memory_bytes(&self) -> usize {
        self.metadata.memory_size()
    }

    /// All rows of a row group.
    pub fn group_rows(&self, group: usize) -> Rows {
        let rows = self.metadata.row_groups().get(group).map_or(0, row_count);
        Rows {
            group,
            rows: 0..rows,
        }
    }

    /// The rows that may hold what is wanted, by row groups; whole pages.
    pub fn rows(&self, wanted: &Wanted) -> Vec<Rows> {
        let mut found = Vec::new();
        for (group, metadata) in self.metadata.row_groups().iter().enumerate() {
            if group_may_hold(metadata, wanted) {
                self.rows_of_group(group, metadata, wanted, &mut found);
            }
        }
        found
    }

    fn rows_of_group(
        &self,
        group: usize,
        metadata: &RowGroupMetaData,
        wanted: &Wanted,
        found: &mut Vec<Rows>,
    ) {
        let index = self.metadata.page_index_for_row_group(group);
        let (Some(ColumnIndexMetaData::INT32(vehicles)), Some(ColumnIndexMetaData::INT64(times))) = (
            index.column_index(column::VEHICLE),
            index.column_index(column::FIX_TIME),
        ) else {
            found.push(self.group_rows(group));
            return;
        };
        let rows = row_count(metadata);
        let vehicle_pages = page_rows(index.page_locations(column::VEHICLE), rows);
        let time_pages = page_rows(index.page_locations(column::FIX_TIME), rows);
        for (time_page, time_rows) in time_pages.into_iter().enumerate() {
            let (Some(first), Some(last)) =
                (times.min_value(time_page), times.max_value(time_page))
            else {
                continue;
            };
            for (page, page_rows) in vehicle_pages.iter().enumerate() {
                let both = page_rows.start.max(time_rows.start)..page_rows.end.min(time_rows.end);
                let (Some(low), Some(high)) = (vehicles.min_value(page), vehicles.max_value(page))
                else {
                    continue;
                };
                let range = (low.cast_unsigned(), high.cast_unsigned());
                if !both.is_empty() && wanted.may_hold(range, (*first, *last)) {
                    append(found, group, both);
                }
            }
        }
    }

    /// Where the bytes of rows are, in the order of the file; neighbours are joined.
    pub fn ranges(&self, rows: &[Rows]) -> Vec<Range<u64>> {
        let mut ranges = Vec::new();
        for rows in rows {
            let index = self.metadata.page_index_for_row_group(rows.group);
            let Some(group) = self.metadata.row_groups().get(rows.group) else {
                continue;
            };
            for column in READ.iter().filter(|column| **column < group.num_columns()) {
                let pages = index.page_locations(*column);
                for (page, location) in page_rows(pages, row_count(group))
                    .into_iter()
                    .zip(pages.into_iter().flatten())
                {
                    if page.start < rows.rows.end && rows.rows.start < page.end {
                        ranges.push(bytes_of(location));
                    }
                }
            }
        }
        ranges.sort_by_key(|range: &Range<u64>| range.start);
        ranges.dedup();
        let mut joined: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match joined.last_mut() {
                Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
                _ => joined.push(range),
            }
        }
        joined
    }

    /// Decodes rows whose bytes are in `pieces` and appends their fixes.
    ///
    /// # Errors
    /// For bytes that we did not write, or that are missing.
    pub fn decode(
        &self,
        pieces: &Arc<Pieces>,
        rows: &Rows,
        fixes: &mut Vec<Fix>,
    ) -> Result<(), ParquetError> {
        let group = self
            .metadata
            .row_groups()
            .get(rows.group)
            .ok_or_else(|| broken("row group"))?;
        let start = fixes.len();
        fixes.resize(start + rows.rows.len(), Fix::EMPTY);
        let Some(fixes) = fixes.get_mut(start..) else {
            return Ok(());
        };
        Columns {
            footer: self,
            pieces,
            group,
            rows,
            values32: Vec::with_capacity(fixes.len()),
            values64: Vec::with_capacity(fixes.len()),
            levels: Vec::with_capacity(fixes.len()),
        }
        .decode(fixes)
    }
}

/// Columns that make a fix; the others are for readers of other tools.
const READ: &[usize] = &[
    column::VEHICLE,
    column::FIX_TIME,
    column::RECEIVED_TIME,
    column::LAT,
    column::LON,
    column::SPEED,
    column::SPEED_REST,
    column::COURSE,
    column::ALTITUDE,
    column::ODOMETER,
    column::ALARM,
    column::STATUS,
    column::DRIVER,
    column::SOURCE,
    column::QUALITY,
    column::PASSENGERS,
    column::EVENTS_LOW,
    column::EVENTS_HIGH,
];

/// Rows being decoded, column by column.
struct Columns<'a> {
    footer: &'a Footer,
    pieces: &'a Arc<Pieces>,
    group: &'a RowGroupMetaData,
    rows: &'a Rows,
    values32: Vec<i32>,
    values64: Vec<i64>,
    levels: Vec<i16>,
}

impl Columns<'_> {
    fn decode(&mut self, fixes: &mut [Fix]) -> Result<(), ParquetError> {
        self.all32(column::VEHICLE, fixes, |fix, value| {
            fix.vehicle = VehicleId(value.cast_unsigned());
            Some(())
        })?;
        self.all64(column::FIX_TIME, fixes, |fix, value| {
            fix.time = Timestamp::from_millis(value);
        })?;
        self.all64(column::RECEIVED_TIME, fixes, |fix, value| {
            fix.received = Timestamp::from_millis(value);
        })?;
        self.all32(column::LAT, fixes, |fix, value| {
            fix.position.lat_udeg = value;
            Some(())
        })?;
        self.all32(column::LON, fixes, |fix, value| {
            fix.position.lon_udeg = value;
            Some(())
        })?;
        self.all32(column::SPEED, fixes, |fix, value| {
            fix.speed = Speed::from_mkmh(value.cast_unsigned().checked_mul(100)?);
            Some(())
        })?;
        self.all32(column::SPEED_REST, fixes, |fix, value| {
            let rest = value.cast_unsigned();
            fix.speed = Speed::from_mkmh(fix.speed.mkmh().checked_add(rest)?);
            Some(())
        })?;
        self.some(column::COURSE, fixes, |fix, value| {
            fix.course = Some(Course::from_degrees(value.try_into().ok()?)?);
            Some(())
        })?;
        self.some(column::ALTITUDE, fixes, |fix, value| {
            fix.altitude_m = Some(value.try_into().ok()?);
            Some(())
        })?;
        self.some(column::ODOMETER, fixes, |fix, value| {
            fix.odometer = Some(Odometer::from_hm(value.cast_unsigned()));
            Some(())
        })?;
        self.decode_states(fixes)
    }

    fn decode_states(&mut self, fixes: &mut [Fix]) -> Result<(), ParquetError> {
        self.all32(column::ALARM, fixes, |fix, value| {
            fix.alarm = value.cast_unsigned();
            Some(())
        })?;
        self.all32(column::STATUS, fixes, |fix, value| {
            fix.status = value.cast_unsigned();
            Some(())
        })?;
        self.some(column::DRIVER, fixes, |fix, value| {
            fix.driver = Some(DriverId(value.cast_unsigned()));
            Some(())
        })?;
        self.all32(column::SOURCE, fixes, |fix, value| {
            fix.source = Source::from_code(value.try_into().ok()?)?;
            Some(())
        })?;
        self.all32(column::QUALITY, fixes, |fix, value| {
            fix.quality = Quality::from_bits(value.try_into().ok()?);
            Some(())
        })?;
        self.some(column::PASSENGERS, fixes, |fix, value| {
            fix.passengers = Some(value.try_into().ok()?);
            Some(())
        })?;
        self.some(column::EVENTS_LOW, fixes, |fix, value| {
            let low = u64::from(value.cast_unsigned());
            fix.events = Events::from_bits(fix.events.bits() | low);
            Some(())
        })?;
        self.some(column::EVENTS_HIGH, fixes, |fix, value| {
            let high = u64::from(value.cast_unsigned()) << 32;
            fix.events = Events::from_bits(fix.events.bits() | high);
            Some(())
        })
    }

    fn all32(
        &mut self,
        column: usize,
        fixes: &mut [Fix],
        put: impl Fn(&mut Fix, i32) -> Option<()>,
    ) -> Result<(), ParquetError> {
        let mut values = std::mem::take(&mut self.values32);
        values.clear();
        self.read::<Int32Type>(column, None, &mut values)?;
        if values.len() != fixes.len() {
            return Err(broken("number of values"));
        }
        for (fix, value) in fixes.iter_mut().zip(&values) {
            put(fix, *value).ok_or_else(|| broken("value"))?;
        }
        self.values32 = values;
        Ok(())
    }

    fn all64(
        &mut self,
        column: usize,
        fixes: &mut [Fix],
        put: impl Fn(&mut Fix, i64),
    ) -> Result<(), ParquetError> {
        let mut values = std::mem::take(&mut self.values64);
        values.clear();
        self.read::<Int64Type>(column, None, &mut values)?;
        if values.len() != fixes.len() {
            return Err(broken("number of values"));
        }
        for (fix, value) in fixes.iter_mut().zip(&values) {
            put(fix, *value);
        }
        self.values64 = values;
        Ok(())
    }

    fn some(
        &mut self,
        column: usize,
        fixes: &mut [Fix],
        put: impl Fn(&mut Fix, i32) -> Option<()>,
    ) -> Result<(), ParquetError> {
        if column >= self.group.num_columns() {
            // A file of an earlier version.
            return Ok(());
        }
        let mut values = std::mem::take(&mut self.values32);
        let mut levels = std::mem::take(&mut self.levels);
        values.clear();
        levels.clear();
        self.read::<Int32Type>(column, Some(&mut levels), &mut values)?;
        if levels.len() != fixes.len() {
            return Err(broken("number of values"));
        }
        let mut given = values.iter();
        for (fix, _) in fixes
            .iter_mut()
            .zip(&levels)
            .filter(|(_, level)| **level > 0)
        {
            let value = given.next().ok_or_else(|| broken("number of values"))?;
            put(fix, *value).ok_or_else(|| broken("value"))?;
        }
        self.values32 = values;
        self.levels = levels;
        Ok(())
    }

    fn read<T: DataType>(
        &self,
        column: usize,
        levels: Option<&mut Vec<i16>>,
        values: &mut Vec<T::T>,
    ) -> Result<(), ParquetError> {
        let index = self
            .footer
            .metadata
            .page_index_for_row_group(self.rows.group);
        let chunk = self.group.column(column);
        let pages: Box<dyn PageReader> = Box::new(SerializedPageReader::new(
            Arc::clone(self.pieces),
            chunk,
            row_count(self.group),
            index.page_locations(column).cloned(),
        )?);
        let mut reader = ColumnReaderImpl::<T>::new(chunk.column_descr_ptr(), pages);
        reader.skip_records(self.rows.rows.start)?;
        reader.read_records(self.rows.rows.len(), levels, None, values)?;
        Ok(())
    }
}

fn broken(what: &str) -> ParquetError {
    ParquetError::General(format!("impossible {what}"))
}

fn row_count(group: &RowGroupMetaData) -> usize {
    group.num_rows().try_into().unwrap_or(0)
}

/// Whether the statistics of a row group leave room for what is wanted.
fn group_may_hold(group: &RowGroupMetaData, wanted: &Wanted) -> bool {
    let statistics = |column: usize| group.columns().get(column)?.statistics();
    let (Some(Statistics::Int32(vehicles)), Some(Statistics::Int64(times))) =
        (statistics(column::VEHICLE), statistics(column::FIX_TIME))
    else {
        return true;
    };
    match (
        vehicles.min_opt(),
        vehicles.max_opt(),
        times.min_opt(),
        times.max_opt(),
    ) {
        (Some(low), Some(high), Some(first), Some(last)) => {
            wanted.may_hold((low.cast_unsigned(), high.cast_unsigned()), (*first, *last))
        }
        _ => true,
    }
}

/// Which rows each page of a column holds.
fn page_rows(pages: Option<&Vec<PageLocation>>, rows: usize) -> Vec<Range<usize>> {
    let starts: Vec<usize> = pages
        .into_iter()
        .flatten()
        .map(|page| usize::try_from(page.first_row_index).unwrap_or(usize::MAX))
        .collect();
    let ends = starts.iter().skip(1).copied().chain([rows]);
    starts
        .iter()
        .zip(ends)
        .map(|(start, end)| *start..end)
        .collect()
}

fn bytes_of(page: &PageLocation) -> Range<u64> {
    let start = u64::try_from(page.offset).unwrap_or(0);
    start..start + u64::try_from(page.compressed_page_size).unwrap_or(0)
}

/// Adds rows to the last ones where they follow on.
fn append(found: &mut Vec<Rows>, group: usize, rows: Range<usize>) {
    match found.last_mut() {
        Some(last) if last.group == group && last.rows.end == rows.start => {
            last.rows.end = rows.end;
        }
        _ => found.push(Rows { group, rows }),
    }
}

/// Bytes of a file that were fetched.
#[derive(Debug)]
pub struct Pieces {
    file_bytes: u64,
    /// Where each begins, sorted.
    pieces: Vec<(u64, Bytes)>,
}

impl Pieces {
    /// Pieces of a file, sorted by their beginning.
    pub fn new(file_bytes: u64, pieces: Vec<(u64, Bytes)>) -> Self {
        Self { file_bytes, pieces }
    }

    fn from(&self, start: u64) -> Result<Bytes, ParquetError> {
        let after = self.pieces.partition_point(|(begin, _)| *begin <= start);
        let (begin, bytes) = after
            .checked_sub(1)
            .and_then(|index| self.pieces.get(index))
            .ok_or_else(|| broken("offset"))?;
        let skip = usize::try_from(start - begin).unwrap_or(usize::MAX);
        if skip > bytes.len() {
            return Err(broken("offset"));
        }
        Ok(bytes.slice(skip..))
    }
}

impl Length for Pieces {
    fn len(&self) -> u64 {
        self.file_bytes
    }
}

impl ChunkReader for Pieces {
    type T = Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        self.from(start).map(bytes::Buf::reader)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let bytes = self.from(start)?;
        if length > bytes.len() {
            return Err(broken("length"));
        }
        Ok(bytes.slice(..length))
    }
}
