//! Names of vehicles and drivers by our numbers, for what is told in numbers: fixes.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::RwLock;

use crate::model::{DriverId, Fix, Plate, VehicleId};
use crate::store::{Store, StoreError};

/// The names of one version of the register.
#[derive(Debug, Default)]
pub(super) struct Names {
    version: i64,
    vehicles: BTreeMap<VehicleId, VehicleName>,
    drivers: BTreeMap<DriverId, String>,
}

/// How a vehicle is called.
#[derive(Clone, Debug)]
pub(super) struct VehicleName {
    pub(super) plate: Plate,
    pub(super) enterprise_id: String,
}

impl Names {
    pub(super) fn vehicle(&self, id: VehicleId) -> Option<&VehicleName> {
        self.vehicles.get(&id)
    }

    pub(super) fn licence(&self, id: DriverId) -> Option<&str> {
        self.drivers.get(&id).map(String::as_str)
    }
}

/// Keeps the names until the register changes.
#[derive(Debug, Default)]
pub(super) struct NameCache(RwLock<Option<Arc<Names>>>);

impl NameCache {
    /// Names that cover the fixes: of the register's present version, with every driver.
    ///
    /// # Errors
    /// As the store says.
    pub(super) async fn covering(
        &self,
        store: &Store,
        fixes: &[Fix],
    ) -> Result<Arc<Names>, StoreError> {
        let version = store.registry_version().await?;
        // A driver first seen on the wire gets a number without a new version.
        let newest_driver = fixes.iter().filter_map(|fix| fix.driver).max();
        let covers = |names: &Names| {
            let known = names.drivers.last_key_value().map(|(id, _)| *id);
            names.version == version && newest_driver <= known
        };
        if let Some(names) = self.0.read().await.as_ref().filter(|names| covers(names)) {
            return Ok(Arc::clone(names));
        }
        let mut kept = self.0.write().await;
        if let Some(names) = kept.as_ref().filter(|names| covers(names)) {
            return Ok(Arc::clone(names));
        }
        let names = Arc::new(load(store).await?);
        *kept = Some(Arc::clone(&names));
        Ok(names)
    }
}

async fn load(store: &Store) -> Result<Names, StoreError> {
    let registry = store.load_registry().await?;
    let vehicle = |vehicle: crate::model::fleet::Vehicle| {
        let name = VehicleName {
            plate: vehicle.entry.plate,
            enterprise_id: vehicle.entry.enterprise_id,
        };
        (vehicle.id, name)
    };
    Ok(Names {
        version: registry.version,
        vehicles: registry.vehicles.into_iter().map(vehicle).collect(),
        drivers: registry
            .drivers
            .into_iter()
            .map(|known| (known.id, known.driver.licence))
            .collect(),
    })
}
