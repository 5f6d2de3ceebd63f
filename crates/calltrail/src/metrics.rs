//! What `/metrics` answers: the numbers of [`Status`], by names that never change.
//!
//! **Invariant:** no phone number, no name and no e-mail is in a label. Nothing is counted here.

use std::fmt;

use calltrail_ingest::CountersNow;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use crate::engine::now;
use crate::reader_status::ReaderStatus;
use crate::status::{
    AccountStatus, ConditionStatus, FoldedStatus, Live, ProcessStatus, SpoolStatus, Status, WriterStatus,
};

/// The media type of the answer.
pub(crate) const MEDIA_TYPE: &str = prometheus_text::CONTENT_TYPE;
const PREFIX: &str = "calltrail";

type Labels = Vec<(&'static str, String)>;
type Samples = Vec<(Labels, f64)>;

/// One metric: where its samples are in a status. A process without the part that counts has none.
struct Metric {
    /// Without the prefix, and without the `_total` of counters.
    name: &'static str,
    help: &'static str,
    kind: Kind,
    samples: fn(&Status) -> Samples,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
}

/// The text that is answered for `status`.
///
/// # Errors
/// When a metric cannot be written, which writing to a text does not come to.
pub(crate) fn text_of(status: Status) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix(PREFIX);
    registry.register_collector(Box::new(Snapshot(status)));
    let mut text = String::new();
    prometheus_text::encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct Snapshot(Status);

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for Metric { name, help, kind, samples } in &METRICS {
            let samples = samples(&self.0);
            if samples.is_empty() {
                continue;
            }
            let metric_type = match kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
            };
            let mut metric = encoder.encode_descriptor(name, help, None, metric_type)?;
            for (labels, value) in &samples {
                let mut sample = metric.encode_family(labels)?;
                match kind {
                    Kind::Counter => sample.encode_counter::<NoLabelSet, f64, f64>(value, None)?,
                    Kind::Gauge => sample.encode_gauge(value)?,
                }
            }
        }
        Ok(())
    }
}

const METRICS: [Metric; 52] = [
    gauge("build_info", "The release and the role; always 1", |status| {
        let labels = |process: &ProcessStatus| {
            vec![("version", status.version.clone()), ("role", process.role.to_string())]
        };
        process(status, |process| Some((labels(process), 1.0)))
    }),
    gauge("ready", "1 while this process can do its part", |status| {
        process(status, |process| plain(flag(process.not_ready.is_empty())))
    }),
    gauge("log_connected", "1 while the connection to NATS stands", |status| {
        process(status, |process| plain(flag(process.connection?.connected)))
    }),
    counter("log_reconnects", "Times that the connection to NATS was made again", |status| {
        process(status, |process| plain(number(process.connection?.reconnects)))
    }),
    gauge(
        "log_disconnected_seconds",
        "For how long the connection to NATS is lost; 0 while it stands",
        |status| process(status, |process| plain(seconds(process.connection?.disconnected_ms.unwrap_or(0)))),
    ),
    gauge("disk_free_bytes", "Room on the disk of log.path", |status| {
        process(status, |process| plain(number(process.disk_free_bytes?)))
    }),
    gauge("disk_short", "1 while webhooks are refused because the disk of log.path is short", |status| {
        process(status, |process| plain(flag(process.disk_short?)))
    }),
    counter(
        "webhooks_received",
        "Requests to the receivers of an account, whatever became of them",
        |status| accounts(status, |account| Some(number(webhooks(account)?.received))),
    ),
    counter("webhooks_stored", "Webhooks that were answered 200 and are on disk", |status| {
        accounts(status, |account| Some(number(webhooks(account)?.stored)))
    }),
    counter("webhooks_refused", "Webhooks that were not taken, by reason", |status| {
        words(status, "reason", |account| {
            let refused = webhooks(account).map(|webhooks| &webhooks.refused).into_iter().flatten();
            refused.map(|(reason, count)| (reason.as_str().to_owned(), *count)).collect()
        })
    }),
    counter("requests_refused", "Requests to the receivers that belong to no account, by reason", |status| {
        let elsewhere = status.process.as_ref().and_then(|process| process.elsewhere.as_ref());
        let refused = elsewhere.into_iter().flat_map(|elsewhere| &elsewhere.refused);
        refused
            .map(|(reason, count)| (vec![("reason", reason.as_str().to_owned())], number(*count)))
            .collect()
    }),
    gauge(
        "connections",
        "Open connections to the receivers, by whether a webhook on them has authenticated",
        |status| {
            let connections = status.process.as_ref().and_then(|process| process.connections);
            let of =
                |authenticated: &str, open| (vec![("authenticated", authenticated.to_owned())], count(open));
            let both = connections.map(|now| [of("no", now.strangers), of("yes", now.members)]);
            both.into_iter().flatten().collect()
        },
    ),
    counter(
        "connections_closed_for_room",
        "Connections to the receivers without a valid webhook that were closed to make room",
        |status| process(status, |process| plain(number(process.connections?.closed_for_room))),
    ),
    counter("webhooks_unreadable_calls", "Webhooks about calls from which no call can be read", |status| {
        accounts(status, |account| Some(number(webhooks(account)?.unreadable_calls)))
    }),
    counter("webhooks_unreadable_times", "Webhooks with a time that cannot be read", |status| {
        accounts(status, |account| Some(number(webhooks(account)?.unreadable_times)))
    }),
    gauge(
        "webhook_token_trouble",
        "1 while the token of Aircall's webhook, where it is not configured, cannot be read from Aircall",
        |status| {
            accounts(status, |account| {
                let token = account.live.as_ref()?.webhook_token.as_ref()?;
                Some(flag(token.trouble.is_some()))
            })
        },
    ),
    gauge("spool_records", "Records in the spool that wait for the log", |status| {
        spool(status, |spool| number(spool.now.records))
    }),
    gauge("spool_bytes", "The bodies in the spool: what its high-water mark bounds", |status| {
        spool(status, |spool| number(spool.now.bytes))
    }),
    gauge("spool_oldest_seconds", "How long the oldest record in the spool has waited", |status| {
        spool(status, |spool| seconds(spool.oldest_ms))
    }),
    counter("spool_forwarded", "Records of the spool that the log has taken", |status| {
        spool(status, |spool| number(spool.now.forwarded))
    }),
    counter(
        "spool_forward_failures",
        "Tries to bring records of the spool into the log that failed",
        |status| spool(status, |spool| number(spool.now.failures)),
    ),
    gauge("spool_set_aside", "Records of the spool that the log refuses for good", |status| {
        spool(status, |spool| number(spool.now.set_aside))
    }),
    gauge("spool_accepting", "0 while webhooks are refused because the spool takes nothing", |status| {
        spool(status, |spool| flag(spool.now.accepting))
    }),
    gauge("projector_checkpoint", "The sequence up to which the projector has folded", |status| {
        status.folded.into_iter().filter_map(|folded| plain(number(folded))).collect()
    }),
    gauge("log_tail", "The sequence of the last record of the log", |status| {
        status.records.into_iter().filter_map(|records| plain(number(records))).collect()
    }),
    gauge(
        "projector_caught_up",
        "1 once the projector has folded what was in the log at its start",
        |status| process(status, |process| plain(flag(process.caught_up?))),
    ),
    gauge("calls_waiting", "Calls that wait for a decision", |status| {
        accounts(status, |account| Some(count(folded(account)?.waiting_calls)))
    }),
    gauge(
        "calls_waiting_seconds",
        "For how long the first of the calls that wait for a decision has waited; 0 while none does",
        |status| {
            accounts(status, |account| {
                let since = folded(account)?.waiting_since;
                Some(since.map_or(0.0, |since| now().since(since).as_secs_f64()))
            })
        },
    ),
    gauge("effects_pending", "Decided effects that are not settled in Front", |status| {
        accounts(status, |account| Some(count(folded(account)?.pending_effects)))
    }),
    gauge(
        "effects_rejected",
        "Effects that Front refused for good, and nobody has retried or dropped",
        |status| accounts(status, |account| Some(number(folded(account)?.rejected))),
    ),
    gauge("items_lost", "Work items that are published again and again without a result", |status| {
        accounts(status, |account| Some(count(folded(account)?.lost_items)))
    }),
    gauge("publications_refused", "Work items that the outbox refuses for now", |status| {
        accounts(status, |account| Some(count(folded(account)?.refused_publications)))
    }),
    gauge("too_large", "Work items and decisions that are too large to pass", |status| {
        accounts(status, |account| Some(count(folded(account)?.too_large)))
    }),
    counter("stale_decisions", "Records of decisions that were made before the log was restored", |status| {
        accounts(status, |account| Some(number(folded(account)?.stale_decisions)))
    }),
    gauge("later_records", "Records of a later release; nothing is decided while there are any", |status| {
        accounts(status, |account| Some(number(folded(account)?.later_records)))
    }),
    gauge(
        "policy_differs",
        "1 while another policy decides than this process is configured with",
        |status| accounts(status, |account| Some(flag(live(account)?.policy_differs?))),
    ),
    counter("front_requests", "Requests to Front, by kind and class of answer", |status| {
        let named = |(what, count): (&String, &u64)| {
            let (kind, answer) = what.split_once(' ')?;
            Some((vec![("kind", kind.to_owned()), ("answer", answer.to_owned())], number(*count)))
        };
        labelled(status, |account| {
            writer(account).into_iter().flat_map(|writer| &writer.requests).filter_map(named).collect()
        })
    }),
    counter("effects_settled", "Effects that this process has settled, by outcome", |status| {
        words(status, "outcome", |account| {
            writer(account).map(|w| w.outcomes.clone()).into_iter().flatten().collect()
        })
    }),
    counter("items_released", "Work items that were given back, by reason", |status| {
        words(status, "reason", |account| {
            writer(account).map(|w| w.releases.clone()).into_iter().flatten().collect()
        })
    }),
    gauge(
        "operator_condition_seconds",
        "For how long work has waited for what an operator has to repair, by condition",
        |status| {
            labelled(status, |account| {
                let conditions = writer(account).into_iter().flat_map(|writer| &writer.conditions);
                let sample = |one: &ConditionStatus| {
                    let labels = vec![("condition", one.condition.clone()), ("subject", one.subject.clone())];
                    (labels, number(one.lasting_s))
                };
                conditions.map(sample).collect()
            })
        },
    ),
    counter(
        "budget_wait_seconds",
        "Time spent waiting for slots of the rate budget, all workers together",
        |status| accounts(status, |account| Some(seconds(writer(account)?.budget_wait_ms))),
    ),
    counter("claim_takeovers", "Effects in flight that were taken over from another claim", |status| {
        accounts(status, |account| Some(number(writer(account)?.takeovers)))
    }),
    counter(
        "duplicate_comments",
        "Comments that stand in Front a second time: remove the later ones",
        |status| accounts(status, |account| Some(number(writer(account)?.duplicate_comments))),
    ),
    counter(
        "newer_fence_items",
        "Work items whose effects the fence knew and the log did not: the log was restored, or lost records",
        |status| accounts(status, |account| Some(number(writer(account)?.newer_fences))),
    ),
    counter("polled_events", "Events of Front that a poll brought; most came as webhooks too", |status| {
        accounts(status, |account| Some(number(writer(account)?.polled_events)))
    }),
    counter("aircall_requests", "Requests to Aircall", |status| {
        accounts(status, |account| Some(number(reader(account)?.requests)))
    }),
    counter("calls_read", "Calls that were read from Aircall into the log", |status| {
        accounts(status, |account| Some(number(reader(account)?.records)))
    }),
    gauge(
        "webhook_good",
        "1 while Aircall's webhook is there, switched on, with the right events",
        |status| accounts(status, |account| Some(flag(reader(account)?.webhook_good?))),
    ),
    counter("webhook_mended", "Times that Aircall's webhook was mended and switched on again", |status| {
        accounts(status, |account| Some(number(reader(account)?.webhook_mended)))
    }),
    counter("calls_missed", "Ended calls that no webhook told of", |status| {
        accounts(status, |account| Some(number(reader(account)?.missed)))
    }),
    counter("recoveries", "Gaps in the webhooks that were recovered", |status| {
        accounts(status, |account| Some(number(reader(account)?.recoveries)))
    }),
    counter("fence_conflicts", "Fences that another writer changed first", |status| {
        accounts(status, |account| Some(number(writer(account)?.conflicts)))
    }),
];

const fn counter(name: &'static str, help: &'static str, samples: fn(&Status) -> Samples) -> Metric {
    Metric { name, help, kind: Kind::Counter, samples }
}

const fn gauge(name: &'static str, help: &'static str, samples: fn(&Status) -> Samples) -> Metric {
    Metric { name, help, kind: Kind::Gauge, samples }
}

/// One sample, if the process has it.
fn process(status: &Status, sample: impl Fn(&ProcessStatus) -> Option<(Labels, f64)>) -> Samples {
    status.process.as_ref().and_then(sample).into_iter().collect()
}

/// One sample, if the process has a spool.
fn spool(status: &Status, value: impl Fn(&SpoolStatus) -> f64) -> Samples {
    process(status, |process| plain(value(process.spool.as_ref()?)))
}

/// One sample for each account that has it.
fn accounts(status: &Status, value: impl Fn(&AccountStatus) -> Option<f64>) -> Samples {
    labelled(status, |account| value(account).into_iter().map(|value| (Vec::new(), value)).collect())
}

/// One sample for each account and word.
fn words(
    status: &Status,
    label: &'static str,
    counts: impl Fn(&AccountStatus) -> Vec<(String, u64)>,
) -> Samples {
    labelled(status, |account| {
        let counts = counts(account).into_iter();
        counts.map(|(word, count)| (vec![(label, word)], number(count))).collect()
    })
}

/// The samples of each account, with its name before their own labels.
fn labelled(status: &Status, samples: impl Fn(&AccountStatus) -> Samples) -> Samples {
    // A removed or renamed account stays in the log for ever, and must not trigger alerts.
    let accounts = status.accounts.iter().filter(|(_, account)| account.configured);
    let named = accounts.flat_map(|(name, account)| {
        let with_name = |(labels, value): (Labels, f64)| {
            (std::iter::once(("account", name.clone())).chain(labels).collect(), value)
        };
        samples(account).into_iter().map(with_name).collect::<Samples>()
    });
    named.collect()
}

fn folded(account: &AccountStatus) -> Option<&FoldedStatus> {
    account.folded.as_ref()
}

fn live(account: &AccountStatus) -> Option<&Live> {
    account.live.as_ref()
}

fn webhooks(account: &AccountStatus) -> Option<&CountersNow> {
    live(account)?.webhooks.as_ref()
}

fn writer(account: &AccountStatus) -> Option<&WriterStatus> {
    live(account)?.writer.as_ref()
}

fn reader(account: &AccountStatus) -> Option<&ReaderStatus> {
    live(account)?.reader.as_ref()
}

fn plain(value: f64) -> Option<(Labels, f64)> {
    Some((Vec::new(), value))
}

fn flag(is: bool) -> f64 {
    f64::from(u8::from(is))
}

fn count(count: usize) -> f64 {
    number(u64::try_from(count).unwrap_or(u64::MAX))
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53, which no number here comes to")]
fn number(number: u64) -> f64 {
    number as f64
}

fn seconds(ms: u64) -> f64 {
    number(ms) / 1_000.0
}
