//! `hold`: tracks that stay whatever their age, because an accident or a case wants them.
//!
//! Source: regulations 3.2 (sealing after an accident) and A17 (a hold wins over retention).

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use super::moment;
use crate::app;
use crate::clock::Clock;
use crate::config::{Config, Values};
use crate::model::{LocalZone, Plate, PlateColor, Timestamp, VehicleId};
use crate::store::{Hold, HoldFilter, Store, StoreError};
use crate::telemetry;

/// Arguments of `hold`.
#[derive(Debug, Args)]
pub struct HoldArgs {
    /// What to do.
    #[command(subcommand)]
    pub what: HoldCommand,
    /// Settings.
    #[command(flatten)]
    pub settings: Values,
}

/// What to do with holds.
#[derive(Debug, clap::Subcommand)]
pub enum HoldCommand {
    /// Keep the track of a vehicle for a case until the hold is lifted
    Set {
        /// Number of the case
        #[arg(long)]
        case: String,
        /// The vehicle
        #[command(flatten)]
        vehicle: VehicleArgs,
        /// Why
        #[arg(long)]
        reason: String,
        /// Earliest fix time held (RFC 3339); from the beginning unless given
        #[arg(long, value_name = "TIME", value_parser = moment)]
        from: Option<Timestamp>,
        /// End of fix times held, not included (RFC 3339); without end unless given
        #[arg(long, value_name = "TIME", value_parser = moment)]
        to: Option<Timestamp>,
    },
    /// Lift the holds of a case, or of one of its vehicles
    Lift {
        /// Number of the case
        #[arg(long)]
        case: String,
        /// Plate of the vehicle; all of the case unless given
        #[arg(long, requires = "plate_color")]
        plate: Option<String>,
        /// Colour of the plate
        #[arg(long, requires = "plate")]
        plate_color: Option<PlateColor>,
    },
    /// Print holds as JSON lines
    List {
        /// Of this case
        #[arg(long)]
        case: Option<String>,
        /// Also those that were lifted
        #[arg(long)]
        lifted: bool,
    },
}

/// A vehicle by its natural key.
#[derive(Debug, Args)]
pub struct VehicleArgs {
    /// Plate of the vehicle
    #[arg(long)]
    pub plate: String,
    /// Colour of the plate
    #[arg(long)]
    pub plate_color: PlateColor,
}

/// A hold as a line on standard output.
#[derive(Debug, Serialize)]
struct HoldLine<'a> {
    id: &'a str,
    case: &'a str,
    plate: &'a str,
    plate_color: &'static str,
    reason: &'a str,
    from: Option<String>,
    to: Option<String>,
    set_at: String,
    lifted_at: Option<String>,
}

/// Sets, lifts or lists holds, beside a running server or without one.
///
/// # Errors
/// When there is no such vehicle or nothing to lift, or the store cannot answer.
pub async fn run(args: &HoldArgs) -> anyhow::Result<()> {
    let config = Config::new(&args.settings)?;
    telemetry::start_log(&config.log);
    let store = app::open_existing(&config).await?;
    let now = Clock::system().now();
    match &args.what {
        HoldCommand::Set {
            case,
            vehicle,
            reason,
            from,
            to,
        } => {
            anyhow::ensure!(
                from.zip(*to).is_none_or(|(from, to)| from < to),
                "--from must be before --to"
            );
            let (plate, id) = find(&store, &vehicle.plate, vehicle.plate_color).await?;
            let hold = Hold {
                id: uuid::Uuid::now_v7().simple().to_string(),
                case_no: case.clone(),
                vehicle: id,
                plate,
                reason: reason.clone(),
                from: *from,
                to: *to,
                set_at: now,
                lifted_at: None,
            };
            store.set_hold(&hold).await?;
            super::print(&line(&hold, app::zone(&store).await?)?)?;
        }
        HoldCommand::Lift {
            case,
            plate,
            plate_color,
        } => {
            let vehicle = match plate.as_deref().zip(*plate_color) {
                Some((plate, color)) => Some(find(&store, plate, color).await?.1),
                None => None,
            };
            let lifted = store.lift_holds(case, vehicle, now).await?;
            anyhow::ensure!(lifted > 0, "no hold of case {case} holds");
            super::print(&format!("lifted {lifted} holds"))?;
        }
        HoldCommand::List { case, lifted } => {
            let filter = HoldFilter {
                case_no: case.clone(),
                vehicle: None,
                lifted: *lifted,
            };
            let zone = app::zone(&store).await?;
            for hold in store.holds(&filter).await? {
                super::print(&line(&hold, zone)?)?;
            }
        }
    }
    store.close().await;
    Ok(())
}

async fn find(store: &Store, plate: &str, color: PlateColor) -> anyhow::Result<(Plate, VehicleId)> {
    let plate = Plate::new(plate, color).context("--plate is empty")?;
    match store.vehicle(&plate).await {
        Err(StoreError::NotFound) => anyhow::bail!("there is no vehicle {plate}"),
        found => Ok((plate, found?.vehicle.id)),
    }
}

fn line(hold: &Hold, zone: LocalZone) -> anyhow::Result<String> {
    let at = |time: Timestamp| zone.rfc3339(time);
    Ok(serde_json::to_string(&HoldLine {
        id: &hold.id,
        case: &hold.case_no,
        plate: &hold.plate.text,
        plate_color: hold.plate.color.name(),
        reason: &hold.reason,
        from: hold.from.map(at),
        to: hold.to.map(at),
        set_at: at(hold.set_at),
        lifted_at: hold.lifted_at.map(at),
    })?)
}
