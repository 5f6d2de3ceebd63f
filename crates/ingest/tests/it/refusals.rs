//! What is refused: the status, a clear body, nothing stored.

use calltrail_ingest::limits::{BODY_BYTES_MAX, DISCARDED_BYTES_MAX};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;

use crate::site::{Answer, EVENT, answer, front_headers, gzip, read_all, request, site};

fn check(answer: &Answer, status: u16, error: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    let body: Value = serde_json::from_str(&answer.body).expect("refusals are JSON");
    assert_eq!(body["error"], error);
    assert!(body["message"].as_str().is_some_and(|message| message.len() > 10), "{}", answer.body);
    assert!(!answer.body.contains("canary"), "{}", answer.body);
}

#[tokio::test]
async fn each_bad_webhook_of_aircall_gets_its_status_and_nothing_is_stored() {
    let (site, log) = site().await;
    let nested = format!(r#"{{"event":"x","token":"good","canary":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    for (body, status, error) in [
        (EVENT.replace("good", "canary"), 401, "unauthenticated"),
        (EVENT.replace("token", "canary"), 401, "unauthenticated"),
        ("canary".to_owned(), 400, "malformed"),
        (String::new(), 400, "malformed"),
        ("[\"canary\"]".to_owned(), 400, "malformed"),
        (r#"{"token":"good"}"#.to_owned(), 400, "malformed"),
        (r#"{"event":"x","token":"good","token":"canary"}"#.to_owned(), 401, "unauthenticated"),
        ("{\"event\":\"x\",\"token\":\"good\",\"a\":\"canary\0\"}".to_owned(), 400, "malformed"),
        (nested, 400, "malformed"),
        ("{".repeat(100_000), 400, "malformed"),
    ] {
        check(&site.post("/webhooks/acme/aircall", &[], &body).await, status, error);
    }
    assert!(log.is_empty().await);
}

#[tokio::test]
async fn each_bad_webhook_of_front_gets_its_status_and_nothing_is_stored() {
    let (site, log) = site().await;
    let nested = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for (headers, body, status, error) in [
        (vec![], "{}", 401, "unauthenticated"),
        (front_headers("canary"), "{}", 401, "unauthenticated"),
        (front_headers("canary"), "canary", 400, "malformed"),
        (front_headers(&nested), nested.as_str(), 400, "malformed"),
    ] {
        check(&site.post("/webhooks/acme/front", &headers, body).await, status, error);
    }
    assert!(log.is_empty().await);
}

#[tokio::test]
async fn an_account_without_signing_key_says_so_to_front() {
    let (site, log) = site().await;
    let answer = site.post("/webhooks/plain/front", &front_headers("{}"), "{}").await;
    check(&answer, 404, "no_signing_key");
    assert!(answer.body.contains("has no `account.front.signing_key`; set it"), "{}", answer.body);
    assert!(log.is_empty().await);
}

#[tokio::test]
async fn the_401_of_a_wrong_and_of_a_missing_token_are_the_same() {
    let (site, _log) = site().await;
    let wrong = site.post("/webhooks/acme/aircall", &[], &EVENT.replace("good", "wrong")).await;
    let missing = site.post("/webhooks/acme/aircall", &[], r#"{"event":"x"}"#).await;
    let unsigned = site.post("/webhooks/acme/front", &[], "{}").await;
    assert_eq!(wrong.body, missing.body);
    assert_eq!(wrong.body, unsigned.body);
}

#[tokio::test]
async fn an_unknown_account_or_address_is_404() {
    let (site, log) = site().await;
    for path in [
        "/webhooks/canary/aircall",
        "/webhooks/ACME/aircall",
        "/webhooks/%61cme/aircall",
        "/webhooks/canary/front",
    ] {
        check(&site.post(path, &[], EVENT).await, 404, "unknown_account");
    }
    for path in [
        "/",
        "/webhooks",
        "/webhooks/acme",
        "/webhooks/acme/aircall//",
        "/webhooks/acme//aircall",
        "/webhooks//aircall",
        "/webhooks/acme/canary",
    ] {
        check(&site.post(path, &[], EVENT).await, 404, "not_found");
    }
    assert!(log.is_empty().await);
}

#[tokio::test]
async fn other_methods_are_405_and_told_to_post() {
    let (site, log) = site().await;
    for method in ["GET", "PUT", "DELETE", "canary"] {
        let raw = format!("{method} /webhooks/acme/aircall HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let answer = answer(&site.exchange(raw.as_bytes()).await);
        check(&answer, 405, "method_not_allowed");
        assert!(answer.head.contains("allow: post"));
    }
    assert!(log.is_empty().await);
}

#[tokio::test]
async fn an_encoded_body_is_415() {
    let (site, log) = site().await;
    for coding in ["br", "deflate", "gzip, gzip", "br, gzip", "compress", "\u{e9}"] {
        let headers = [("content-encoding", coding.to_owned())];
        check(&site.post("/webhooks/acme/aircall", &headers, EVENT).await, 415, "unsupported_encoding");
    }
    assert!(log.is_empty().await);
    let identity = [("content-encoding", "Identity".to_owned())];
    assert_eq!(site.post("/webhooks/acme/aircall", &identity, EVENT).await.status, 200);
}

#[tokio::test]
async fn bodies_that_are_not_gzip_as_they_say_are_malformed() {
    let (site, log) = site().await;
    let headers = [("content-encoding", "gzip".to_owned())];
    let packed = gzip(EVENT.as_bytes());
    let cut = &packed[..packed.len() - 9];
    for body in [EVENT.as_bytes(), b"", cut] {
        check(&site.post_bytes("/webhooks/acme/aircall", &headers, body).await, 400, "malformed");
    }
    assert!(log.is_empty().await);
}

#[tokio::test]
async fn small_body_that_unpacks_to_too_much_is_413() {
    let (site, log) = site().await;
    let headers = [("content-encoding", "gzip".to_owned())];
    let bomb = gzip(&vec![b' '; 64 * BODY_BYTES_MAX]);
    assert!(bomb.len() < BODY_BYTES_MAX / 2);
    check(&site.post_bytes("/webhooks/acme/aircall", &headers, &bomb).await, 413, "too_large");
    let one_more = gzip(&vec![b' '; BODY_BYTES_MAX + 1]);
    check(&site.post_bytes("/webhooks/acme/aircall", &headers, &one_more).await, 413, "too_large");
    assert!(log.is_empty().await);
}

#[tokio::test]
async fn a_body_of_10_mb_is_413_whether_declared_or_streamed() {
    let (site, log) = site().await;
    let body = "canary".repeat(10 * 1024 * 1024 / 6);
    for path in ["/webhooks/acme/aircall", "/webhooks/nobody/aircall", "/webhooks/acme/front"] {
        check(&site.post(path, &[], &body).await, 413, "too_large");
        check(&answer(&site.exchange(&chunked(path, &body)).await), 413, "too_large");
    }
    assert!(log.is_empty().await);
}

#[tokio::test]
async fn one_byte_too_many_is_413() {
    let (site, log) = site().await;
    let body = "a".repeat(BODY_BYTES_MAX + 1);
    check(&site.post("/webhooks/acme/aircall", &[], &body).await, 413, "too_large");
    assert!(log.is_empty().await);
}

#[tokio::test]
async fn a_client_that_asks_first_is_refused_before_it_sends() {
    let (site, _log) = site().await;
    let head = format!(
        "POST /webhooks/acme/aircall HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        DISCARDED_BYTES_MAX * 100
    );
    check(&answer(&site.exchange(head.as_bytes()).await), 413, "too_large");
}

#[tokio::test]
async fn of_two_lengths_the_chunks_count_and_nothing_can_hide_behind_the_other() {
    let (site, log) = site().await;
    let raw = String::from_utf8(chunked("/webhooks/acme/aircall", EVENT)).unwrap();
    for length in [0, 10, raw.len() + 1000] {
        let both = raw.replacen("\r\n", &format!("\r\ncontent-length: {length}\r\n"), 1);
        let answers = site.exchange(both.as_bytes()).await;
        assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "{answers}");
        assert_eq!(answer(&answers).status, 200);
    }
    assert_eq!(log.records().await.len(), 3);
}

#[tokio::test]
async fn a_body_that_ends_early_stores_nothing() {
    let (site, log) = site().await;
    let whole = request("/webhooks/acme/aircall", &[], EVENT);
    let mut stream = site.connect().await;
    stream.write_all(&whole[..whole.len() - 1]).await.unwrap();
    stream.shutdown().await.unwrap();
    read_all(&mut stream).await;
    assert!(log.is_empty().await);
}

fn chunked(path: &str, body: &str) -> Vec<u8> {
    let mut raw =
        format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n");
    for piece in body.as_bytes().chunks(65_536) {
        let piece = std::str::from_utf8(piece).expect("the tests send ASCII");
        raw.push_str(&format!("{:x}\r\n{piece}\r\n", piece.len()));
    }
    raw.push_str("0\r\n\r\n");
    raw.into_bytes()
}
