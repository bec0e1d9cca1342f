//! The columns of an archive file; `docs/track-archive.md` tells them to readers of other tools.
//!
//! A file holds fixes of one local day and one bucket of vehicles, sorted by vehicle and fix time. Numbers
//! are stored as differences (`DELTA_BINARY_PACKED`), texts through a dictionary, everything under zstd.

use std::sync::{Arc, LazyLock};

use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{
    EnabledStatistics, WriterProperties, WriterPropertiesPtr, WriterVersion,
};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::{ColumnPath, Type, TypePtr};

/// Fixes of a row group: what a merge holds of each file that it reads.
pub const ROW_GROUP_FIXES: usize = 65_536;
/// Fixes of a page: what is decompressed to get at one fix.
const PAGE_FIXES: usize = 4096;
/// Fixes of a page of a column that hardly ever changes: fewer, larger pages cost fewer headers.
const STEADY_PAGE_FIXES: usize = 16_384;
/// Level of zstd; higher ones cost more time than they save (`benches/README.md`).
const ZSTD_LEVEL: i32 = 6;

/// Which column is which, where we read it; the order of [`MESSAGE`].
pub(super) mod column {
    pub(crate) const VEHICLE: usize = 0;
    pub(crate) const FIX_TIME: usize = 3;
    pub(crate) const RECEIVED_TIME: usize = 4;
    pub(crate) const LAT: usize = 5;
    pub(crate) const LON: usize = 6;
    pub(crate) const SPEED: usize = 7;
    pub(crate) const SPEED_REST: usize = 8;
    pub(crate) const COURSE: usize = 9;
    pub(crate) const ALTITUDE: usize = 10;
    pub(crate) const ODOMETER: usize = 11;
    pub(crate) const ALARM: usize = 12;
    pub(crate) const STATUS: usize = 13;
    pub(crate) const DRIVER: usize = 14;
    pub(crate) const SOURCE: usize = 16;
    pub(crate) const QUALITY: usize = 17;
    pub(crate) const PASSENGERS: usize = 18;
    pub(crate) const EVENTS_LOW: usize = 19;
    pub(crate) const EVENTS_HIGH: usize = 20;
}

/// The columns as Parquet words them. Units are last in the names; `docs/track-archive.md` says the rest.
const MESSAGE: &str = "message track {
    required int32 vehicle (INTEGER(32,false));
    required binary plate (STRING);
    required binary plate_color (STRING);
    required int64 fix_time (TIMESTAMP(MILLIS,true));
    required int64 received_time (TIMESTAMP(MILLIS,true));
    required int32 lat_e6;
    required int32 lon_e6;
    required int32 speed_dkmh;
    required int32 speed_rest_mkmh;
    optional int32 course_deg;
    optional int32 altitude_m;
    optional int32 odometer_hm (INTEGER(32,false));
    required int32 alarm (INTEGER(32,false));
    required int32 status (INTEGER(32,false));
    optional int32 driver (INTEGER(32,false));
    optional binary driver_licence (STRING);
    required int32 source;
    required int32 quality;
    optional int32 passengers;
    optional int32 events_low (INTEGER(32,false));
    optional int32 events_high (INTEGER(32,false));
}";

/// Columns of version 1; later versions only add some behind them.
const FIRST_COLUMNS: usize = 18;

/// Version of the columns, in the file's metadata.
const VERSION: &str = "2";

/// Columns that hardly ever change within a vehicle.
const STEADY: [&str; 13] = [
    "plate",
    "plate_color",
    "speed_rest_mkmh",
    "alarm",
    "status",
    "driver",
    "driver_licence",
    "source",
    "quality",
    "altitude_m",
    "passengers",
    "events_low",
    "events_high",
];

/// Columns by which files, row groups and pages are chosen: only they need least and greatest values a page.
const CHOOSING: [&str; 2] = ["vehicle", "fix_time"];

/// Columns of text.
const TEXTS: [&str; 3] = ["plate", "plate_color", "driver_licence"];

static SCHEMA: LazyLock<TypePtr> = LazyLock::new(|| {
    Arc::new(parse_message_type(MESSAGE).expect("the message is a constant that a test reads"))
});

static PROPERTIES: LazyLock<WriterPropertiesPtr> = LazyLock::new(|| {
    let level = ZstdLevel::try_new(ZSTD_LEVEL).expect("the level is a constant within bounds");
    let mut properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_created_by("roadwarden".to_owned())
        .set_key_value_metadata(Some(vec![KeyValue::new(
            "roadwarden.track".to_owned(),
            VERSION.to_owned(),
        )]))
        .set_compression(Compression::ZSTD(level))
        .set_encoding(Encoding::DELTA_BINARY_PACKED)
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_data_page_row_count_limit(PAGE_FIXES)
        .set_write_batch_size(PAGE_FIXES)
        .set_max_row_group_row_count(Some(ROW_GROUP_FIXES))
        .set_sorting_columns(Some(
            [column::VEHICLE, column::FIX_TIME]
                .map(|index| SortingColumn {
                    column_idx: i32::try_from(index).unwrap_or(0),
                    descending: false,
                    nulls_first: false,
                })
                .to_vec(),
        ));
    for name in STEADY {
        properties = properties.set_column_data_page_row_count_limit(path(name), STEADY_PAGE_FIXES);
    }
    for name in CHOOSING {
        properties = properties.set_column_statistics_enabled(path(name), EnabledStatistics::Page);
    }
    for name in TEXTS {
        properties = properties
            .set_column_encoding(path(name), Encoding::DELTA_LENGTH_BYTE_ARRAY)
            .set_column_dictionary_enabled(path(name), true);
    }
    Arc::new(properties.build())
});

/// The columns.
pub(super) fn schema() -> TypePtr {
    Arc::clone(&SCHEMA)
}

/// Whether a file has our columns, of this version or an earlier one.
pub(super) fn knows(root: &Type) -> bool {
    let ours = SCHEMA.get_fields();
    root.is_group()
        && root.get_fields().len() >= FIRST_COLUMNS
        && ours.starts_with(root.get_fields())
}

/// How they are written.
pub(super) fn properties() -> WriterPropertiesPtr {
    Arc::clone(&PROPERTIES)
}

fn path(name: &str) -> ColumnPath {
    ColumnPath::from(name)
}
