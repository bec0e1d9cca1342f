//! Monitors on and off duty.

use serde_json::{Value, json};

use super::support::{World, check};

async fn begin(
    world: &World,
    monitor: &str,
    from: &str,
    to: Option<&str>,
) -> super::support::Answer {
    let body = json!({"enterprise_id": "E1", "monitor_id": monitor,
        "started_at": format!("2026-11-21T{from}:00+08:00"),
        "ended_at": to.map(|to| format!("2026-11-21T{to}:00+08:00"))});
    world.post("/api/v1/shifts", body).await
}

#[test]
fn a_shift_begins_runs_and_is_handed_over() {
    check(|world| async {
        let world = world.with_fleet().await;
        let shift = begin(&world, "m1", "08:00", None).await.created();
        assert_eq!(shift["started_at"], "2026-11-21T08:00:00+08:00");
        assert_eq!(
            (&shift["ended_at"], &shift["note"]),
            (&Value::Null, &Value::Null)
        );
        let path = format!("/api/v1/shifts/{}", shift["id"].as_str().unwrap());
        let ended = json!({"ended_at": "2026-11-21T12:00:00+08:00", "note": "all quiet"});
        let ended = world.patch(&path, ended).await.ok();
        assert_eq!(ended["ended_at"], "2026-11-21T12:00:00+08:00");
        assert_eq!(ended["note"], "all quiet");
        let listed = world.get("/api/v1/shifts?enterprise=E1").await.ok();
        assert_eq!(listed["items"], json!([ended]));
    });
}

#[test]
fn overlaps_of_one_monitor_are_409() {
    check(|world| async {
        let world = world.with_fleet().await;
        begin(&world, "m1", "08:00", Some("10:00")).await.created();
        let overlap = begin(&world, "m1", "09:00", Some("11:00")).await;
        overlap.problem(409, "shift_conflict");
        begin(&world, "m2", "09:00", Some("11:00")).await.created();
        let next = begin(&world, "m1", "10:00", Some("11:00")).await.created();
        let path = format!("/api/v1/shifts/{}", next["id"].as_str().unwrap());
        begin(&world, "m1", "11:00", None).await.created();
        let longer = json!({"ended_at": "2026-11-21T11:30:00+08:00"});
        world
            .patch(&path, longer)
            .await
            .problem(409, "shift_conflict");
    });
}

#[test]
fn wrong_shifts_are_refused() {
    check(|world| async {
        let world = world.with_fleet().await;
        begin(&world, "m1", "08:00", Some("08:00"))
            .await
            .invalid(&["ended_at"]);
        begin(&world, "m3", "08:00", None)
            .await
            .invalid(&["monitor_id"]);
        let note = "x".repeat(2001);
        let body = json!({"enterprise_id": "", "monitor_id": "m1",
            "started_at": "2026-11-21T08:00:00Z", "note": note});
        let answer = world.post("/api/v1/shifts", body).await;
        answer.invalid(&["enterprise_id", "note"]);
        let unknown = world.patch("/api/v1/shifts/none", json!({})).await;
        unknown.problem(404, "not_found");
    });
}

#[test]
fn pages_stay_whole_while_shifts_are_added() {
    check(|world| async {
        let world = world.with_fleet().await;
        for hour in 1..=5 {
            let (from, to) = (format!("0{hour}:00"), format!("0{hour}:30"));
            begin(&world, "m1", &from, Some(&to)).await.created();
        }
        let first = world.get("/api/v1/shifts?limit=2").await.ok();
        begin(&world, "m1", "07:00", None).await.created();
        let next = first["next"].as_str().unwrap();
        let second = world
            .get(&format!("/api/v1/shifts?limit=50&after={next}"))
            .await
            .ok();
        let begins: Vec<&str> = second["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|shift| shift["started_at"].as_str().unwrap())
            .collect();
        assert_eq!(
            begins,
            [
                "2026-11-21T03:00:00+08:00",
                "2026-11-21T02:00:00+08:00",
                "2026-11-21T01:00:00+08:00"
            ]
        );
        assert_eq!(second["next"], Value::Null);
    });
}
