//! The HTTP API: what regulators, companies, police and other systems see.
//!
//! [`router`] makes it from an [`ApiState`]. Every route stands once, in [`contents`], together
//! with its description: the OpenAPI document is made from the same list. A resource is a file
//! with its queries, its bodies and its handlers. Nothing here decides anything about driving, and
//! nothing reads a clock but through the state.

mod access;
mod cache;
mod drivers;
mod duty;
mod endpoint;
mod enterprises;
mod error;
mod extract;
mod fix_body;
mod fixes;
mod health;
mod ids;
mod inquiries;
mod moment;
mod names;
mod openapi;
mod page;
mod positions;
mod quarantine;
mod shifts;
mod state;
mod stream;
mod terminals;
mod text;
mod time_limit;
pub mod track;
mod vehicles;
mod violations;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;

pub use error::{ApiError, FieldError, Problem};
pub use openapi::document;
pub use state::{
    Access, ApiLimits, ApiState, ControlToken, DriverHours, FeedError, FeedRecord, FixFeed,
    FixSink, FixesAnswer, Hours, Obstacle, Readiness, RejectedLine, RuleSource, SinkError,
    TerminalCommander, TextOutcome, Wheel,
};
pub use violations::violation_json;

use access::Gate;
use endpoint::{Endpoint, get, patch, post};
use page::PageParams;
use state::{Context, Shared};
use track::TrackFormat;

/// Every route.
#[rustfmt::skip]
#[expect(clippy::too_many_lines, reason = "it is a table of contents: one place for all routes")]
fn contents() -> Vec<Endpoint> {
    vec![
        // Whether the server lives and works; what it offers.
        get("/healthz", health::alive, "Whether the process lives")
            .gate(Gate::Open).answers::<health::Health>(200, "It lives"),
        get("/readyz", health::ready, "Whether it can do its work, and what stands against it")
            .gate(Gate::Open).answers::<health::Ready>(200, "It can")
            .answers::<health::Ready>(503, "It cannot, for these reasons"),
        get("/metrics", health::metrics, "Metrics for Prometheus")
            .gate(Gate::Local).answers_raw(&["text/plain"], "The metrics"),
        get("/api/v1/openapi.json", health::document, "This document")
            .gate(Gate::Open).answers_raw(&["application/json"], "OpenAPI 3.1"),

        // The verdict.
        get("/api/v1/duty/failing", duty::failing, "Enterprises that fail their monitoring duty, worst first, with reasons and evidence")
            .query::<duty::FailingParams>().query::<PageParams>()
            .answers::<duty::FailingList>(200, "The failing enterprises"),

        // The register.
        get("/api/v1/enterprises", enterprises::list, "Enterprises")
            .query::<enterprises::EnterpriseParams>().query::<PageParams>()
            .answers::<page::List<enterprises::EnterpriseBody>>(200, "A page"),
        get("/api/v1/enterprises/{id}", enterprises::one, "One enterprise")
            .answers::<enterprises::EnterpriseBody>(200, "The enterprise").fails(404, "No such enterprise"),
        get("/api/v1/enterprises/{id}/duty", duty::enterprise, "The full duty picture of one enterprise, also when it passes")
            .query::<duty::PeriodParams>()
            .answers::<duty::DutyBody>(200, "The picture").fails(404, "No such enterprise"),
        get("/api/v1/vehicles", vehicles::list, "Vehicles with their last fix, online state and driving time left")
            .query::<vehicles::VehicleParams>().query::<PageParams>()
            .answers::<page::List<vehicles::VehicleBody>>(200, "A page"),
        get("/api/v1/vehicles/{plate}/{color}", vehicles::one, "One vehicle")
            .answers::<vehicles::VehicleBody>(200, "The vehicle").fails(404, "No such vehicle"),
        get("/api/v1/drivers/{licence}/hours", drivers::hours, "What a driver has driven and may still drive, over all vehicles")
            .answers::<drivers::DriverHoursBody>(200, "The hours").fails(404, "No such driver"),

        // Where they are and were.
        get("/api/v1/vehicles/{plate}/{color}/track", vehicles::track, "The track of a vehicle in one of four formats")
            .query::<vehicles::TrackParams>()
            .answers_raw(&TrackFormat::CONTENT_TYPES, "The track").fails(404, "No such vehicle"),
        get("/api/v1/positions", positions::positions, "Last fixes in a bounding box, as GeoJSON")
            .query::<positions::PositionParams>()
            .answers::<positions::Positions>(200, "The fixes"),
        post("/api/v1/fixes", fixes::submit, "Takes fixes in; answers once they are durable")
            .gate(Gate::Control).query::<fixes::FixesParams>().takes_raw("application/x-ndjson")
            .answers::<fixes::FixesBody>(200, "What became of them").fails(429, "The journal is behind"),

        // The closed loop.
        get("/api/v1/violations", violations::list, "Violations, newest first; or with changed_since every change, in order")
            .query::<violations::ViolationParams>().query::<PageParams>()
            .answers::<page::List<violations::ViolationBody>>(200, "A page"),
        get("/api/v1/violations/{id}", violations::one, "One violation, with what was done about it")
            .answers::<violations::ViolationDetail>(200, "The violation").fails(404, "No such violation"),
        get("/api/v1/violations/{id}/revisions", violations::revisions, "Every revision of a violation, the first one first")
            .answers::<page::List<violations::RevisionBody>>(200, "The revisions").fails(404, "No such violation"),
        get("/api/v1/violations/{id}/evidence", violations::evidence, "Raw fixes around a violation, with a hash")
            .query::<violations::EvidenceParams>()
            .answers::<violations::ProofBody>(200, "The evidence").fails(404, "No such violation, or none kept of that revision"),
        post("/api/v1/violations/{id}/reminders", violations::remind, "Reminds the driver, or records that he was reminded")
            .takes::<violations::NewReminder>()
            .answers::<violations::ReminderBody>(201, "Recorded").fails(404, "No such violation").fails(409, "The terminal is not connected, or the violation was withdrawn"),
        post("/api/v1/violations/{id}/handlings", violations::handle, "Records how the enterprise handled it")
            .takes::<violations::NewHandling>()
            .answers::<violations::HandlingBody>(201, "Recorded").fails(404, "No such violation").fails(409, "The violation was withdrawn"),
        post("/api/v1/violations/{id}/appeals", violations::appeal, "Contests it; waits for a review")
            .takes::<violations::NewAppeal>()
            .answers::<violations::AppealBody>(201, "Recorded").fails(404, "No such violation").fails(409, "An appeal waits, a false alarm was approved already, or the violation was withdrawn"),
        post("/api/v1/violations/{id}/reviews", violations::review, "Judges an appeal or a claim of false alarm")
            .takes::<violations::NewReview>()
            .answers::<violations::ReviewBody>(201, "Recorded").fails(404, "No such violation").fails(409, "Nothing waits, it is not clear which of two is meant, or it is the reviewer's own"),

        // On duty.
        post("/api/v1/shifts", shifts::create, "Puts a monitor on duty")
            .takes::<shifts::NewShift>()
            .answers::<shifts::ShiftBody>(201, "The shift").fails(409, "It overlaps another shift of the monitor"),
        patch("/api/v1/shifts/{id}", shifts::change, "Ends a shift, or changes its handover note")
            .takes::<shifts::ShiftChange>()
            .answers::<shifts::ShiftBody>(200, "The shift").fails(404, "No such shift").fails(409, "It would overlap another shift"),
        get("/api/v1/shifts", shifts::list, "Shifts")
            .query::<shifts::ShiftParams>().query::<PageParams>()
            .answers::<page::List<shifts::ShiftBody>>(200, "A page"),
        post("/api/v1/inquiries", inquiries::create, "Sends a post check to enterprises or to a region")
            .takes::<inquiries::NewInquiry>()
            .answers::<inquiries::InquiriesSent>(201, "One inquiry for each enterprise"),
        post("/api/v1/inquiries/{id}/answers", inquiries::answer, "Answers a post check")
            .takes::<inquiries::NewAnswer>()
            .answers::<inquiries::InquiryBody>(201, "The inquiry").fails(404, "No such inquiry").fails(409, "It is answered already"),
        get("/api/v1/inquiries", inquiries::list, "Post checks and their answers")
            .query::<inquiries::InquiryParams>().query::<PageParams>()
            .answers::<page::List<inquiries::InquiryBody>>(200, "A page"),

        // As it happens, and what could not be read.
        get("/api/v1/stream", stream::stream, "Server-sent events: fix, violation, duty, inquiry; Last-Event-ID resumes without loss")
            .query::<stream::StreamParams>()
            .answers_raw(&["text/event-stream"], "The events").fails(429, "Too many streams are open"),
        get("/api/v1/quarantine", quarantine::list, "Frames and records that could not be read, newest first")
            .query::<PageParams>()
            .answers::<page::List<quarantine::QuarantineBody>>(200, "A page"),
        get("/api/v1/terminals", terminals::list, "Terminals that the register does not know, last seen first; or those registered")
            .query::<terminals::TerminalParams>().query::<PageParams>()
            .answers::<page::List<terminals::TerminalBody>>(200, "A page"),
    ]
}

/// The API over its state.
pub fn router(state: ApiState) -> Router {
    let bytes_max = state
        .limits
        .fixes_bytes_max
        .max(state.limits.json_bytes_max);
    let request_max = state.limits.request_max;
    let context: Shared = Arc::new(Context {
        streams: Arc::new(Semaphore::new(state.limits.stream_subscribers_max)),
        duty: cache::DutyCache::default(),
        names: names::NameCache::default(),
        document: document(),
        state,
    });
    let mut router = Router::new();
    for endpoint in contents() {
        let guard = from_fn_with_state(access::at(&context, endpoint.gate), access::guard);
        router = router.route(endpoint.path, endpoint.handler.route_layer(guard));
    }
    router
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .fallback(async || ApiError::UnknownPath)
        .layer(DefaultBodyLimit::max(bytes_max))
        .layer(from_fn_with_state(request_max, time_limit::limit))
        .layer(CatchPanicLayer::custom(error::panicked))
        .with_state(context)
}
