//! The Unix socket in `log.path` over which commands ask the running engine, and the asking.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use calltrail_domain::ids::EffectKey;
use calltrail_front_writer::DeadLetter;
use futures_util::stream;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tracing::error;

use crate::archive::Archived;
use crate::cli::NumberOrParty;
use crate::dead_letters::kept::{self, Asked};
use crate::engine::{Shared, cut_after_stop, stopping};
use crate::erase::{self, Erasure};
use crate::jobs::{self, JobLines, JobOf, Wanted};
use crate::orders::{self, Order};
use crate::remote_log;
use crate::replay::{Rebuild, RebuildLine, Replay};
use crate::retention::{self, Snapshot, Trim};
use crate::tail::Line;
use crate::trail::Trail;

const SOCKET: &str = "control.sock";
/// A process that has not answered by then hangs.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Likewise for what reads the whole log, after whoever asked before.
const LONG_ANSWER_MAX: Duration = Duration::from_hours(6);
/// Records answered at once.
const RECORDS_MAX: usize = 500;
/// Lines of a rebuild that wait for their reader.
const LINES_MAX: usize = 16;

/// Where the socket of `folder` is.
fn socket_in(folder: &Path) -> PathBuf {
    folder.join(SOCKET)
}

/// Serves until told to stop. Only this user may connect.
pub(crate) fn serve(
    folder: &Path,
    shared: Arc<Shared>,
    stopped: watch::Receiver<bool>,
) -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let path = socket_in(folder);
    // The folder's lock says that nobody else runs here: a socket that is there was left by a process that was killed.
    match std::fs::remove_file(&path) {
        Err(cause) if cause.kind() != ErrorKind::NotFound => {
            return Err(cause).context("an old control socket is in the way");
        }
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(&path).with_context(|| {
        format!("the control socket {} cannot be made; is its path over 100 bytes?", path.display())
    })?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    let router = Router::new()
        .route("/status", get(status))
        .route("/trail", get(trail))
        .route("/records", get(records))
        .route("/archived", get(archived))
        .route("/verify", post(verify))
        .route("/snapshot", post(snapshot))
        .route("/trim", post(trim))
        .route("/jobs", get(jobs).post(ask_for))
        .route("/jobs/cancel", post(cancel))
        .route("/rebuild", post(rebuild))
        .route("/tail", get(tail))
        .route("/log", get(log))
        .route("/erase", post(erase_person))
        .route("/order", post(take_order))
        .route("/dead-letters", post(dead_letters))
        .route("/dead-letters/forget", post(forget_dead_letters))
        .with_state(shared);
    Ok(async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(stopping(stopped.clone()));
        if let Some(Err(cause)) = cut_after_stop(served.into_future(), stopped).await {
            error!(%cause, "the control socket ended");
        }
    })
}

#[derive(Serialize, Deserialize)]
struct TrailOf {
    of: String,
}

#[derive(Serialize, Deserialize)]
struct Erase {
    of: String,
    yes: bool,
    archives: Vec<PathBuf>,
}

#[derive(Serialize, Deserialize)]
struct TrimBefore {
    before: u64,
    yes: bool,
}

#[derive(Serialize, Deserialize)]
struct RecordsAfter {
    after: u64,
}

async fn status(State(shared): State<Arc<Shared>>) -> Response {
    answer(shared.status().await)
}

async fn trail(State(shared): State<Arc<Shared>>, Query(asked): Query<TrailOf>) -> Response {
    let Ok(of) = asked.of.parse::<NumberOrParty>();
    let _alone = shared.long_questions.acquire().await;
    let trails = async { Trail::of(&*shared.stores()?.log, &of).await };
    answer(trails.await)
}

async fn records(State(shared): State<Arc<Shared>>, Query(asked): Query<RecordsAfter>) -> Response {
    let read = async { shared.stores()?.records_after(asked.after, RECORDS_MAX).await };
    answer(read.await.map(|records| records.iter().map(Line::of).collect::<Vec<_>>()))
}

/// The next records to the last byte, and the last sequence that the log has given.
async fn archived(State(shared): State<Arc<Shared>>, Query(asked): Query<RecordsAfter>) -> Response {
    let read = async {
        let stores = shared.stores()?;
        let last_given = stores.import.last_given().await?;
        let records = stores.records_after(asked.after, RECORDS_MAX).await?;
        Ok((last_given, records.iter().map(Archived::of).collect::<Vec<_>>()))
    };
    answer(read.await)
}

async fn erase_person(State(shared): State<Arc<Shared>>, Json(asked): Json<Erase>) -> Response {
    let Ok(of) = asked.of.parse::<NumberOrParty>();
    let _alone = shared.long_questions.acquire().await;
    let asked = erase::Asked { of: &of, yes: asked.yes, archives: &asked.archives };
    answer(async { erase::run(shared.stores()?, &shared.folder, &asked).await }.await)
}

async fn take_order(State(shared): State<Arc<Shared>>, Json(order): Json<Order>) -> Response {
    answer(async { orders::append(&*shared.stores()?.log, order).await }.await)
}

async fn dead_letters(State(shared): State<Arc<Shared>>, Json(asked): Json<Asked>) -> Response {
    answer(async { kept::read(&*shared.stores()?.key_value, &asked).await }.await)
}

async fn forget_dead_letters(State(shared): State<Arc<Shared>>, Json(asked): Json<Asked>) -> Response {
    answer(async { kept::forget(&*shared.stores()?.key_value, &asked).await }.await)
}

async fn verify(State(shared): State<Arc<Shared>>, Json(archives): Json<Vec<PathBuf>>) -> Response {
    let _alone = shared.long_questions.acquire().await;
    answer(shared.verify(&archives).await.map(Replay::from))
}

async fn snapshot(State(shared): State<Arc<Shared>>) -> Response {
    let _alone = shared.long_questions.acquire().await;
    answer(async { retention::take(shared.stores()?, &shared.folder, &mut |_| ()).await }.await)
}

async fn trim(State(shared): State<Arc<Shared>>, Json(asked): Json<TrimBefore>) -> Response {
    let _alone = shared.long_questions.acquire().await;
    answer(async { retention::trim(&*shared.stores()?.log, asked.before, asked.yes).await }.await)
}

async fn jobs(State(shared): State<Arc<Shared>>) -> Response {
    let listed = async { jobs::list(&*shared.stores()?.key_value, &shared.accounts()).await };
    answer(listed.await)
}

async fn ask_for(State(shared): State<Arc<Shared>>, Json(wanted): Json<Wanted>) -> Response {
    let asked = async { jobs::ask(&*shared.stores()?.key_value, &wanted).await };
    answer(asked.await)
}

async fn cancel(State(shared): State<Arc<Shared>>, Json(job): Json<JobOf>) -> Response {
    let cancelled = async { jobs::cancel(&*shared.stores()?.key_value, &job).await };
    answer(cancelled.await)
}

async fn tail(State(shared): State<Arc<Shared>>) -> Response {
    let tail = async { shared.stores()?.tail().await };
    answer(tail.await)
}

/// Whole records, for commands that fold them by themselves.
async fn log(State(shared): State<Arc<Shared>>, Query(asked): Query<RecordsAfter>) -> Response {
    let read = async {
        let stores = shared.stores()?;
        if stores.tail().await? <= asked.after {
            return Ok(Vec::new());
        }
        Ok::<_, anyhow::Error>(stores.log.read_after(asked.after, remote_log::RECORDS_MAX).await?)
    };
    match read.await {
        Ok(records) => remote_log::framed(&records).into_response(),
        Err(cause) => refused(&cause),
    }
}

/// Lines of JSON, the last one with what came of it. Whoever stops reading ends the rebuild.
async fn rebuild(State(shared): State<Arc<Shared>>) -> Response {
    let (tell, lines) = mpsc::channel(LINES_MAX);
    tokio::spawn(async move {
        tokio::select! {
            () = rebuild_telling(&shared, &tell) => {}
            () = tell.closed() => {}
        }
    });
    Body::from_stream(stream::unfold(lines, async |mut lines: mpsc::Receiver<RebuildLine>| {
        let line = lines.recv().await?;
        let text = serde_json::to_string(&line).unwrap_or_default() + "\n";
        Some((Ok::<_, Infallible>(text), lines))
    }))
    .into_response()
}

async fn rebuild_telling(shared: &Shared, tell: &mpsc::Sender<RebuildLine>) {
    let rebuilt = async {
        let _alone = shared.long_questions.acquire().await;
        let of = shared.stores()?.tail().await?;
        // A reader that is slow misses a line.
        let mut progress = |position| drop(tell.try_send(RebuildLine::At { position, of }));
        shared.rebuild(&mut progress).await
    };
    let line = match rebuilt.await {
        Ok(rebuilt) => RebuildLine::Rebuilt(rebuilt.into()),
        Err(cause) => RebuildLine::Failed(format!("{cause:#}")),
    };
    // Whoever asked may be gone.
    let _ = tell.send(line).await;
}

fn refused(cause: &anyhow::Error) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, format!("{cause:#}")).into_response()
}

fn answer<T: Serialize>(result: anyhow::Result<T>) -> Response {
    match result {
        Ok(value) => Json(value).into_response(),
        Err(cause) => refused(&cause),
    }
}

/// A running engine, as another process sees it.
#[derive(Debug)]
pub(crate) struct Running {
    client: reqwest::Client,
}

impl Running {
    /// The engine that runs on `folder`; `None` when none does.
    pub(crate) async fn on(folder: &Path) -> anyhow::Result<Option<Self>> {
        let path = socket_in(folder);
        match UnixStream::connect(&path).await {
            Ok(_) => {}
            Err(cause) if cause.kind() == ErrorKind::PermissionDenied => {
                bail!("{} may not be used; run this as the user that runs calltrail", path.display())
            }
            // Nobody listens: it was never there, or its process was killed.
            Err(_) => return Ok(None),
        }
        let client = reqwest::Client::builder().unix_socket(path).no_proxy().build();
        Ok(Some(Self { client: client.context("no client for the control socket")? }))
    }

    async fn ask<T: DeserializeOwned>(&self, path: &str, query: &impl Serialize) -> anyhow::Result<T> {
        self.ask_within(ANSWER_MAX, path, query).await
    }

    async fn ask_within<T: DeserializeOwned>(
        &self,
        limit: Duration,
        path: &str,
        query: &impl Serialize,
    ) -> anyhow::Result<T> {
        answered(self.client.get(format!("http://localhost/{path}")).query(query).timeout(limit)).await
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> anyhow::Result<T> {
        self.post_within(ANSWER_MAX, path, body).await
    }

    async fn post_within<T: DeserializeOwned>(
        &self,
        limit: Duration,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        answered(self.client.post(format!("http://localhost/{path}")).json(body).timeout(limit)).await
    }

    pub(crate) async fn status(&self) -> anyhow::Result<crate::status::Status> {
        self.ask("status", &()).await
    }

    pub(crate) async fn trail(&self, of: &NumberOrParty) -> anyhow::Result<Vec<Trail>> {
        self.ask_within(LONG_ANSWER_MAX, "trail", &TrailOf { of: of.as_str().to_owned() }).await
    }

    /// The next records after `after`; none when there are none yet.
    pub(crate) async fn records(&self, after: u64) -> anyhow::Result<Vec<Line>> {
        self.ask("records", &RecordsAfter { after }).await
    }

    pub(crate) async fn tail(&self) -> anyhow::Result<u64> {
        self.ask("tail", &()).await
    }

    /// The next whole records after `after`, as [`remote_log`] reads them.
    pub(crate) async fn frames(&self, after: u64) -> anyhow::Result<Bytes> {
        let asked = async {
            let request = self.client.get("http://localhost/log").query(&RecordsAfter { after });
            let response = request.timeout(ANSWER_MAX).send().await?;
            let refused = response.status() != StatusCode::OK;
            Ok::<_, reqwest::Error>((refused, response.bytes().await?))
        };
        let (refused, bytes) = asked.await.context("the running calltrail did not answer")?;
        if refused {
            bail!("{}", String::from_utf8_lossy(&bytes));
        }
        Ok(bytes)
    }

    /// Has it rebuild its projection store. `progress` hears how far it is, and of how many records.
    pub(crate) async fn rebuild(&self, progress: &mut impl FnMut(u64, u64)) -> anyhow::Result<Rebuild> {
        let request = self.client.post("http://localhost/rebuild").timeout(LONG_ANSWER_MAX);
        let mut response = request.send().await.context("the running calltrail did not answer")?;
        if response.status() != StatusCode::OK {
            bail!("the running calltrail is of another release and cannot rebuild; restart it first");
        }
        let mut text = Vec::new();
        while let Some(chunk) = response.chunk().await.context("the running calltrail ended meanwhile")? {
            text.extend_from_slice(&chunk);
            while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = text.drain(..=end).collect();
                match serde_json::from_slice(&line)? {
                    RebuildLine::At { position, of } => progress(position, of),
                    RebuildLine::Rebuilt(rebuilt) => return Ok(rebuilt),
                    RebuildLine::Failed(why) => bail!("{why}"),
                }
            }
        }
        bail!("the running calltrail ended before the rebuild; its store is as it was")
    }

    /// The last sequence that the log has given, and the next records after `after` to the last byte.
    pub(crate) async fn archived(&self, after: u64) -> anyhow::Result<(u64, Vec<Archived>)> {
        self.ask("archived", &RecordsAfter { after }).await
    }

    /// What is held of a person, erased if `yes`.
    pub(crate) async fn erase(&self, asked: &erase::Asked<'_>) -> anyhow::Result<Vec<Erasure>> {
        let (of, archives) = (asked.of.as_str().to_owned(), asked.archives.to_vec());
        self.post_within(LONG_ANSWER_MAX, "erase", &Erase { of, yes: asked.yes, archives }).await
    }

    pub(crate) async fn verify(&self, archives: &[PathBuf]) -> anyhow::Result<Replay> {
        self.post_within(LONG_ANSWER_MAX, "verify", &archives).await
    }

    pub(crate) async fn snapshot(&self) -> anyhow::Result<Snapshot> {
        self.post_within(LONG_ANSWER_MAX, "snapshot", &()).await
    }

    /// Trims off the records before `before`, if `yes`.
    pub(crate) async fn trim(&self, before: u64, yes: bool) -> anyhow::Result<Trim> {
        self.post_within(LONG_ANSWER_MAX, "trim", &TrimBefore { before, yes }).await
    }

    /// Has it append a record of an operator.
    pub(crate) async fn order(&self, order: &Order) -> anyhow::Result<()> {
        self.post("order", order).await
    }

    /// The dead letters of these effects that are kept.
    pub(crate) async fn dead_letters(
        &self,
        asked: &Asked,
    ) -> anyhow::Result<BTreeMap<EffectKey, DeadLetter>> {
        self.post("dead-letters", asked).await
    }

    pub(crate) async fn forget_dead_letters(&self, asked: &Asked) -> anyhow::Result<()> {
        self.post("dead-letters/forget", asked).await
    }

    /// Asks the reader for calls.
    pub(crate) async fn ask_for(&self, wanted: &Wanted) -> anyhow::Result<JobOf> {
        self.post("jobs", wanted).await
    }

    pub(crate) async fn jobs(&self) -> anyhow::Result<JobLines> {
        self.ask("jobs", &()).await
    }

    /// Cancels a job; false when it has ended or does not exist.
    pub(crate) async fn cancel(&self, job: &JobOf) -> anyhow::Result<bool> {
        self.post("jobs/cancel", job).await
    }
}

/// What the running process answers.
async fn answered<T: DeserializeOwned>(request: reqwest::RequestBuilder) -> anyhow::Result<T> {
    let asked = async {
        let response = request.send().await?;
        let refused = response.status() == StatusCode::UNPROCESSABLE_ENTITY;
        Ok((refused, response.text().await?))
    };
    // The address may hold a phone number.
    let answered = asked.await.map_err(reqwest::Error::without_url);
    let (refused, text) = answered.context("the running calltrail did not answer")?;
    if refused {
        bail!("{text}");
    }
    serde_json::from_str(&text).context("the running calltrail gave an answer of another release")
}
