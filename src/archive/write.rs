//! Fixes to the bytes of an archive file.

use std::collections::BTreeMap;

use bytes::Bytes;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};

use super::schema::{self, ROW_GROUP_FIXES};
use crate::model::{DriverId, Fix, Plate, Timestamp, VehicleId};

/// What numbers stand for, for readers of other tools.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Plates of vehicles; one that is not here is written as an empty text.
    pub plates: BTreeMap<VehicleId, Plate>,
    /// Licence numbers of drivers.
    pub licences: BTreeMap<DriverId, String>,
}

/// A file that was written.
#[derive(Clone, Debug)]
pub struct WrittenFile {
    /// All of it.
    pub bytes: Bytes,
    /// Of these, the last ones: page index and footer.
    pub footer_bytes: u64,
    /// Fixes.
    pub fixes: u64,
    /// Lowest and highest vehicle number.
    pub vehicles: (VehicleId, VehicleId),
    /// Earliest and latest fix time.
    pub times: (Timestamp, Timestamp),
}

/// Writes one file in memory.
#[derive(Debug)]
pub struct FileWriter<'a> {
    names: &'a Names,
    writer: SerializedFileWriter<Vec<u8>>,
    group: Vec<Fix>,
    fixes: u64,
    vehicles: (VehicleId, VehicleId),
    times: (Timestamp, Timestamp),
}

impl<'a> FileWriter<'a> {
    /// An empty file.
    ///
    /// # Errors
    /// As the Parquet writer says; not for any fixes.
    pub fn new(names: &'a Names) -> Result<Self, ParquetError> {
        Ok(Self {
            names,
            writer: SerializedFileWriter::new(Vec::new(), schema::schema(), schema::properties())?,
            group: Vec::new(),
            fixes: 0,
            vehicles: (VehicleId(u32::MAX), VehicleId(0)),
            times: (Timestamp::MAX, Timestamp::MIN),
        })
    }

    /// Appends fixes that are sorted by vehicle and fix time and follow what was written.
    ///
    /// # Errors
    /// As the Parquet writer says; not for any fixes.
    pub fn push(&mut self, mut fixes: &[Fix]) -> Result<(), ParquetError> {
        while !fixes.is_empty() {
            let room = ROW_GROUP_FIXES - self.group.len();
            let (now, rest) = fixes.split_at(room.min(fixes.len()));
            self.group.extend_from_slice(now);
            fixes = rest;
            if self.group.len() == ROW_GROUP_FIXES {
                self.write_group()?;
            }
        }
        Ok(())
    }

    /// Bytes written; fixes of the unfinished row group are not in them.
    pub fn bytes_written(&self) -> usize {
        self.writer.bytes_written()
    }

    /// Fixes taken.
    pub fn fixes(&self) -> u64 {
        self.fixes + self.group.len() as u64
    }

    /// Ends the file; `None` where nothing was pushed.
    ///
    /// # Errors
    /// As the Parquet writer says; not for any fixes.
    pub fn finish(mut self) -> Result<Option<WrittenFile>, ParquetError> {
        self.write_group()?;
        if self.fixes == 0 {
            return Ok(None);
        }
        let data_bytes = self.writer.bytes_written();
        self.writer.finish()?;
        let bytes = std::mem::take(self.writer.inner_mut());
        Ok(Some(WrittenFile {
            footer_bytes: (bytes.len() - data_bytes) as u64,
            bytes: bytes.into(),
            fixes: self.fixes,
            vehicles: self.vehicles,
            times: self.times,
        }))
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let fixes = std::mem::take(&mut self.group);
        let (Some(first), Some(last)) = (fixes.first(), fixes.last()) else {
            return Ok(());
        };
        self.vehicles.0 = self.vehicles.0.min(first.vehicle);
        self.vehicles.1 = self.vehicles.1.max(last.vehicle);
        for fix in &fixes {
            self.times.0 = self.times.0.min(fix.time);
            self.times.1 = self.times.1.max(fix.time);
        }
        self.fixes += fixes.len() as u64;
        Group {
            writer: self.writer.next_row_group()?,
            fixes: &fixes,
        }
        .write(self.names)?;
        // The room is used again.
        self.group = fixes;
        self.group.clear();
        Ok(())
    }
}

/// A row group being written, column by column.
struct Group<'a> {
    writer: SerializedRowGroupWriter<'a, Vec<u8>>,
    fixes: &'a [Fix],
}

impl Group<'_> {
    /// Writes every column, in the order of the schema.
    fn write(mut self, names: &Names) -> Result<(), ParquetError> {
        self.all::<Int32Type>(|fix| fix.vehicle.0.cast_signed())?;
        self.plates(names, |plate| plate.text.as_bytes())?;
        self.plates(names, |plate| plate.color.name().as_bytes())?;
        self.all::<Int64Type>(|fix| fix.time.millis())?;
        self.all::<Int64Type>(|fix| fix.received.millis())?;
        self.all::<Int32Type>(|fix| fix.position.lat_udeg)?;
        self.all::<Int32Type>(|fix| fix.position.lon_udeg)?;
        self.all::<Int32Type>(|fix| (fix.speed.mkmh() / 100).cast_signed())?;
        self.all::<Int32Type>(|fix| (fix.speed.mkmh() % 100).cast_signed())?;
        self.some::<Int32Type>(|fix| fix.course.map(|course| i32::from(course.degrees())))?;
        self.some::<Int32Type>(|fix| fix.altitude_m.map(i32::from))?;
        self.some::<Int32Type>(|fix| fix.odometer.map(|odometer| odometer.hm().cast_signed()))?;
        self.all::<Int32Type>(|fix| fix.alarm.cast_signed())?;
        self.all::<Int32Type>(|fix| fix.status.cast_signed())?;
        self.some::<Int32Type>(|fix| fix.driver.map(|driver| driver.0.cast_signed()))?;
        self.licences(names)?;
        self.all::<Int32Type>(|fix| i32::from(fix.source.code()))?;
        self.all::<Int32Type>(|fix| i32::from(fix.quality.bits()))?;
        self.some::<Int32Type>(|fix| fix.passengers.map(i32::from))?;
        self.some::<Int32Type>(|fix| half(fix.events.bits()))?;
        self.some::<Int32Type>(|fix| half(fix.events.bits() >> 32))?;
        self.writer.close().map(drop)
    }

    fn all<T: DataType>(&mut self, value: impl Fn(&Fix) -> T::T) -> Result<(), ParquetError> {
        let values: Vec<T::T> = self.fixes.iter().map(value).collect();
        self.column::<T>(&values, None)
    }

    fn some<T: DataType>(
        &mut self,
        value: impl FnMut(&Fix) -> Option<T::T>,
    ) -> Result<(), ParquetError> {
        let mut values = Vec::with_capacity(self.fixes.len());
        let mut levels = Vec::with_capacity(self.fixes.len());
        for value in self.fixes.iter().map(value) {
            levels.push(i16::from(value.is_some()));
            values.extend(value);
        }
        self.column::<T>(&values, Some(&levels))
    }

    fn plates<'n>(
        &mut self,
        names: &'n Names,
        part: impl Fn(&'n Plate) -> &'n [u8],
    ) -> Result<(), ParquetError> {
        let mut values = Vec::with_capacity(self.fixes.len());
        for run in self.fixes.chunk_by(|a, b| a.vehicle == b.vehicle) {
            let plate = run.first().and_then(|fix| names.plates.get(&fix.vehicle));
            let text = ByteArray::from(plate.map(&part).unwrap_or_default().to_vec());
            values.extend(run.iter().map(|_| text.clone()));
        }
        self.column::<ByteArrayType>(&values, None)
    }

    fn licences(&mut self, names: &Names) -> Result<(), ParquetError> {
        let mut known: Option<(DriverId, Option<ByteArray>)> = None;
        self.some::<ByteArrayType>(|fix| {
            let driver = fix.driver?;
            if known.as_ref().is_none_or(|(id, _)| *id != driver) {
                let licence = names.licences.get(&driver);
                known = Some((driver, licence.map(|text| text.as_str().into())));
            }
            known.as_ref().and_then(|(_, licence)| licence.clone())
        })
    }

    fn column<T: DataType>(
        &mut self,
        values: &[T::T],
        levels: Option<&[i16]>,
    ) -> Result<(), ParquetError> {
        let Some(mut column) = self.writer.next_column()? else {
            return Err(ParquetError::General("no column is left".to_owned()));
        };
        column.typed::<T>().write_batch(values, levels, None)?;
        column.close()
    }
}

/// The lower half of bits; `None` where nothing is set.
fn half(bits: u64) -> Option<i32> {
    let low = u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(0);
    (low != 0).then_some(low.cast_signed())
}
