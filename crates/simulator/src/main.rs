//! The simulated Aircall and Front as a process of its own, for a site whose roles are processes too: serves both on
//! loopback, plays a day of calls to the site's webhooks, and keeps serving until it is stopped.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use calltrail_simulator::aircall::{Api, ApiOptions, Disturbance, Patience, day, disturb};
use calltrail_simulator::front::Front;
use calltrail_simulator::http::{AircallPlayer, Clock, Handle, Pace, serve, serve_aircall};
use clap::Parser;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

const SEED: u64 = 1;
/// As in `calltrail demo`: at least once, in no order, and over in a minute.
const DISTURBANCE: Disturbance =
    Disturbance { duplicate_permille: 250, delay_permille: 250, delay_ms_max: 20_000 };
const PACE: Pace = Pace { speed: 3_600.0, gap_ms_max: 120 };
/// A site that has just started gets so many tries to take Front's webhook.
const WEBHOOK_TRIES: u32 = 60;
const WEBHOOK_PAUSE: Duration = Duration::from_secs(1);
const DAY_S: i64 = 86_400;
const MORNING_S: i64 = 8 * 3_600;

/// A simulated Aircall and a simulated Front.
#[derive(Debug, Parser)]
#[command(name = "calltrail-simulator", version)]
struct Arguments {
    /// Where Front's API is served, on loopback
    #[arg(long, default_value = "127.0.0.1:9001")]
    front: SocketAddr,
    /// Where Aircall's API is served, on loopback
    #[arg(long, default_value = "127.0.0.1:9002")]
    aircall: SocketAddr,
    /// Requests that the simulated Front takes in a minute
    #[arg(long, default_value_t = 480)]
    requests_per_minute: u32,
    /// The address of an account's webhooks, before `/aircall` and `/front`; without it nobody calls
    #[arg(long, value_name = "URL")]
    webhooks: Option<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    // The first process of a container is not ended by a signal that it does not listen for.
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        served = run(&arguments) => served,
        _ = terminate.recv() => Ok(()),
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let day = day(SEED, today()?);
    let mut front = Front::new(day.front, SEED);
    front.behaviour_mut().requests_per_minute = arguments.requests_per_minute;
    let front = serve(listener(arguments.front).await?, front, Clock::system()).await?;
    let mut api = Api::new(ApiOptions { patience: Patience::played(), ..ApiOptions::default() });
    if let Some(webhooks) = &arguments.webhooks {
        api.connect_webhook(&format!("{webhooks}/aircall"));
    }
    let aircall = serve_aircall(listener(arguments.aircall).await?, api, Clock::system()).await?;
    info!(front = front.base_url(), aircall = aircall.base_url(), "the simulator is up");
    if let Some(webhooks) = &arguments.webhooks {
        connect(&front, &format!("{webhooks}/front")).await?;
        let steps = disturb(SEED, &day.steps, &DISTURBANCE);
        let report = AircallPlayer::of(&aircall, PACE).play(&steps, Some(&front), |_| ()).await;
        info!(?report, ledger = format!("{}/_sim/ledger", front.base_url()), "the day is over");
    }
    std::future::pending().await
}

async fn listener(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("{address} is not free"))
}

/// Eight o'clock this morning, Unix time.
fn today() -> anyhow::Result<i64> {
    let now_s = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    Ok(now_s.div_euclid(DAY_S) * DAY_S + MORNING_S)
}

/// Has the site take Front's webhook, with patience for a site that is still starting.
async fn connect(front: &Handle, url: &str) -> anyhow::Result<()> {
    for _ in 1..WEBHOOK_TRIES {
        match front.connect_webhook(url).await {
            Ok(()) => return Ok(()),
            Err(error) => warn!(%error, "the site does not take front's webhook yet"),
        }
        tokio::time::sleep(WEBHOOK_PAUSE).await;
    }
    front.connect_webhook(url).await.with_context(|| format!("{url} does not take Front's webhook"))
}
