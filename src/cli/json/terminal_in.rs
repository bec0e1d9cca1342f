//! Messages that a terminal sends, from JSON: those that tests and load need.

use super::fields::{Fields, JsonError};
use super::{location, platform_in, registration};
use crate::protocol::Writer;
use crate::protocol::jt808::Edition;
use crate::protocol::jt808::acknowledge::{TERMINAL_ACK, TERMINAL_RESEND};
use crate::protocol::jt808::driver::DRIVER_IDENTITY;
use crate::protocol::jt808::location::{LOCATION, LOCATION_BATCH};
use crate::protocol::jt808::message::{HEARTBEAT, TIME_REQUEST};
use crate::protocol::jt808::registration::{AUTHENTICATE, REGISTER, UNREGISTER};

/// Appends the body of a terminal's message.
pub(in crate::cli) fn write_body(
    id: u16,
    edition: Edition,
    fields: Fields<'_>,
    w: &mut Writer<'_>,
) -> Result<(), JsonError> {
    match id {
        TERMINAL_ACK => {
            w.bytes(&platform_in::ack(fields)?.body());
            Ok(())
        }
        HEARTBEAT | UNREGISTER | TIME_REQUEST => Ok(()),
        TERMINAL_RESEND => Ok(platform_in::resend(fields)?.encode(edition, w)?),
        REGISTER => registration::write_registration(fields, edition, w),
        AUTHENTICATE => registration::write_authentication(fields, edition, w),
        LOCATION => location::write_report(fields, w),
        LOCATION_BATCH => location::write_batch(fields, w),
        DRIVER_IDENTITY => registration::write_driver(fields, edition, w),
        id => Err(JsonError::NoEncoder { id }),
    }
}
