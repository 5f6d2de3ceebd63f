//! A projection store that is lost or damaged: set aside, and filled again from the log.

use std::path::Path;

use crate::company::{Company, webhook};

/// Damages the store with `harm` between two runs; the calls must be there afterwards all the same.
async fn survives(harm: impl Fn(&Path)) {
    let company = Company::new();
    let handle = company.start();
    company.folded(&handle).await;
    for call in 1..=5 {
        company.append(webhook(call, "+447700900123", "call.hungup")).await;
    }
    company.folded(&handle).await;
    let before = handle.digest().await.expect("it runs");
    handle.stop().await.expect("it ends well");

    harm(&company.store());
    let handle = company.start();
    company.folded(&handle).await;
    assert_eq!(handle.digest().await.expect("it runs"), before);
    handle.stop().await.expect("it ends well");
}

#[tokio::test]
async fn a_missing_store_is_filled_again() {
    survives(|store| std::fs::remove_dir_all(store).expect("it was there")).await;
}

#[tokio::test]
async fn a_store_of_noise_is_set_aside() {
    survives(|store| {
        std::fs::write(store.join("db"), vec![0x5a; 4096]).expect("writable");
        std::fs::write(store.join("conf"), b"noise").expect("writable");
    })
    .await;
}

#[tokio::test]
async fn a_store_cut_short_is_set_aside_or_read_to_its_last_whole_write() {
    survives(|store| {
        let db = std::fs::OpenOptions::new().write(true).open(store.join("db")).expect("there");
        let length = db.metadata().expect("readable").len();
        db.set_len(length / 2).expect("writable");
    })
    .await;
}

#[tokio::test]
async fn a_store_whose_settings_were_cut_off_is_set_aside() {
    survives(|store| {
        let conf = std::fs::OpenOptions::new().write(true).open(store.join("conf")).expect("there");
        conf.set_len(2).expect("writable");
    })
    .await;
}

#[tokio::test]
async fn a_store_with_noise_in_its_middle_is_set_aside_wherever_the_noise_is() {
    for part in 1..8 {
        survives(|store| {
            let mut bytes = std::fs::read(store.join("db")).expect("there");
            let from = bytes.len() / 8 * part;
            let until = bytes.len().min(from + 4096);
            bytes[from..until].fill(0x5a);
            std::fs::write(store.join("db"), bytes).expect("writable");
        })
        .await;
    }
}

#[tokio::test]
async fn a_store_that_is_ahead_of_its_log_is_set_aside() {
    let ahead = Company::new();
    let handle = ahead.start();
    ahead.folded(&handle).await;
    for call in 1..=5 {
        ahead.append(webhook(call, "+447700900123", "call.hungup")).await;
    }
    ahead.folded(&handle).await;
    handle.stop().await.expect("it ends well");

    let company = Company::new();
    std::fs::rename(ahead.store(), company.store()).expect("same disk");
    let handle = company.start();
    company.folded(&handle).await;
    company.append(webhook(9, "+447700900123", "call.hungup")).await;
    company.folded(&handle).await;
    let pieces = handle.digest().await.expect("it runs").pieces;
    let calls: Vec<_> =
        pieces.keys().filter(|(_, key)| key.starts_with("call/")).map(|(_, key)| key.clone()).collect();
    assert_eq!(calls, ["call/9"]);
    handle.stop().await.expect("it ends well");
}
