//! Several writers, and a limit that they and others share.

use std::time::Duration;

use calltrail_event_log::ports::Class;

use super::site::{OTHERS_PATH, Site};

/// Two requests each. With those of the last minute more than the limit, without them less.
const LIVE: u64 = 8;
const BULK: u64 = 6;

#[tokio::test(flavor = "multi_thread")]
async fn writers_alone_use_the_whole_limit_and_earn_no_429() {
    // Two thirds of the limit are used up and come back one by one, 4 to 14 seconds from now.
    let site = Site::new(30, (0..20).map(|nth| 56_000 - nth * 500), "/teammates").await;
    site.remember().await;
    for call in 1..=BULK {
        site.publish(100 + call, Class::Bulk).await;
    }
    for call in 1..=LIVE {
        site.publish(call, Class::Live).await;
    }
    site.work(3, LIVE + BULK).await;
    assert_eq!(site.refused(), 0);
    assert!(site.most_in_a_minute() <= 30, "{} in a minute", site.most_in_a_minute());

    let calls = imported(&site);
    assert_eq!(calls.len() as u64, LIVE + BULK);
    let last_live = calls.iter().rposition(|call| *call <= LIVE).expect("live calls are imported");
    let early = last_live as u64 + 1 - LIVE;
    assert!(early <= BULK / 2, "{early} bulk calls were imported before the last live one: {calls:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_client_uses_is_waited_for() {
    const LIMIT: u32 = 20;
    const CALLS: u64 = 7;
    // Half of the limit is used by somebody of whom the budget knows nothing, and who goes on.
    let site = Site::new(LIMIT, (0..10).map(|nth| 56_000 - nth * 1_000), OTHERS_PATH).await;
    for call in 1..=CALLS {
        site.publish(call, Class::Live).await;
    }
    let others = async {
        let token = site.front.front(|front| front.token().to_owned());
        let client = reqwest::Client::new();
        loop {
            tokio::time::sleep(Duration::from_secs(6)).await;
            let request = client.get(format!("{}{OTHERS_PATH}", site.front.base_url()));
            request.bearer_auth(&token).send().await.expect("it answers");
        }
    };
    tokio::select! {
        () = site.work(2, CALLS) => {}
        () = others => {}
    }
    assert_eq!(imported(&site).len() as u64, CALLS);
    assert!(site.most_in_a_minute() <= LIMIT as usize);
    // Three of the four workers may have had a request on its way when the fourth took the last.
    assert!(site.refused() <= 3, "{} requests were refused", site.refused());
}

/// The calls that Front has, in the order in which their imports came.
fn imported(site: &Site) -> Vec<u64> {
    let imports = site.front.front(|front| front.ledger().imports);
    let call = |id: &str| id.split(':').nth(2).and_then(|call| call.parse().ok());
    imports.iter().filter_map(|import| call(&import.external_id)).collect()
}
