//! `calltrail demo`: a day of calls against a simulated Aircall and Front, on a real engine.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use calltrail_simulator::aircall::{Disturbance, Step, WEBHOOK_TOKEN, day, disturb};
use calltrail_simulator::front::Front;
use calltrail_simulator::http::{AircallPlayer, Clock, Handle, Pace, serve};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::net::TcpListener;

use super::up::asked_to_stop;
use crate::cli::{DemoArgs, Format, Globals};
use crate::config::{self, Config, Environment};
use crate::demo::{Proofs, timeline};
use crate::engine::{Engine, Role, now};

const ACCOUNT: &str = "demo";
const SEED: u64 = 1;
/// What the simulated company may send in a minute; the engine takes half of it, as by default.
const REQUESTS_PER_MINUTE: u32 = 480;
/// The day is played this many times faster, and its pauses are cut.
const SPEED: f64 = 3_600.0;
const GAP_MS_MAX: u64 = 120;
/// Aircall delivers at least once and in no order.
const DISTURBANCE: Disturbance =
    Disturbance { duplicate_permille: 250, delay_permille: 250, delay_ms_max: 20_000 };
/// The day is over in seconds, so a voicemail is not waited for as long as by default.
const VOICEMAIL_WAIT_SECONDS: u64 = 1;
/// The demo ends in under a minute, also when something hangs.
const PATIENCE: Duration = Duration::from_secs(50);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Plays the day, prints the conversations and the proofs.
///
/// # Errors
/// When a part cannot start, or a proof does not hold.
pub async fn run(globals: &Globals, args: &DemoArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let folder = tempfile::Builder::new().prefix("calltrail-demo-").tempdir();
    let folder = folder.context("no temporary folder for the demo")?;
    let (engine, front, proofs) = tokio::select! {
        shown = show(globals, &folder, out) => shown?,
        () = asked_to_stop() => bail!("the demo was stopped"),
    };
    if args.serve {
        tell_where(&engine, &front, globals.format, out)?;
        asked_to_stop().await;
    }
    engine.stop().await?;
    proofs.check()
}

/// Starts everything, plays the day, and prints what became of it.
async fn show(
    globals: &Globals,
    folder: &tempfile::TempDir,
    out: &mut dyn Write,
) -> anyhow::Result<(Engine, Handle, Proofs)> {
    let midnight = now().as_seconds().div_euclid(86_400) * 86_400;
    let day = day(SEED, midnight + 8 * 3_600);
    let secrets = [
        ("DEMO_AIRCALL_TOKEN", WEBHOOK_TOKEN.to_owned()),
        ("DEMO_FRONT_TOKEN", day.front.token.clone()),
        ("DEMO_FRONT_SIGNING_KEY", day.front.signing_key.clone()),
    ];
    let mut front = Front::new(day.front, SEED);
    front.behaviour_mut().requests_per_minute = REQUESTS_PER_MINUTE;
    let listener = TcpListener::bind("127.0.0.1:0").await.context("no free port on 127.0.0.1")?;
    let front = serve(listener, front, Clock::system()).await?;
    let config = configuration(globals, folder, &front.base_url(), secrets)?;
    let engine = Engine::start(&config, Role::Up).await?;
    let webhooks = webhooks_url(&engine)?;
    front.connect_webhook(&format!("{webhooks}/front")).await.context("Front's webhook was not taken")?;

    let steps = disturb(SEED, &day.steps, &DISTURBANCE);
    let received = play(&format!("{webhooks}/aircall"), &steps, &front).await?;
    settle(&engine).await?;

    let ledger = front.front(|front| front.ledger());
    let proofs = Proofs::of(&engine, &ledger, received).await?;
    if globals.format == Format::Json {
        writeln!(out, "{}", serde_json::json!({ "conversations": ledger.conversations, "proofs": proofs }))?;
    } else {
        timeline::write(&ledger, out)?;
        write!(out, "{proofs}")?;
    }
    out.flush()?;
    Ok((engine, front, proofs))
}

/// The same configuration that `calltrail init` writes, filled in.
fn configuration(
    globals: &Globals,
    folder: &tempfile::TempDir,
    front: &str,
    secrets: [(&str, String); 3],
) -> anyhow::Result<Config> {
    let log = globals.path.clone().unwrap_or_else(|| folder.path().join("data"));
    if log.join("log.redb").exists() {
        bail!("{} holds a call event log already; the demo wants an empty folder", log.display());
    }
    let text = format!(
        r#"
[log]
path = {log:?}
[http]
listen = "127.0.0.1:0"
operator_listen = "127.0.0.1:0"
[[account]]
id = "{ACCOUNT}"
[account.aircall]
webhook_tokens = [{{ env = "DEMO_AIRCALL_TOKEN" }}]
[account.front]
base_url = "{front}"
api_token = {{ env = "DEMO_FRONT_TOKEN" }}
signing_key = {{ env = "DEMO_FRONT_SIGNING_KEY" }}
default_inbox = "inb_1"
[account.inboxes]
"41039" = "inb_2"
[account.timing]
voicemail_wait_seconds = {VOICEMAIL_WAIT_SECONDS}
"#
    );
    let file = folder.path().join("calltrail.toml");
    std::fs::write(&file, text).context("no room for the demo's configuration")?;
    let mut config = config::load(&file, &Environment::from_pairs(secrets))?;
    config.http.listen = globals.listen.unwrap_or(config.http.listen);
    config.http.operator_listen = globals.operator_listen.unwrap_or(config.http.operator_listen);
    Ok(config)
}

/// Plays the steps; returns how many webhooks were delivered.
async fn play(url: &str, steps: &[Step], front: &Handle) -> anyhow::Result<u32> {
    let style =
        ProgressStyle::with_template("a day of calls {bar:40} {pos}/{len} webhooks and clicks  {elapsed}")?;
    let bar = ProgressBar::new(steps.len() as u64).with_style(style);
    let player = AircallPlayer::new(url, Pace { speed: SPEED, gap_ms_max: GAP_MS_MAX })?;
    let report = player.play(steps, Some(front), |_| bar.inc(1)).await;
    bar.finish_and_clear();
    if report.given_up > 0 || report.acts_refused > 0 {
        bail!("{} webhooks and {} clicks did not arrive", report.given_up, report.acts_refused);
    }
    Ok(report.delivered)
}

/// Waits until every call has a verdict and every effect is settled in Front.
async fn settle(engine: &Engine) -> anyhow::Result<()> {
    let bar =
        ProgressBar::new_spinner().with_style(ProgressStyle::with_template("bringing it into Front {msg}")?);
    let started = Instant::now();
    loop {
        let status = engine.status().await?;
        let waiting = status.waiting().unwrap_or_default();
        if status.waiting() == Some(0) && status.is_folded() {
            bar.finish_and_clear();
            return Ok(());
        }
        if started.elapsed() > PATIENCE {
            bail!("{waiting} calls and effects are not settled after {} s:\n{status}", PATIENCE.as_secs());
        }
        bar.set_message(format!("{waiting} calls and effects to go"));
        bar.tick();
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn webhooks_url(engine: &Engine) -> anyhow::Result<String> {
    let address = engine.webhooks_at.context("the demo receives webhooks")?;
    Ok(format!("http://{address}/webhooks/{ACCOUNT}"))
}

/// Where everything is that keeps running.
fn tell_where(engine: &Engine, front: &Handle, format: Format, out: &mut dyn Write) -> anyhow::Result<()> {
    let folder = engine.folder();
    let webhooks = format!("{}/aircall", webhooks_url(engine)?);
    let ledger = format!("{}/_sim/ledger", front.base_url());
    let health = format!("http://{}/health/ready", engine.operator_at);
    if format == Format::Json {
        let places =
            serde_json::json!({ "webhooks": webhooks, "front": ledger, "health": health, "path": folder });
        writeln!(out, "{places}")?;
    } else {
        writeln!(out, "\nstill running; Ctrl-C ends it")?;
        writeln!(out, "  Aircall's webhooks  {webhooks}")?;
        writeln!(out, "  simulated Front     {ledger}")?;
        writeln!(out, "  health              {health}")?;
        writeln!(out, "  ask it              calltrail status --path {}", folder.display())?;
    }
    Ok(out.flush()?)
}
