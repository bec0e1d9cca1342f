//! A world for each test: a fresh database, a clock that stands still, and stand-ins for the rest.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode, header};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use roadwarden::api::{
    Access, ApiLimits, ApiState, ControlToken, DriverHours, FeedError, FeedRecord, FixFeed,
    FixSink, FixesAnswer, Hours, Obstacle, Readiness, RejectedLine, RuleSource, SinkError,
    TerminalCommander, TextOutcome, Wheel, router,
};
use roadwarden::clock::Clock;
use roadwarden::live::Live;
use roadwarden::model::rules::{DutyRules, RuleSet};
use roadwarden::model::{Datum, Region, Span, TerminalPhone, Timestamp};
use roadwarden::store::{FatigueLeft, Role, Store, StoreError, StoreOptions};
use serde_json::Value;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// Holds the URL of a server on which schemas may be made.
const POSTGRES: &str = "ROADWARDEN_TEST_POSTGRES";

/// What the control token of every test is.
pub(super) const CONTROL: &str = "control-token-of-the-tests";

/// Local time as tests write it: `2026-11-21 08:00:00`.
pub(super) fn at(text: &str) -> Timestamp {
    let (date, time) = text.split_once(' ').unwrap();
    Timestamp::from_rfc3339(&format!("{date}T{time}+08:00")).unwrap()
}

/// The server with its surroundings.
pub(super) struct World {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) live: Live,
    pub(super) parts: Arc<Parts>,
    pub(super) state: ApiState,
    /// Where the store is, to do harm past it.
    pub(super) url: String,
    router: Router,
}

/// What the stand-ins do and have seen.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) posted: Mutex<Vec<(Bytes, Option<Datum>)>>,
    pub(super) sink_error: Mutex<Option<SinkError>>,
    pub(super) journal: Mutex<Vec<FeedRecord>>,
    pub(super) spoken: Mutex<Vec<(TerminalPhone, String)>>,
    pub(super) outcome: Mutex<Option<TextOutcome>>,
    pub(super) obstacles: Mutex<Vec<Obstacle>>,
}

impl FixSink for Parts {
    fn submit(
        &self,
        body: Bytes,
        datum: Option<Datum>,
    ) -> BoxFuture<'_, Result<FixesAnswer, SinkError>> {
        Box::pin(async move {
            if let Some(error) = *self.sink_error.lock().unwrap() {
                return Err(error);
            }
            let lines = body.split(|byte| *byte == b'\n').filter(|l| !l.is_empty());
            let mut answer = FixesAnswer::default();
            for (number, line) in (1..).zip(lines) {
                if serde_json::from_slice::<Value>(line).is_ok() {
                    answer.stored += 1;
                } else {
                    answer.rejected.push(RejectedLine {
                        line: number,
                        code: "bad_json".to_owned(),
                        message: "not JSON".to_owned(),
                    });
                }
            }
            self.posted.lock().unwrap().push((body, datum));
            Ok(answer)
        })
    }
}

impl FixFeed for Parts {
    fn read_after(
        &self,
        sequence: u64,
        records_max: usize,
    ) -> BoxFuture<'_, Result<Vec<FeedRecord>, FeedError>> {
        let journal = self.journal.lock().unwrap();
        let after = journal.iter().filter(|record| record.sequence > sequence);
        let records = after.take(records_max).cloned().collect();
        Box::pin(async move { Ok(records) })
    }
}

impl TerminalCommander for Parts {
    fn send_text(&self, terminal: TerminalPhone, text: String) -> BoxFuture<'_, TextOutcome> {
        self.spoken.lock().unwrap().push((terminal, text));
        let outcome = self.outcome.lock().unwrap();
        let outcome = outcome.unwrap_or(TextOutcome::NotConnected);
        Box::pin(async move { outcome })
    }
}

impl DriverHours for Parts {
    /// An hour driven and three left for any driver; nothing of who is at the wheel of a vehicle.
    fn hours(
        &self,
        wheel: Wheel,
        at: Timestamp,
    ) -> BoxFuture<'_, Result<Option<Hours>, StoreError>> {
        let hours = matches!(wheel, Wheel::Of(_)).then(|| Hours {
            known_until: Some(at - Span::from_minutes(5)),
            plate: None,
            driven: Span::from_minutes(60),
            left: FatigueLeft {
                continuous: Some(Span::from_minutes(180)),
                ..FatigueLeft::default()
            },
        });
        std::future::ready(Ok(hours)).boxed()
    }
}

impl Readiness for Parts {
    fn obstacles(&self) -> Vec<Obstacle> {
        self.obstacles.lock().unwrap().clone()
    }
}

/// The built-in rulebook for everyone.
struct Rules(Arc<RuleSet>);

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rules")
    }
}

impl RuleSource for Rules {
    fn current(&self) -> Arc<RuleSet> {
        Arc::clone(&self.0)
    }

    fn duty(&self, _region: &Region, _at: Timestamp) -> Arc<DutyRules> {
        Arc::new(self.0.duty.clone())
    }
}

/// The version of the built-in rulebook.
pub(super) fn rulebook_version() -> String {
    built_in().version
}

fn built_in() -> RuleSet {
    roadwarden::rulebook::parse(roadwarden::rulebook::default_document()).unwrap()
}

impl World {
    /// Noon of 21 November 2026 over a database.
    fn over(store: Store, url: String) -> Self {
        let clock = Clock::manual(at("2026-11-21 12:00:00"));
        let live = Live::new(0, 0);
        let parts = Arc::new(Parts::default());
        let state = ApiState {
            store: store.clone(),
            clock: clock.clone(),
            live: live.clone(),
            rules: Arc::new(Rules(Arc::new(built_in()))),
            sink: Arc::<Parts>::clone(&parts),
            journal: Arc::<Parts>::clone(&parts),
            terminals: Arc::<Parts>::clone(&parts),
            hours: Arc::<Parts>::clone(&parts),
            readiness: Arc::<Parts>::clone(&parts),
            metrics: None,
            access: Access::DevOpen,
            control: Some(ControlToken::new(CONTROL)),
            limits: ApiLimits::default(),
            shutdown: CancellationToken::new(),
        };
        Self {
            store,
            clock,
            live,
            parts,
            router: router(state.clone()),
            state,
            url,
        }
    }

    /// The same world with another state.
    pub(super) fn with(mut self, change: impl FnOnce(&mut ApiState)) -> Self {
        change(&mut self.state);
        self.router = router(self.state.clone());
        self
    }

    /// Answers a request.
    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: head.status,
            headers: head.headers,
            bytes,
        }
    }

    /// The response itself, its body unread.
    pub(super) async fn open(&self, request: Request<Body>) -> axum::response::Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(escaped(path)).body(Body::empty()).unwrap())
            .await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(json_request("POST", path, &body)).await
    }

    pub(super) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(json_request("PATCH", path, &body)).await
    }

    /// The items of every page of a list.
    pub(super) async fn all(&self, path: &str, limit: u32) -> Vec<Value> {
        let joint = if path.contains('?') { '&' } else { '?' };
        let mut items = Vec::new();
        let mut after = String::new();
        loop {
            let page = self
                .get(&format!("{path}{joint}limit={limit}{after}"))
                .await
                .ok();
            items.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return items,
            }
        }
    }
}

/// A request with a JSON body.
pub(super) fn json_request(method: &str, path: &str, body: &Value) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(escaped(path))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .unwrap()
}

/// Says from where a request comes, as the listener does.
pub(super) fn from_address(mut request: Request<Body>, address: &str) -> Request<Body> {
    let peer: SocketAddr = address.parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    request
}

/// The path with everything outside ASCII escaped; a plus stays, as people type it.
fn escaped(path: &str) -> String {
    path.bytes()
        .map(|byte| {
            if byte.is_ascii_graphic() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) bytes: Bytes,
}

impl Answer {
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    pub(super) fn content_type(&self) -> &str {
        self.headers[header::CONTENT_TYPE].to_str().unwrap()
    }

    /// The JSON of a 200.
    pub(super) fn ok(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text());
        self.json()
    }

    /// The JSON of a 201.
    pub(super) fn created(&self) -> Value {
        assert_eq!(self.status, StatusCode::CREATED, "{}", self.text());
        self.json()
    }

    /// Checks that it is a problem document of that status and code.
    pub(super) fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        assert_eq!(self.content_type(), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status);
        assert!(problem["title"].is_string() && problem["detail"].is_string());
        problem
    }

    /// Checks that it is a 422 that names these fields.
    pub(super) fn invalid(&self, fields: &[&str]) {
        let problem = self.problem(422, "invalid");
        let errors = problem["errors"].as_array().unwrap();
        let named: Vec<&str> = errors.iter().filter_map(|e| e["field"].as_str()).collect();
        assert_eq!(named, fields, "{problem}");
    }
}

/// Runs a test over a fresh `SQLite` file, and over a schema of the `PostgreSQL` server if there
/// is one.
pub(super) fn check<F>(test: impl Fn(World) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("api.db");
    run(async {
        let url = format!("sqlite:{}", path.display());
        let world = World::over(open(&url).await, url);
        tokio::spawn(test(world)).await
    });
    let Ok(server) = std::env::var(POSTGRES) else {
        return;
    };
    run(async {
        sqlx::any::install_default_drivers();
        let schema = format!("api_{}", uuid::Uuid::now_v7().simple());
        let mut admin = AnyConnection::connect(&server).await.unwrap();
        let create = format!("CREATE SCHEMA {schema}");
        admin.execute(AssertSqlSafe(create)).await.unwrap();
        let joint = if server.contains('?') { '&' } else { '?' };
        let url = format!("{server}{joint}options[search_path]={schema}");
        let store = open(&url).await;
        let result = tokio::spawn(test(World::over(store.clone(), url))).await;
        store.close().await;
        let drop = format!("DROP SCHEMA {schema} CASCADE");
        admin.execute(AssertSqlSafe(drop)).await.unwrap();
        result
    });
}

async fn open(url: &str) -> Store {
    Store::open(&StoreOptions::new(url, Role::Owner))
        .await
        .unwrap()
}

/// Runs to the end; a panic of the test is a panic here, after the cleaning up.
fn run(test: impl Future<Output = Result<(), tokio::task::JoinError>>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    if let Err(error) = runtime.block_on(test) {
        resume_unwind(error.into_panic());
    }
}
