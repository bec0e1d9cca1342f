//! How many vehicles of a shard give places of another datum than is declared for them, as a metric.

use std::collections::BTreeMap;

use crate::model::{Datum, DatumSuspicion, VehicleId};
use crate::telemetry::name;

/// The vehicles of one shard that are suspected now.
#[derive(Debug, Default)]
pub(super) struct DatumSuspects(BTreeMap<VehicleId, Datum>);

impl DatumSuspects {
    /// What is known of a vehicle now.
    pub(super) fn note(&mut self, vehicle: VehicleId, suspicion: Option<DatumSuspicion>) {
        match suspicion {
            Some(found) => self.0.insert(vehicle, found.datum),
            None => self.0.remove(&vehicle),
        };
    }

    /// Sets the metric of the shard with that number.
    pub(super) fn tell(&self, shard: &str) {
        for datum in Datum::ALL.iter().copied() {
            let count = self.0.values().filter(|found| **found == datum).count();
            metrics::gauge!(name::DATUM_SUSPECTS, "datum" => datum.name(), "shard" => shard.to_owned())
                .set(super::shard::gauge(count));
        }
    }
}
