//! The Unix socket in `log.path` over which commands ask the running engine, and the asking.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use reqwest::RequestBuilder;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tracing::error;

use crate::archive::Archived;
use crate::cli::NumberOrParty;
use crate::engine::{Shared, cut_after_stop, stopping};
use crate::erase::{self, Erasure};
use crate::replay::Replay;
use crate::tail::Line;
use crate::trail::Trail;

const SOCKET: &str = "control.sock";
/// A process that has not answered by then hangs.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Likewise for what reads the whole log, after whoever asked before.
const LONG_ANSWER_MAX: Duration = Duration::from_hours(6);
/// Records answered at once.
const RECORDS_MAX: usize = 500;

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
        .route("/verify", get(verify))
        .route("/erase", post(erase_person))
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

async fn erase_person(State(shared): State<Arc<Shared>>, Query(asked): Query<Erase>) -> Response {
    let Ok(of) = asked.of.parse::<NumberOrParty>();
    let _alone = shared.long_questions.acquire().await;
    answer(async { erase::run(shared.stores()?, &of, asked.yes).await }.await)
}

async fn verify(State(shared): State<Arc<Shared>>) -> Response {
    let _alone = shared.long_questions.acquire().await;
    answer(shared.verify().await.map(Replay::from))
}

fn answer<T: Serialize>(result: anyhow::Result<T>) -> Response {
    match result {
        Ok(value) => Json(value).into_response(),
        Err(cause) => (StatusCode::UNPROCESSABLE_ENTITY, format!("{cause:#}")).into_response(),
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
        self.answer(self.client.get(format!("http://localhost/{path}")).query(query).timeout(limit)).await
    }

    async fn answer<T: DeserializeOwned>(&self, request: RequestBuilder) -> anyhow::Result<T> {
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

    /// The last sequence that the log has given, and the next records after `after` to the last byte.
    pub(crate) async fn archived(&self, after: u64) -> anyhow::Result<(u64, Vec<Archived>)> {
        self.ask("archived", &RecordsAfter { after }).await
    }

    /// What is held of a person, erased if `yes`.
    pub(crate) async fn erase(&self, of: &NumberOrParty, yes: bool) -> anyhow::Result<Vec<Erasure>> {
        let request = self.client.post("http://localhost/erase");
        let query = Erase { of: of.as_str().to_owned(), yes };
        self.answer(request.query(&query).timeout(LONG_ANSWER_MAX)).await
    }

    pub(crate) async fn verify(&self) -> anyhow::Result<Replay> {
        self.ask_within(LONG_ANSWER_MAX, "verify", &()).await
    }
}
