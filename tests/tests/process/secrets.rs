//! What no process may say where it logs: numbers, names and tokens.

/// Tokens of the tests, of the simulated Aircall and of the simulated Front.
const TOKENS: [&str; 7] = [
    "fixture-token",
    "aircall-webhook-token",
    "rotated-token",
    "aircall-api-token",
    "front-token",
    "front-signing-key",
    "canary",
];
/// The numbers of all parties and lines, as they are written, compared and put into addresses.
const NUMBERS: [&str; 7] = ["+447", "+441", "%2B44", "7700 9", "7700%209", "4477009", "44163296"];
/// The agents of the simulated Aircall.
const NAMES: [&str; 4] = ["Haddad", "Lindqvist", "Novak", "@example.com"];

/// Fails when a process that ended said a secret, or panicked.
pub(super) fn check_nothing_leaked(said: &str) {
    for secret in TOKENS.iter().chain(&NUMBERS).chain(&NAMES) {
        let line = said.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret:?} stands in a log line or error: {line:?}");
    }
    assert!(!said.contains("panicked at"), "a process panicked:\n{said}");
}

#[test]
fn a_number_in_a_log_line_is_found() {
    let leaks = |said: &str| std::panic::catch_unwind(|| check_nothing_leaked(said)).is_err();
    assert!(leaks("fine\n{\"message\":\"import of +447700900001 refused\"}"));
    assert!(leaks("GET /contacts/alt:phone:%2B447700900001"));
    assert!(leaks("thread 'main' panicked at src/main.rs"));
    assert!(!leaks("{\"message\":\"calltrail is up\",\"webhooks_at\":\"127.0.0.1:44161\"}"));
}
