//! Terminals: those that the register does not know, and those that hold a code of ours.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::error::ApiError;
use super::extract::Params;
use super::moment::Moment;
use super::page::{List, PageParams};
use super::state::Shared;
use crate::model::LocalZone;
use crate::store::{RegisteredTerminal, UnknownTerminal};

/// Which terminals are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum TerminalState {
    /// Refused: no vehicle of the register has it.
    Unknown,
    /// Holds an authentication code.
    Registered,
}

/// Query of `/terminals`.
#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct TerminalParams {
    /// `unknown` (the default) or `registered`.
    #[param(inline)]
    state: Option<TerminalState>,
}

/// A terminal.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TerminalBody {
    /// Its phone number.
    terminal: String,
    state: TerminalState,
    /// The plate that it claims, as sent.
    plate: Option<String>,
    /// Attempts, of an unknown one.
    sightings: Option<u64>,
    first_seen_at: Option<Moment>,
    last_seen_at: Option<Moment>,
    /// Address of the last attempt.
    address: Option<String>,
    registered_at: Option<Moment>,
    manufacturer: Option<String>,
    model: Option<String>,
    /// The manufacturer's number of the device.
    device: Option<String>,
}

/// `GET /terminals`
pub(super) async fn list(
    State(context): State<Shared>,
    Params(params): Params<TerminalParams>,
    Params(page): Params<PageParams>,
) -> Result<Json<List<TerminalBody>>, ApiError> {
    let zone = context.zone();
    let state = params.state.unwrap_or(TerminalState::Unknown);
    let list = match state {
        TerminalState::Unknown => {
            let page = page.page(&context.limits)?;
            let listed = context.store.list_unknown_terminals(&page).await?;
            List::of(listed, |terminal| unknown(terminal, zone))
        }
        TerminalState::Registered => {
            let page = page.page(&context.limits)?;
            let listed = context.store.list_terminals(&page).await?;
            List::of(listed, |terminal| registered(terminal, zone))
        }
    };
    Ok(Json(list))
}

fn unknown(terminal: UnknownTerminal, zone: LocalZone) -> TerminalBody {
    TerminalBody {
        terminal: terminal.phone.to_string(),
        state: TerminalState::Unknown,
        plate: terminal.plate,
        sightings: Some(terminal.sightings),
        first_seen_at: Some(Moment::new(terminal.first_seen_at, zone)),
        last_seen_at: Some(Moment::new(terminal.last_seen_at, zone)),
        address: Some(terminal.address),
        registered_at: None,
        manufacturer: None,
        model: None,
        device: None,
    }
}

fn registered(terminal: RegisteredTerminal, zone: LocalZone) -> TerminalBody {
    let said = terminal.registration;
    TerminalBody {
        terminal: terminal.phone.to_string(),
        state: TerminalState::Registered,
        plate: Some(said.plate).filter(|plate| !plate.is_empty()),
        sightings: None,
        first_seen_at: None,
        last_seen_at: None,
        address: None,
        registered_at: Some(Moment::new(terminal.registered_at, zone)),
        manufacturer: Some(said.manufacturer),
        model: Some(said.model),
        device: Some(said.device),
    }
}
