//! The messages, and which id is which.

use super::acknowledge::{
    Ack, PLATFORM_ACK, PLATFORM_RESEND, Resend, TERMINAL_ACK, TERMINAL_RESEND,
};
use super::area::{
    AREAS, AreaList, Areas, Circle, DELETE_CIRCLES, DELETE_POLYGONS, DELETE_RECTANGLES, Polygon,
    QUERY_AREAS, QueryAreas, Rectangle, SET_CIRCLES, SET_POLYGON, SET_RECTANGLES,
};
use super::attachment::{
    ATTACHMENT_LIST, ATTACHMENT_REQUEST, AttachmentRequest, FILE_ANSWER, FILE_BEGIN, FILE_END,
    FileAnswer,
};
use super::device::{
    ATTRIBUTES, Attributes, QUERY_ATTRIBUTES, TERMINAL_CONTROL, TerminalControl, UPGRADE,
    UPGRADE_RESULT, Upgrade, UpgradeResult,
};
use super::driver::{DRIVER_IDENTITY, DRIVER_IDENTITY_REQUEST, DriverIdentity};
use super::header::Edition;
use super::information::{
    EVENT_LIST, EVENT_REPORT, EntryList, INFORMATION, INFORMATION_MENU, Information, QUESTION,
    QUESTION_ANSWER, Question, QuestionAnswer, SUBSCRIPTION, Subscription, TEXT, TextMessage,
};
use super::location::{
    LOCATION, LOCATION_ANSWER, LOCATION_BATCH, LocationAnswer, LocationBatch, LocationReport,
    VEHICLE_CONTROL_ANSWER,
};
use super::media::{
    MEDIA_ANSWER, MEDIA_DATA, MEDIA_EVENT, MEDIA_LIST, MEDIA_SEARCH, MEDIA_UPLOAD,
    MEDIA_UPLOAD_ONE, MediaAnswer, MediaData, MediaEvent, MediaList, MediaSearch, RECORD_SOUND,
    RecordSound, SHOOT, SHOOT_ANSWER, Shoot, ShootAnswer,
};
use super::parameters::{
    PARAMETERS, Parameters, QUERY_NAMED_PARAMETERS, QUERY_PARAMETERS, SET_PARAMETERS,
    SetParameters, decode_ids, encode_ids,
};
use super::registration::{
    AUTHENTICATE, Authentication, REGISTER, REGISTER_ANSWER, RegisterAnswer, Registration,
    UNREGISTER,
};
use super::route::{DELETE_ROUTES, Route, SET_ROUTE};
use super::transfer::{
    CAN_DATA, COMPRESSED, CanData, LongData, PASS_DOWN, PASS_UP, PLATFORM_KEY, PassDown, PassUp,
    RECORDER_DATA, RECORDER_PARAMETERS, RECORDER_REQUEST, RecorderCommand, RecorderData, RsaKey,
    TERMINAL_KEY, WAYBILL,
};
use super::vehicle::{
    CALL, CONFIRM_ALARM, Call, ConfirmAlarm, LINK_CHECK, LOCATION_QUERY, PHONE_BOOK, PhoneBook,
    TRACKING, Tracking, VEHICLE_CONTROL, VehicleControl,
};
use crate::protocol::bcd::BcdTime;
use crate::protocol::error::{DecodeError, EncodeError};
use crate::protocol::reader::Reader;
use crate::protocol::writer::Writer;

/// Heartbeat.
pub const HEARTBEAT: u16 = 0x0002;
/// Time request (2019).
pub const TIME_REQUEST: u16 = 0x0004;
/// Time answer (2019).
pub const TIME_ANSWER: u16 = 0x8004;

/// A message from a terminal.
#[derive(Clone, Debug, PartialEq)]
pub enum TerminalMessage<'a> {
    /// 0x0001.
    Ack(Ack),
    /// 0x0002; some devices put a body there, which is ignored.
    Heartbeat,
    /// 0x0003.
    Unregister,
    /// 0x0004.
    TimeRequest,
    /// 0x0005.
    Resend(Resend),
    /// 0x0100.
    Register(Registration<'a>),
    /// 0x0102.
    Authenticate(Authentication<'a>),
    /// 0x0104.
    Parameters(Parameters),
    /// 0x0107.
    Attributes(Attributes<'a>),
    /// 0x0108.
    UpgradeResult(UpgradeResult),
    /// 0x0200.
    Location(LocationReport<'a>),
    /// 0x0201 and 0x0500.
    LocationAnswer(LocationAnswer<'a>),
    /// 0x0301: the number of the event.
    EventReport(u8),
    /// 0x0302.
    QuestionAnswer(QuestionAnswer),
    /// 0x0303.
    Subscription(Subscription),
    /// 0x0608.
    Areas(Areas<'a>),
    /// 0x0700.
    RecorderData(RecorderData<'a>),
    /// 0x0701.
    Waybill(LongData<'a>),
    /// 0x0702.
    DriverIdentity(DriverIdentity<'a>),
    /// 0x0704.
    LocationBatch(LocationBatch<'a>),
    /// 0x0705.
    CanData(CanData),
    /// 0x0800.
    MediaEvent(MediaEvent),
    /// 0x0801.
    MediaData(MediaData<'a>),
    /// 0x0802.
    MediaList(MediaList<'a>),
    /// 0x0805.
    ShootAnswer(ShootAnswer),
    /// 0x0900.
    PassThrough(PassUp<'a>),
    /// 0x0901.
    Compressed(LongData<'a>),
    /// 0x0A00.
    RsaKey(RsaKey),
    /// 0x1210, 0x1211 and 0x1212: business of a file server, kept as bytes.
    Attachment {
        /// Message id.
        id: u16,
        /// Body.
        body: &'a [u8],
    },
}

impl<'a> TerminalMessage<'a> {
    /// Reads a body.
    ///
    /// Errors: [`DecodeError::UnknownMessage`], or what is wrong with the body.
    pub fn decode(id: u16, edition: Edition, body: &'a [u8]) -> Result<Self, DecodeError> {
        let r = &mut Reader::new(body);
        Ok(match id {
            TERMINAL_ACK => Self::Ack(Ack::decode(r)?),
            HEARTBEAT => Self::Heartbeat,
            UNREGISTER => Self::Unregister,
            TIME_REQUEST => Self::TimeRequest,
            TERMINAL_RESEND => Self::Resend(Resend::decode(r)?),
            REGISTER => Self::Register(Registration::decode(body, edition)?),
            AUTHENTICATE => Self::Authenticate(Authentication::decode(body, edition)),
            PARAMETERS => Self::Parameters(Parameters::decode(body, edition)?),
            ATTRIBUTES => Self::Attributes(Attributes::decode(body, edition)?),
            UPGRADE_RESULT => Self::UpgradeResult(UpgradeResult::decode(r)?),
            LOCATION => Self::Location(LocationReport::decode(body)?),
            LOCATION_ANSWER => {
                Self::LocationAnswer(LocationAnswer::decode_query_answer(body, edition)?)
            }
            VEHICLE_CONTROL_ANSWER => Self::LocationAnswer(LocationAnswer::decode(body)?),
            LOCATION_BATCH => Self::LocationBatch(LocationBatch::decode(r)?),
            DRIVER_IDENTITY => Self::DriverIdentity(DriverIdentity::decode(body, edition)?),
            EVENT_REPORT => Self::EventReport(r.u8()?),
            QUESTION_ANSWER => Self::QuestionAnswer(QuestionAnswer {
                answer_serial: r.u16()?,
                answer: r.u8()?,
            }),
            SUBSCRIPTION => Self::Subscription(Subscription {
                kind: r.u8()?,
                subscribe: r.u8()? == 1,
            }),
            _ => return Self::decode_bulk(id, edition, body),
        })
    }

    /// Reads the messages that carry data of another layer.
    fn decode_bulk(id: u16, edition: Edition, body: &'a [u8]) -> Result<Self, DecodeError> {
        let r = &mut Reader::new(body);
        Ok(match id {
            AREAS => Self::Areas(Areas::decode(r)?),
            RECORDER_DATA => Self::RecorderData(RecorderData::decode(r, edition)?),
            WAYBILL => Self::Waybill(LongData::decode(r)?),
            CAN_DATA => Self::CanData(CanData::decode(r)?),
            MEDIA_EVENT => Self::MediaEvent(MediaEvent::decode(r)?),
            MEDIA_DATA => Self::MediaData(MediaData::decode(r, edition)?),
            MEDIA_LIST => Self::MediaList(MediaList::decode(r, edition)?),
            SHOOT_ANSWER => Self::ShootAnswer(ShootAnswer::decode(r)?),
            PASS_UP => Self::PassThrough(PassUp::decode(r, edition)?),
            COMPRESSED => Self::Compressed(LongData::decode(r)?),
            TERMINAL_KEY => Self::RsaKey(RsaKey::decode(r)?),
            ATTACHMENT_LIST | FILE_BEGIN | FILE_END => Self::Attachment { id, body },
            id => return Err(DecodeError::UnknownMessage { id }),
        })
    }

    /// Serial number of the command that this message answers by its own layout.
    pub const fn answer_serial(&self) -> Option<u16> {
        match self {
            Self::Parameters(answer) => Some(answer.answer_serial),
            Self::LocationAnswer(answer) => answer.answer_serial,
            Self::QuestionAnswer(answer) => Some(answer.answer_serial),
            Self::RecorderData(answer) => answer.answer_serial,
            Self::MediaList(answer) => Some(answer.answer_serial),
            Self::ShootAnswer(answer) => Some(answer.answer_serial),
            _ => None,
        }
    }

    /// The edition that the body alone tells, against the header.
    pub const fn edition(&self) -> Option<Edition> {
        match self {
            Self::Register(registration) => Some(registration.edition),
            Self::DriverIdentity(identity) => identity.edition(),
            _ => None,
        }
    }
}

/// A message from the platform.
#[derive(Clone, Debug, PartialEq)]
pub enum PlatformMessage {
    /// 0x8001.
    Ack(Ack),
    /// 0x8003.
    Resend(Resend),
    /// 0x8004. Unit: UTC.
    Time(BcdTime),
    /// 0x8100.
    RegisterAnswer(RegisterAnswer),
    /// 0x8103.
    SetParameters(SetParameters),
    /// 0x8104.
    QueryParameters,
    /// 0x8105.
    Control(TerminalControl),
    /// 0x8106: ids of parameters.
    QueryNamedParameters(Vec<u32>),
    /// 0x8107.
    QueryAttributes,
    /// 0x8108.
    Upgrade(Upgrade),
    /// 0x8201.
    LocationQuery,
    /// 0x8202.
    Tracking(Tracking),
    /// 0x8203.
    ConfirmAlarm(ConfirmAlarm),
    /// 0x8204.
    LinkCheck,
    /// 0x8300.
    Text(TextMessage),
    /// 0x8301.
    EventList(EntryList),
    /// 0x8302.
    Question(Question),
    /// 0x8303.
    InformationMenu(EntryList),
    /// 0x8304.
    Information(Information),
    /// 0x8400.
    Call(Call),
    /// 0x8401.
    PhoneBook(PhoneBook),
    /// 0x8500.
    VehicleControl(VehicleControl),
    /// 0x8600.
    SetCircles(AreaList<Circle>),
    /// 0x8601: ids, none for all.
    DeleteCircles(Vec<u32>),
    /// 0x8602.
    SetRectangles(AreaList<Rectangle>),
    /// 0x8603: ids, none for all.
    DeleteRectangles(Vec<u32>),
    /// 0x8604.
    SetPolygon(Polygon),
    /// 0x8605: ids, none for all.
    DeletePolygons(Vec<u32>),
    /// 0x8606.
    SetRoute(Route),
    /// 0x8607: ids, none for all.
    DeleteRoutes(Vec<u32>),
    /// 0x8608.
    QueryAreas(QueryAreas),
    /// 0x8700.
    RecorderRequest(RecorderCommand),
    /// 0x8701.
    RecorderParameters(RecorderCommand),
    /// 0x8702.
    DriverIdentityRequest,
    /// 0x8800.
    MediaAnswer(MediaAnswer),
    /// 0x8801.
    Shoot(Shoot),
    /// 0x8802.
    MediaSearch(MediaSearch),
    /// 0x8803: what to upload, and whether to delete it (1) or keep it (0) then.
    MediaUpload(MediaSearch, u8),
    /// 0x8804.
    RecordSound(RecordSound),
    /// 0x8805.
    MediaUploadOne {
        /// Which.
        media_id: u32,
        /// Delete (1) or keep (0) after the upload.
        delete: u8,
    },
    /// 0x8900.
    PassThrough(PassDown),
    /// 0x8A00.
    RsaKey(RsaKey),
    /// 0x9208.
    AttachmentRequest(AttachmentRequest),
    /// 0x9212.
    FileAnswer(FileAnswer),
    /// Any other message: bytes as they are.
    Raw {
        /// Message id.
        id: u16,
        /// Body.
        body: Vec<u8>,
    },
}

impl PlatformMessage {
    /// The message id.
    pub const fn id(&self) -> u16 {
        match self {
            Self::Ack(_) => PLATFORM_ACK,
            Self::Resend(_) => PLATFORM_RESEND,
            Self::Time(_) => TIME_ANSWER,
            Self::RegisterAnswer(_) => REGISTER_ANSWER,
            Self::SetParameters(_) => SET_PARAMETERS,
            Self::QueryParameters => QUERY_PARAMETERS,
            Self::Control(_) => TERMINAL_CONTROL,
            Self::QueryNamedParameters(_) => QUERY_NAMED_PARAMETERS,
            Self::QueryAttributes => QUERY_ATTRIBUTES,
            Self::Upgrade(_) => UPGRADE,
            Self::LocationQuery => LOCATION_QUERY,
            Self::Tracking(_) => TRACKING,
            Self::ConfirmAlarm(_) => CONFIRM_ALARM,
            Self::LinkCheck => LINK_CHECK,
            Self::Text(_) => TEXT,
            Self::EventList(_) => EVENT_LIST,
            Self::Question(_) => QUESTION,
            Self::InformationMenu(_) => INFORMATION_MENU,
            Self::Information(_) => INFORMATION,
            Self::Call(_) => CALL,
            Self::PhoneBook(_) => PHONE_BOOK,
            Self::VehicleControl(_) => VEHICLE_CONTROL,
            Self::SetCircles(_) => SET_CIRCLES,
            Self::DeleteCircles(_) => DELETE_CIRCLES,
            Self::SetRectangles(_) => SET_RECTANGLES,
            Self::DeleteRectangles(_) => DELETE_RECTANGLES,
            Self::SetPolygon(_) => SET_POLYGON,
            Self::DeletePolygons(_) => DELETE_POLYGONS,
            Self::SetRoute(_) => SET_ROUTE,
            Self::DeleteRoutes(_) => DELETE_ROUTES,
            Self::QueryAreas(_) => QUERY_AREAS,
            Self::RecorderRequest(_) => RECORDER_REQUEST,
            Self::RecorderParameters(_) => RECORDER_PARAMETERS,
            Self::DriverIdentityRequest => DRIVER_IDENTITY_REQUEST,
            Self::MediaAnswer(_) => MEDIA_ANSWER,
            Self::Shoot(_) => SHOOT,
            Self::MediaSearch(_) => MEDIA_SEARCH,
            Self::MediaUpload(..) => MEDIA_UPLOAD,
            Self::RecordSound(_) => RECORD_SOUND,
            Self::MediaUploadOne { .. } => MEDIA_UPLOAD_ONE,
            Self::PassThrough(_) => PASS_DOWN,
            Self::RsaKey(_) => PLATFORM_KEY,
            Self::AttachmentRequest(_) => ATTACHMENT_REQUEST,
            Self::FileAnswer(_) => FILE_ANSWER,
            Self::Raw { id, .. } => *id,
        }
    }

    /// Reads a body.
    ///
    /// Errors: [`DecodeError::UnknownMessage`], or what is wrong with the body.
    pub fn decode(id: u16, edition: Edition, body: &[u8]) -> Result<Self, DecodeError> {
        let r = &mut Reader::new(body);
        Ok(match id {
            PLATFORM_ACK => Self::Ack(Ack::decode(r)?),
            PLATFORM_RESEND => Self::Resend(Resend::decode(r)?),
            TIME_ANSWER => Self::Time(r.time()?),
            REGISTER_ANSWER => Self::RegisterAnswer(RegisterAnswer::decode(r)?),
            SET_PARAMETERS => Self::SetParameters(SetParameters::decode(r, edition)?),
            QUERY_PARAMETERS => Self::QueryParameters,
            TERMINAL_CONTROL => Self::Control(TerminalControl::decode(r)?),
            QUERY_NAMED_PARAMETERS => Self::QueryNamedParameters(decode_ids(r)?),
            QUERY_ATTRIBUTES => Self::QueryAttributes,
            UPGRADE => Self::Upgrade(Upgrade::decode(r)?),
            LOCATION_QUERY => Self::LocationQuery,
            TRACKING => Self::Tracking(Tracking::decode(r)?),
            CONFIRM_ALARM => Self::ConfirmAlarm(ConfirmAlarm::decode(r)?),
            LINK_CHECK => Self::LinkCheck,
            TEXT => Self::Text(TextMessage::decode(r, edition)?),
            EVENT_LIST => Self::EventList(EntryList::decode(r, id, edition)?),
            QUESTION => Self::Question(Question::decode(r)?),
            INFORMATION_MENU => Self::InformationMenu(EntryList::decode(r, id, edition)?),
            INFORMATION => Self::Information(Information::decode(r, edition)?),
            CALL => Self::Call(Call::decode(r)?),
            PHONE_BOOK => Self::PhoneBook(PhoneBook::decode(r, edition)?),
            VEHICLE_CONTROL => Self::VehicleControl(VehicleControl::decode(r, edition)?),
            _ => return Self::decode_objects(id, edition, r),
        })
    }

    /// Reads areas, routes, media and data.
    fn decode_objects(id: u16, edition: Edition, r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match id {
            SET_CIRCLES => Self::SetCircles(AreaList::decode(r, edition)?),
            DELETE_CIRCLES => Self::DeleteCircles(decode_ids(r)?),
            SET_RECTANGLES => Self::SetRectangles(AreaList::decode(r, edition)?),
            DELETE_RECTANGLES => Self::DeleteRectangles(decode_ids(r)?),
            SET_POLYGON => Self::SetPolygon(Polygon::decode(r, edition)?),
            DELETE_POLYGONS => Self::DeletePolygons(decode_ids(r)?),
            SET_ROUTE => Self::SetRoute(Route::decode(r, edition)?),
            DELETE_ROUTES => Self::DeleteRoutes(decode_ids(r)?),
            QUERY_AREAS => Self::QueryAreas(QueryAreas::decode(r)?),
            RECORDER_REQUEST => Self::RecorderRequest(RecorderCommand::decode(r)?),
            RECORDER_PARAMETERS => Self::RecorderParameters(RecorderCommand::decode(r)?),
            DRIVER_IDENTITY_REQUEST => Self::DriverIdentityRequest,
            MEDIA_ANSWER => Self::MediaAnswer(MediaAnswer::decode(r, edition)?),
            SHOOT => Self::Shoot(Shoot::decode(r)?),
            MEDIA_SEARCH => Self::MediaSearch(MediaSearch::decode(r)?),
            MEDIA_UPLOAD => Self::MediaUpload(MediaSearch::decode(r)?, r.u8()?),
            RECORD_SOUND => Self::RecordSound(RecordSound::decode(r)?),
            MEDIA_UPLOAD_ONE => Self::MediaUploadOne {
                media_id: r.u32()?,
                delete: r.u8()?,
            },
            PASS_DOWN => Self::PassThrough(PassDown::decode(r, edition)?),
            PLATFORM_KEY => Self::RsaKey(RsaKey::decode(r)?),
            ATTACHMENT_REQUEST => Self::AttachmentRequest(AttachmentRequest::decode(r)?),
            FILE_ANSWER => Self::FileAnswer(FileAnswer::decode(r)?),
            id => return Err(DecodeError::UnknownMessage { id }),
        })
    }

    /// Appends the body.
    ///
    /// Errors: [`EncodeError`], when a value does not fit the layout of `edition`.
    pub fn encode(&self, edition: Edition, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        match self {
            Self::QueryParameters
            | Self::QueryAttributes
            | Self::LocationQuery
            | Self::LinkCheck
            | Self::DriverIdentityRequest => Ok(()),
            Self::Resend(request) => request.encode(edition, w),
            Self::SetParameters(parameters) => parameters.encode(edition, w),
            Self::QueryNamedParameters(ids)
            | Self::DeleteCircles(ids)
            | Self::DeleteRectangles(ids)
            | Self::DeletePolygons(ids)
            | Self::DeleteRoutes(ids) => encode_ids(ids, w),
            Self::Upgrade(upgrade) => upgrade.encode(w),
            Self::EventList(list) | Self::InformationMenu(list) => {
                list.encode(self.id(), edition, w)
            }
            Self::Question(question) => question.encode(w),
            Self::Information(information) => information.encode(edition, w),
            Self::PhoneBook(book) => book.encode(edition, w),
            Self::VehicleControl(control) => control.encode(edition, w),
            Self::SetCircles(list) => list.encode(edition, w),
            Self::SetRectangles(list) => list.encode(edition, w),
            Self::SetPolygon(polygon) => polygon.encode(edition, w),
            Self::SetRoute(route) => route.encode(edition, w),
            Self::QueryAreas(query) => query.encode(w),
            Self::MediaAnswer(answer) => answer.encode(edition, w),
            Self::PassThrough(data) => data.encode(edition, w),
            Self::RsaKey(key) => key.encode(w),
            Self::AttachmentRequest(request) => request.encode(w),
            Self::FileAnswer(answer) => answer.encode(w),
            _ => {
                self.encode_plain(edition, w);
                Ok(())
            }
        }
    }

    /// Appends the bodies that always fit.
    fn encode_plain(&self, edition: Edition, w: &mut Writer<'_>) {
        match self {
            Self::Ack(ack) => w.bytes(&ack.body()),
            Self::Time(time) => w.time(*time),
            Self::RegisterAnswer(answer) => answer.encode(w),
            Self::Control(control) => control.encode(w),
            Self::Tracking(tracking) => tracking.encode(w),
            Self::ConfirmAlarm(confirm) => confirm.encode(w),
            Self::Text(text) => text.encode(edition, w),
            Self::Call(call) => call.encode(w),
            Self::RecorderRequest(command) | Self::RecorderParameters(command) => {
                command.encode(w);
            }
            Self::Shoot(shoot) => shoot.encode(w),
            Self::MediaSearch(search) => search.encode(w),
            Self::MediaUpload(search, delete) => {
                search.encode(w);
                w.u8(*delete);
            }
            Self::RecordSound(sound) => sound.encode(w),
            Self::MediaUploadOne { media_id, delete } => {
                w.u32(*media_id);
                w.u8(*delete);
            }
            Self::Raw { body, .. } => w.bytes(body),
            // Everything else is written by `encode` itself.
            _ => {}
        }
    }
}

/// The commands that a terminal message answers; empty for most.
pub const fn answered_command(by: u16) -> &'static [u16] {
    match by {
        PARAMETERS => &[QUERY_PARAMETERS, QUERY_NAMED_PARAMETERS],
        ATTRIBUTES => &[QUERY_ATTRIBUTES],
        LOCATION_ANSWER => &[LOCATION_QUERY],
        VEHICLE_CONTROL_ANSWER => &[VEHICLE_CONTROL],
        AREAS => &[QUERY_AREAS],
        RECORDER_DATA => &[RECORDER_REQUEST],
        DRIVER_IDENTITY => &[DRIVER_IDENTITY_REQUEST],
        MEDIA_LIST => &[MEDIA_SEARCH],
        SHOOT_ANSWER => &[SHOOT],
        TERMINAL_KEY => &[PLATFORM_KEY],
        _ => &[],
    }
}

/// Whether a command waits for a message of its own after the general answer.
///
/// 0x8801 does not: 2011 and a clause of 2013 answer it by 0x0001 alone.
pub const fn has_own_answer(command: u16) -> bool {
    matches!(
        command,
        QUERY_PARAMETERS
            | QUERY_NAMED_PARAMETERS
            | QUERY_ATTRIBUTES
            | LOCATION_QUERY
            | VEHICLE_CONTROL
            | QUERY_AREAS
            | RECORDER_REQUEST
            | DRIVER_IDENTITY_REQUEST
            | MEDIA_SEARCH
            | PLATFORM_KEY
    )
}
