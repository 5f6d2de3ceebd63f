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
const NUMBERS: [&str; 8] = ["+447", "+441", "%2B44", "7700 9", "7700%209", "4477009", "44163296", "7700900"];
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

/// Fails when something was printed that acts on a terminal, or that no reader sees.
pub(super) fn check_is_readable(printed: &str) {
    let is_hidden = |c: char| {
        matches!(
            c,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
        )
    };
    let is_unsafe = |c: char| c.is_control() && !matches!(c, '\n' | '\t') || is_hidden(c);
    let line = printed.lines().find(|line| line.contains(is_unsafe));
    assert!(line.is_none(), "a sign that no reader sees is printed: {line:?}");
}

#[test]
fn a_number_in_a_log_line_is_found() {
    let leaks = |said: &str| std::panic::catch_unwind(|| check_nothing_leaked(said)).is_err();
    assert!(leaks("fine\n{\"message\":\"import of +447700900001 refused\"}"));
    assert!(leaks("GET /contacts/alt:phone:%2B447700900001"));
    assert!(leaks("thread 'main' panicked at src/main.rs"));
    assert!(!leaks("{\"message\":\"calltrail is up\",\"webhooks_at\":\"127.0.0.1:44161\"}"));
}

#[test]
fn a_sign_that_acts_on_a_terminal_is_found() {
    let fails = |said: &str| std::panic::catch_unwind(|| check_is_readable(said)).is_err();
    for sign in ['\u{1b}', '\r', '\u{7f}', '\u{9b}', '\u{202e}', '\u{200b}', '\u{feff}'] {
        assert!(fails(&format!("fine\nnot {sign}fine\n")), "{sign:?}");
    }
    assert!(!fails("fine\n\tZoë · 田中\n"));
}
