//! How many requests a call takes, by case: what the rate of a plan is spent on.
//!
//! `just requests` prints the table, which `docs/MAPPING.md` shows.

use calltrail_simulator::front::Action;
use futures_util::future::join_all;

use crate::documented::check_block;
use crate::world::{
    CALLER, Given, NOOR, OTHER, Step, answered, call, given, inbound, person, requests_of, told,
};

/// A case: what is there before, the step that is counted, and what it is made of.
struct Case {
    name: &'static str,
    given: Given,
    before: Vec<Step>,
    step: Step,
    activities: usize,
    comments: usize,
    /// What comes besides: a look whether imports appeared, a read of the status, a reopening, a new contact.
    besides: &'static [(&'static str, usize)],
}

/// Runs of a case of which the one with the fewest requests counts.
const RUNS_MAX: usize = 5;
/// Imports of the item were seen in Front: one listing for all of them.
const SEEN: (&str, usize) = ("seen", 1);
/// The status was read before the decision.
const OBSERVED: (&str, usize) = ("observed", 1);
/// And the inboxes that the conversation is in.
const LOCATED: (&str, usize) = ("located", 1);
/// The read showed an archiving that was not known: the conversation's events say when it was.
const DATED: (&str, usize) = ("dated", 1);
/// The conversation was archived: a look whether the import opened it.
const REOPENED: (&str, usize) = ("reopened", 1);
/// The same where imports open nothing: who archived it when, and the opening itself.
const OPENED: (&str, usize) = ("opened by us", 2);
const LOOKED_UP: (&str, usize) = ("looked up", 1);
const CREATED: (&str, usize) = ("created", 1);

impl Case {
    fn expected(&self) -> usize {
        self.activities + self.comments + self.besides.iter().map(|(_, count)| count).sum::<usize>()
    }

    /// The requests of one run. On a busy machine an import is looked for once more before Front shows it, so what takes too
    /// many is run again, alone.
    async fn least_requests(&self, first: usize) -> usize {
        let mut least = first;
        for _ in 1..RUNS_MAX {
            if least <= self.expected() {
                break;
            }
            least = least.min(requests_of(self.given.clone(), &self.before, &self.step).await);
        }
        least
    }

    fn made_of(&self) -> String {
        let activities = if self.activities == 1 { "activity" } else { "activities" };
        let parts = [(activities, self.activities), ("comments", self.comments)];
        let counts = parts.iter().chain(self.besides).filter(|(_, count)| *count > 0);
        counts.map(|(word, count)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
    }
}

const UNTIL_ENDED: [&str; 4] = ["call.created", "call.answered", "call.hungup", "call.ended"];

fn case(
    name: &'static str,
    step: Step,
    parts: [usize; 2],
    besides: &'static [(&'static str, usize)],
) -> Case {
    let [activities, comments] = parts;
    // The agent is known from a call with somebody else.
    let before = vec![call(answered(90, OTHER, NOOR)), call(inbound(91, CALLER))];
    Case { name, given: given(), before, step, activities, comments, besides }
}

fn cases() -> Vec<Case> {
    let missed = || call(inbound(1, CALLER));
    let plain = || call(answered(1, CALLER, NOOR));
    let noted = || answered(1, CALLER, NOOR).recorded().commented("one", 200).commented("two", 210);
    let archived = |case: Case| {
        let mut before = case.before;
        before.push(person(Action::Archive));
        Case { before, ..case }
    };
    let unobserved = |case: Case| Case { given: case.given.without_front_webhooks(), ..case };
    let closed = |case: Case| Case { given: case.given.front(|front| front.import_reopens = false), ..case };
    let known = |case: Case| Case { before: vec![call(answered(90, OTHER, NOOR))], ..case };
    let after_the_call = |case: Case| {
        let mut before = case.before;
        before.push(told(noted(), &UNTIL_ENDED));
        Case { before, ..case }
    };
    let two_comments = told(noted(), &["call.commented"]);
    let voicemail = || call(inbound(1, CALLER).voicemail());
    vec![
        case("missed", missed(), [1, 0], &[SEEN]),
        case("answered", plain(), [2, 0], &[SEEN]),
        case("voicemail", voicemail(), [2, 0], &[SEEN]),
        case("answered, recorded, two comments", call(noted()), [3, 2], &[SEEN]),
        unobserved(case("answered, no Front webhooks", plain(), [2, 0], &[OBSERVED, LOCATED, SEEN])),
        archived(case("answered, archived before", plain(), [2, 0], &[SEEN, REOPENED])),
        archived(unobserved(case(
            "answered, archived before, no Front webhooks",
            plain(),
            [2, 0],
            &[OBSERVED, DATED, LOCATED, SEEN, REOPENED],
        ))),
        archived(closed(case("archived, imports open nothing", plain(), [2, 0], &[SEEN, REOPENED, OPENED]))),
        known(case("answered, somebody new", plain(), [2, 0], &[LOOKED_UP, CREATED, SEEN, SEEN])),
        after_the_call(case("two comments later", two_comments, [0, 2], &[])),
        archived(unobserved(case(
            "a voicemail later, archived, no Front webhooks",
            told(inbound(91, CALLER).ends(20).voicemail_told(900), &["call.voicemail_left"]),
            [1, 0],
            &[OBSERVED, DATED, LOCATED, SEEN],
        ))),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_takes_a_request_for_each_activity_and_comment_and_one_for_each_thing_besides() {
    let counted = cases().into_iter().map(|case| async move {
        let found = requests_of(case.given.clone(), &case.before, &case.step).await;
        (case, found)
    });
    let first = join_all(counted).await;
    let mut counted = Vec::new();
    for (case, found) in first {
        let least = case.least_requests(found).await;
        counted.push((case, least));
    }
    let mut table = format!("{:<48} {:>8}  made of", "case", "requests");
    for (case, found) in &counted {
        table.push_str(&format!("\n{:<48} {found:>8}  {}", case.name, case.made_of()));
    }
    println!("\n{table}");
    for (case, found) in counted {
        assert_eq!(found, case.expected(), "{}", case.name);
    }
    check_block("requests", &table);
}
