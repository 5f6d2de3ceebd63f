//! The outbox against a model of it: any order of publishing, claiming, releasing, finishing and restarting.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use calltrail_event_log::embedded::{Embedded, Options};
use calltrail_event_log::ports::{Claim, Class, NewItem, Outbox};
use proptest::prelude::{Strategy, prop_oneof, proptest};
use proptest::prop_assert_eq;
use proptest::test_runner::{Config, TestCaseError};

const FOREVER: Duration = Duration::from_secs(86_400);

#[derive(Debug, Clone, Copy)]
enum Step {
    Publish(u8),
    Claim,
    Done(usize),
    Release(usize),
    Delay(usize),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..6_u8).prop_map(Step::Publish),
        6 => proptest::strategy::Just(Step::Claim),
        3 => (0..4_usize).prop_map(Step::Done),
        2 => (0..4_usize).prop_map(Step::Release),
        1 => (0..4_usize).prop_map(Step::Delay),
        1 => proptest::strategy::Just(Step::Restart),
    ]
}

/// What the outbox should hold: the published ids in order, and which of them can be claimed.
#[derive(Debug, Default)]
struct Model {
    order: Vec<String>,
    claimable: BTreeSet<String>,
}

impl Model {
    fn publish(&mut self, id: &str) {
        if !self.order.iter().any(|held| held == id) {
            self.order.push(id.to_owned());
            self.claimable.insert(id.to_owned());
        }
    }

    fn claim(&mut self) -> Option<String> {
        let next = self.order.iter().find(|id| self.claimable.contains(*id)).cloned()?;
        self.claimable.remove(&next);
        Some(next)
    }

    fn done(&mut self, id: &str) {
        self.order.retain(|held| held != id);
    }

    fn restart(&mut self) {
        self.claimable = self.order.iter().cloned().collect();
    }
}

proptest! {
    #![proptest_config(Config { cases: 48, ..Config::default() })]

    #[test]
    fn the_outbox_does_what_its_model_does(steps in proptest::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(run(&steps))?;
    }
}

async fn run(steps: &[Step]) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("log.redb");
    let open =
        || Embedded::open(&path, &Options { ack_wait: FOREVER, ..Options::default() }).expect("it opens");
    let (mut store, mut model, mut claims) = (open(), Model::default(), Vec::<Box<dyn Claim>>::new());
    for step in steps {
        match *step {
            Step::Publish(id) => {
                let id = format!("item-{id}");
                model.publish(&id);
                store.publish(item(id)).await.expect("published");
            }
            Step::Claim => {
                let claim = store.claim("acme", Class::Live, Duration::ZERO).await.expect("claiming works");
                prop_assert_eq!(claim.as_ref().map(|claim| claim.id().to_owned()), model.claim());
                claims.extend(claim);
            }
            Step::Restart => {
                claims.clear();
                store.close().await;
                store = open();
                model.restart();
            }
            Step::Done(which) | Step::Release(which) | Step::Delay(which) if which >= claims.len() => {}
            Step::Done(which) => {
                model.done(claims[which].id());
                claims.remove(which).done().await.expect("done");
            }
            Step::Release(which) => {
                model.claimable.insert(claims[which].id().to_owned());
                claims.remove(which).release(Duration::ZERO).await.expect("released");
            }
            Step::Delay(which) => claims.remove(which).release(FOREVER).await.expect("released"),
        }
    }
    let held = store.stats().await.expect("the store is open").outbox.first().map_or(0, |lane| lane.items);
    prop_assert_eq!(held, model.order.len());
    Ok(())
}

fn item(id: String) -> NewItem {
    NewItem { account: "acme".to_owned(), class: Class::Live, id, body: Bytes::from_static(b"item") }
}
