//! Server-sent events.

use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use futures_util::StreamExt as _;
use roadwarden::api::FeedRecord;
use roadwarden::model::prealarm::{Near, PreAlarm};
use roadwarden::model::{Plate, PlateColor, Span, VehicleId, ViolationKind};
use roadwarden::store::{Flush, PreAlarmNote};
use serde_json::{Value, json};

use super::samples::drive;
use super::support::{World, at, check};

/// One event.
#[derive(Debug)]
struct Event {
    id: String,
    kind: String,
    data: Value,
}

/// A subscriber.
struct Subscriber {
    stream: BodyDataStream,
    text: String,
}

impl Subscriber {
    async fn open(world: &World, query: &str, last_event_id: Option<&str>) -> Self {
        let mut request = Request::get(format!("/api/v1/stream{query}"));
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = world.open(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            stream: response.into_body().into_data_stream(),
            text: String::new(),
        }
    }

    /// The next event; `None` when the stream ends.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let event: String = self.text.drain(..end + 2).collect();
                let field = |name: &str| {
                    let line = event.lines().find_map(|line| line.strip_prefix(name));
                    line.unwrap_or_default().trim().to_owned()
                };
                let found = Event {
                    id: field("id:"),
                    kind: field("event:"),
                    data: serde_json::from_str(&field("data:")).unwrap_or(Value::Null),
                };
                if !found.id.is_empty() {
                    return Some(found);
                }
                continue;
            }
            let chunk = self.stream.next().await?.unwrap();
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

async fn journal(world: &World, sequence: u64, from: &str, count: i64) {
    let vehicle = world.vehicle_id("湘A00001").await;
    let fixes = drive(vehicle, from, count);
    let record = FeedRecord { sequence, fixes };
    world.parts.journal.lock().unwrap().push(record);
    world.live.journal_reached(sequence);
}

#[test]
fn events_come_as_things_happen() {
    check(|world| async {
        let world = world.with_fleet().await;
        let mut events = Subscriber::open(&world, "", None).await;
        let id = world.violation("2026-11-20 23:10:00").await;
        let violation = events.next().await.unwrap();
        assert_eq!(violation.kind, "violation");
        assert_eq!(violation.data["id"], *id);
        assert_eq!(violation.data["started_at"], "2026-11-20T23:10:00+08:00");

        let body = json!({"enterprise_ids": ["E1"], "question": "?"});
        world.post("/api/v1/inquiries", body).await.created();
        let inquiry = events.next().await.unwrap();
        assert_eq!(inquiry.kind, "inquiry");
        assert_eq!(inquiry.data["sent_at"], "2026-11-21T12:00:00+08:00");
        assert_eq!(inquiry.data["answer_within_s"], 300.0);

        let body = json!({"enterprise_id": "E1", "monitor_id": "m1",
            "started_at": "2026-11-21T08:00:00+08:00"});
        world.post("/api/v1/shifts", body).await.created();
        let shift = events.next().await.unwrap();
        assert_eq!(
            (shift.kind.as_str(), &shift.data["type"]),
            ("duty", &json!("shift"))
        );

        journal(&world, 1, "2026-11-21 11:00:00", 1).await;
        let fix = events.next().await.unwrap();
        assert_eq!(fix.kind, "fix");
        assert_eq!(fix.data["plate"], "湘A00001");
        assert_eq!(fix.data["time"], "2026-11-21T11:00:00+08:00");
        assert_eq!(fix.data["driver"], "430-1");
    });
}

#[test]
fn a_subscriber_that_comes_back_misses_nothing_and_sees_nothing_twice() {
    check(|world| async {
        let world = world.with_fleet().await;
        let mut expected = Vec::new();
        let mut seen = Vec::new();
        let mut last = Some("0-0-0".to_owned());
        for round in 0..6_u64 {
            expected.push(world.violation(&format!("2026-11-20 0{round}:00:00")).await);
            for tens in 0..3 {
                expected.push(format!("2026-11-21T1{round}:00:{tens}0+08:00"));
            }
            journal(&world, round + 1, &format!("2026-11-21 1{round}:00:00"), 3).await;
            let mut events = Subscriber::open(&world, "", last.as_deref()).await;
            // Some of what is there, then the connection breaks.
            for _ in 0..(3 + round % 3) {
                let event = events.next().await.unwrap();
                seen.push(key(&event));
                last = Some(event.id);
            }
        }
        let mut events = Subscriber::open(&world, "", last.as_deref()).await;
        while seen.len() < expected.len() {
            seen.push(key(&events.next().await.unwrap()));
        }
        let order = |keys: &[String], fixes: bool| -> Vec<String> {
            keys.iter()
                .filter(|key| key.contains('T') == fixes)
                .cloned()
                .collect()
        };
        assert_eq!(order(&seen, true), order(&expected, true));
        assert_eq!(order(&seen, false), order(&expected, false));
    });
}

fn key(event: &Event) -> String {
    let name = if event.kind == "fix" { "time" } else { "id" };
    event.data[name].as_str().unwrap().to_owned()
}

#[test]
fn a_limit_that_is_near_is_an_event_and_no_violation() {
    check(|world| async {
        let world = world.with_fleet().await;
        let note = PreAlarmNote {
            prealarm: PreAlarm {
                vehicle: VehicleId(1),
                driver: None,
                kind: ViolationKind::FatigueContinuous,
                at: at("2026-11-21 11:00:00"),
                received: at("2026-11-21 11:00:02"),
                near: Near::Driving {
                    left: Span::from_minutes(10),
                    warning: Span::from_minutes(10),
                    limit: Span::from_minutes(240),
                },
            },
            plate: Plate::new("湘A00001", PlateColor::Yellow).unwrap(),
            enterprise_id: "E1".to_owned(),
            region: "430102".to_owned(),
        };
        let flush = Flush {
            prealarms: vec![note],
            ..Flush::default()
        };
        world.state.store.commit_flush(&flush).await.unwrap();
        let mut events =
            Subscriber::open(&world, "?events=prealarm&last_event_id=0-0-0", None).await;
        let event = events.next().await.unwrap();
        assert_eq!(event.kind, "prealarm");
        assert_eq!(event.data["kind"], "fatigue_continuous");
        assert_eq!(event.data["at"], "2026-11-21T11:00:00+08:00");
        assert_eq!(event.data["left_s"], 600.0);
        assert!(world.all("/api/v1/violations", 10).await.is_empty());
    });
}

#[test]
fn kinds_of_events_can_be_chosen() {
    check(|world| async {
        let world = world.with_fleet().await;
        let mut events =
            Subscriber::open(&world, "?events=inquiry&last_event_id=0-0-0", None).await;
        journal(&world, 1, "2026-11-21 11:00:00", 1).await;
        world.violation("2026-11-20 23:10:00").await;
        let body = json!({"enterprise_ids": ["E1"], "question": "?"});
        world.post("/api/v1/inquiries", body).await.created();
        assert_eq!(events.next().await.unwrap().kind, "inquiry");
    });
}

#[test]
fn streams_are_bounded_and_end_with_the_server() {
    check(|world| async {
        let world = world.with(|state| state.limits.stream_subscribers_max = 1);
        let mut events = Subscriber::open(&world, "", None).await;
        world.get("/api/v1/stream").await.problem(429, "too_many");
        world.state.shutdown.cancel();
        assert!(events.next().await.is_none());
        drop(events);
        let mut next = Subscriber::open(&world, "", None).await;
        assert!(next.next().await.is_none());
    });
}

#[test]
fn an_id_that_the_stream_never_gave_is_refused() {
    check(|world| async move {
        let request = Request::get("/api/v1/stream").header("last-event-id", "yesterday");
        let answer = world.send(request.body(Body::empty()).unwrap()).await;
        answer.problem(400, "bad_header");
    });
}
