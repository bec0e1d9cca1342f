//! Taking fixes in, and what could not be read.

use axum::body::Body;
use axum::http::Request;
use roadwarden::api::SinkError;
use roadwarden::model::{Datum, TerminalPhone};
use roadwarden::store::{QuarantineEntry, RegisteredTerminal, Registration, Sighting};
use serde_json::json;

use super::support::{at, check};

fn post(body: &str) -> Request<Body> {
    Request::post("/api/v1/fixes")
        .header("content-type", "application/x-ndjson")
        .body(Body::from(body.to_owned()))
        .unwrap()
}

#[test]
fn a_body_goes_to_the_sink_as_it_came() {
    check(|world| async move {
        let answer = world.send(post("{\"a\":1}\nnot json\n{\"a\":2}")).await;
        let rejected = json!([{"line": 2, "code": "bad_json", "message": "not JSON"}]);
        assert_eq!(
            answer.ok(),
            json!({"stored": 2, "duplicates": 0, "rejected": rejected, "violations": null})
        );
        let posted = world.parts.posted.lock().unwrap();
        let (body, datum) = posted.first().unwrap();
        assert_eq!(
            (body.as_ref(), *datum),
            (&b"{\"a\":1}\nnot json\n{\"a\":2}"[..], None)
        );
    });
}

#[test]
fn a_body_may_declare_its_datum() {
    check(|world| async move {
        let post_in = |query: &str| {
            let mut request = post("{}");
            *request.uri_mut() = format!("/api/v1/fixes{query}").parse().unwrap();
            world.send(request)
        };
        post_in("?datum=bd09").await.ok();
        post_in("?datum=gcj").await.problem(400, "bad_query");
        let posted = world.parts.posted.lock().unwrap();
        let declared: Vec<_> = posted.iter().map(|(_, datum)| *datum).collect();
        assert_eq!(declared, [Some(Datum::Bd09)]);
    });
}

#[test]
fn content_types_of_common_clients_are_taken() {
    check(|world| async move {
        for content_type in [
            "application/x-www-form-urlencoded",
            "text/plain",
            "application/json",
        ] {
            let mut request = post("{}");
            let value = content_type.parse().unwrap();
            request.headers_mut().insert("content-type", value);
            world.send(request).await.ok();
        }
        let mut image = post("{}");
        image
            .headers_mut()
            .insert("content-type", "image/png".parse().unwrap());
        world
            .send(image)
            .await
            .problem(415, "unsupported_media_type");
    });
}

#[test]
fn what_cannot_be_taken_now_may_be_sent_again() {
    check(|world| async move {
        for (error, status, code) in [
            (SinkError::Busy, 429, "too_many"),
            (SinkError::Draining, 503, "unavailable"),
            (SinkError::Unavailable, 503, "unavailable"),
        ] {
            *world.parts.sink_error.lock().unwrap() = Some(error);
            let answer = world.send(post("{}")).await;
            answer.problem(status, code);
            assert!(answer.headers.contains_key("retry-after"));
        }
    });
}

#[test]
fn bad_frames_are_shown_newest_first() {
    check(|world| async move {
        let entries: Vec<QuarantineEntry> = (0..5)
            .map(|number| QuarantineEntry {
                at: at("2026-11-21 08:00:00"),
                protocol: "jt808".to_owned(),
                code: "checksum".to_owned(),
                peer: format!("192.0.2.1:{number}"),
                bytes: vec![0x7e, number],
            })
            .collect();
        world.store.quarantine(&entries).await.unwrap();
        let items = world.all("/api/v1/quarantine", 2).await;
        assert_eq!(items.len(), 5);
        assert_eq!(items[0]["peer"], "192.0.2.1:4");
        assert_eq!(items[0]["hex"], "7e04");
        assert_eq!(items[0]["code"], "checksum");
        assert_eq!(items[0]["bytes_total"], 2);
        assert_eq!(items[0]["at"], "2026-11-21T08:00:00+08:00");
    });
}

#[test]
fn unknown_and_registered_terminals_are_listed() {
    check(|world| async move {
        let sightings: Vec<Sighting> = (1..=3)
            .map(|number| Sighting {
                phone: TerminalPhone::new(&format!("1390000000{number}")).unwrap(),
                at: at(&format!("2026-11-21 08:0{number}:00")),
                address: "192.0.2.1:5".to_owned(),
                plate: None,
            })
            .collect();
        world
            .store
            .record_unknown_terminals(&sightings)
            .await
            .unwrap();
        let unknown = world.all("/api/v1/terminals", 2).await;
        assert_eq!(unknown.len(), 3);
        assert_eq!(unknown[0]["terminal"], "13900000003");
        assert_eq!(unknown[0]["last_seen_at"], "2026-11-21T08:03:00+08:00");
        assert_eq!(unknown[0]["sightings"], 1);

        let terminal = RegisteredTerminal {
            phone: TerminalPhone::new("13900000009").unwrap(),
            code_hash: vec![1; 32],
            registered_at: at("2026-11-21 09:00:00"),
            registration: Registration {
                plate: "湘A00001".to_owned(),
                ..Registration::default()
            },
        };
        world.store.save_terminals(&[terminal]).await.unwrap();
        let registered = world.all("/api/v1/terminals?state=registered", 1).await;
        assert_eq!(registered.len(), 1);
        assert_eq!(registered[0]["plate"], "湘A00001");
        assert!(!registered[0].to_string().contains("hash"));
    });
}
