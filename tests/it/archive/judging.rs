//! Fixes on their way through the server to files: what contradicts, and what a damaged file holds up.

use std::sync::Arc;

use roadwarden::archive::read::{Footer, Pieces, Wanted};
use roadwarden::config::{Config, Values};
use roadwarden::ingest::{Engine, Parsed, Parts};
use roadwarden::journal::Journal;
use roadwarden::live::Live;
use roadwarden::model::{Fix, Quality, Span, Speed, VehicleId};
use roadwarden::store::{Page, ViolationFilter};

use super::support::Kept;
use crate::drive::{self, moment};
use crate::store::support::{Place, on_both_engines};

/// A server without sockets, its archive and its database.
struct World {
    kept: Kept,
    engine: Engine,
    journal: Journal,
}

impl World {
    async fn new(place: &Place) -> Self {
        let kept = Kept::new(place).await;
        let mut values = Values::default();
        for (key, value) in [
            ("shard.flush_ms", "10"),
            ("shard.tail_bytes_max", "128"),
            ("rejudge.quiet_ms", "0"),
            ("rejudge.poll_ms", "10"),
        ] {
            values.set_default(key, value);
        }
        let journal = place.journal(&kept.store).await;
        let parts = Parts {
            store: kept.store.clone(),
            journal: journal.clone(),
            clock: kept.clock.clone(),
            live: Live::new(0, 0),
        };
        let engine = Engine::start(parts, &Config::new(&values).unwrap())
            .await
            .unwrap();
        Self {
            kept,
            engine,
            journal,
        }
    }

    /// Takes fixes in, and waits until everything is judged and stored.
    async fn deliver(&self, fixes: &[Fix]) {
        let mut parsed = Parsed::default();
        parsed.fixes = fixes.to_vec();
        self.engine.intake().submit(&mut parsed).await.unwrap();
        self.engine.settle().await;
    }

    /// Kind, beginning, revision and status of every violation.
    async fn verdicts(&self) -> Vec<(String, String, u32, &'static str)> {
        let listed = self
            .kept
            .store
            .list_violations(&ViolationFilter::default(), &Page::first(1000))
            .await
            .unwrap();
        let mut verdicts: Vec<_> = listed
            .items
            .into_iter()
            .map(|stored| {
                let status = stored.status().name();
                let kind = stored.violation.kind.name().to_owned();
                let begin = format!("{:?}", stored.violation.started_at);
                (kind, begin, stored.revision, status)
            })
            .collect();
        verdicts.sort();
        verdicts
    }

    /// Nothing waits to be judged again.
    async fn check_idle(&self) {
        for _ in 0..500 {
            if self.kept.store.rejudge_queue(10).await.unwrap().is_empty() {
                return;
            }
            self.engine.settle().await;
        }
        panic!("a vehicle waits for ever");
    }

    /// Every fix that stands in a file.
    async fn filed(&self) -> Vec<Fix> {
        let mut fixes = Vec::new();
        for file in self.kept.catalogue().await {
            let bytes: bytes::Bytes = std::fs::read(self.kept.folder().join(&file.path))
                .unwrap()
                .into();
            let footer = Footer::parse(bytes.clone(), file.bytes).unwrap();
            let pieces = Arc::new(Pieces::new(file.bytes, vec![(0, bytes)]));
            for rows in footer.rows(&Wanted::ALL) {
                footer.decode(&pieces, &rows, &mut fixes).unwrap();
            }
        }
        fixes
    }

    async fn close(self) {
        self.engine.drain().await;
        self.journal.close().await;
        self.kept.store.close().await;
    }
}

/// Fixes every ten seconds after a moment, at a speed.
fn reports(begin: &str, seconds: std::ops::Range<i64>, kmh: u16) -> Vec<Fix> {
    let begin = moment(begin);
    let fix = |second: i64| {
        let place = drive::place(300.0 + 25.0 * Span::from_seconds(second).seconds());
        let mut fix = drive::fix(begin + Span::from_seconds(second), kmh, place);
        fix.driver = None;
        fix
    };
    seconds.step_by(10).map(fix).collect()
}

/// Twenty minutes of driving, too fast for the minute after the tenth.
fn drive_of(begin: &str) -> Vec<Fix> {
    [
        reports(begin, 0..600, 80),
        reports(begin, 600..660, 115),
        reports(begin, 660..1200, 80),
    ]
    .concat()
}

/// The same fixes, received hours later.
fn late(mut fixes: Vec<Fix>) -> Vec<Fix> {
    for fix in &mut fixes {
        fix.received = fix.received + Span::from_hours(2);
    }
    fixes
}

/// What shows that nobody drove too fast after the tenth minute: a slow fix between each two.
fn contrary(begin: &str) -> Vec<Fix> {
    late(reports(begin, 605..665, 70))
}

on_both_engines! {
    async fn what_contradicts_is_kept_and_flagged_from_the_shard_to_the_file(place: Place) {
        let world = World::new(&place).await;
        let track = reports("11-21 08:00", 0..1200, 80);
        world.deliver(&track[..60]).await;
        // The newest fix again with another place, an older one with another speed, and that one twice.
        let mut elsewhere = late(vec![track[59]])[0];
        elsewhere.position = drive::place(5000.0);
        let mut slower = late(vec![track[20]])[0];
        slower.speed = Speed::from_whole_kmh(33);
        let repeated = late(vec![track[30]])[0];
        world.deliver(&[elsewhere]).await;
        world.deliver(&[slower, repeated]).await;
        world.deliver(&late(vec![slower])).await;
        world.deliver(&track[60..]).await;
        let flagged = |fix: Fix| Fix { quality: Quality::CONTRADICTION, ..fix };
        let expected = [flagged(slower), flagged(elsewhere)];
        for pause in [Span::ZERO, Span::from_hours(7)] {
            world.kept.clock.advance(pause);
            world.kept.pass().await;
            let mut filed = world.filed().await;
            filed.retain(|fix| fix.quality.contains(Quality::CONTRADICTION));
            assert_eq!(filed, expected);
            assert_eq!(world.kept.track(1).await, track, "the first received is the track");
            let told: Vec<i64> = sqlx::query_scalar("SELECT DISTINCT at FROM contradictions ORDER BY at")
                .fetch_all(&mut place.raw().await)
                .await
                .unwrap();
            assert_eq!(told, [slower.time.millis(), elsewhere.time.millis()]);
        }
        assert!(world.filed().await.len() > 100, "nearly all of it is in files");
        world.close().await;
    }

    async fn a_damaged_file_holds_no_judging_up_and_takes_no_verdict_back(place: Place) {
        let world = World::new(&place).await;
        let (first, second) = ("11-21 08:00", "11-22 08:00");
        world.deliver(&drive_of(first)).await;
        world.deliver(&drive_of(second)).await;
        world.kept.pass().await;
        let before = world.verdicts().await;
        let speeding = |verdicts: &[(String, String, u32, &str)]| {
            verdicts.iter().filter(|verdict| verdict.0 == "speeding" && verdict.3 == "closed").count()
        };
        assert_eq!(speeding(&before), 2, "{before:?}");
        let files = world.kept.catalogue().await;
        assert!(files.iter().any(|file| file.day > files[0].day), "{files:?}");
        for file in files.iter().filter(|file| file.day == files[0].day) {
            std::fs::remove_file(world.kept.folder().join(&file.path)).unwrap();
        }
        // Of the lost day: stored, and nothing is taken back for what cannot be read.
        world.deliver(&contrary(first)).await;
        world.check_idle().await;
        assert_eq!(world.verdicts().await, before);
        // Of the day after: judged as ever.
        world.deliver(&contrary(second)).await;
        world.check_idle().await;
        let after = world.verdicts().await;
        assert_eq!(speeding(&after), 1, "{after:?}");
        // No state was kept after the newest day.
        world.kept.pass().await;
        for file in world.kept.catalogue().await {
            std::fs::write(world.kept.folder().join(&file.path), b"PAR1").unwrap();
        }
        world.deliver(&late(reports(second, 8..1200, 75))).await;
        world.check_idle().await;
        assert_eq!(world.verdicts().await, after);
        // Live judging goes on.
        world.deliver(&reports("11-22 09:00", 0..120, 115)).await;
        world.deliver(&reports("11-22 09:00", 120..300, 80)).await;
        assert_eq!(speeding(&world.verdicts().await), 2);
        world.close().await;
    }

    async fn fixes_sent_again_fill_the_hole_of_a_damaged_file(place: Place) {
        let world = World::new(&place).await;
        let track = reports("11-21 08:00", 0..1200, 80);
        world.deliver(&track).await;
        world.kept.pass().await;
        let file = world.kept.catalogue().await.remove(0);
        std::fs::remove_file(world.kept.folder().join(&file.path)).unwrap();
        let page = world.kept.store
            .readable_page(VehicleId(1), moment("11-21 00:00"), moment("11-22 00:00"), 10_000)
            .await
            .unwrap();
        assert_eq!((page.lost.len(), &page.lost[0].file), (1, &file.path));
        assert_eq!((page.lost[0].from, page.lost[0].to), (file.times.0, file.times.1 + Span::from_millis(1)));
        world.deliver(&late(track.clone())).await;
        world.check_idle().await;
        // What fills the hole is known again.
        world.deliver(&late(late(track.clone()))).await;
        let days = world.kept.store.load_vehicle_days(0, &Page::first(10)).await.unwrap();
        assert!(days.items[0].duplicates as usize >= track.len(), "{days:?}");
        let page = world.kept.store
            .readable_page(VehicleId(1), moment("11-21 00:00"), moment("11-22 00:00"), 10_000)
            .await
            .unwrap();
        let times = |fixes: &[Fix]| fixes.iter().map(|fix| fix.time).collect::<Vec<_>>();
        assert_eq!(times(&page.fixes), times(&track));
        world.close().await;
    }
}
