//! The lines and agents of the simulated Aircall company, with made-up values.

/// The token that every body carries.
pub const WEBHOOK_TOKEN: &str = "fixture-token";

/// A number of the company.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Aircall's number id.
    pub id: i64,
    /// Its name.
    pub name: &'static str,
    /// Its digits in display form, with spaces.
    pub digits: &'static str,
    /// ISO country code.
    pub country: &'static str,
    /// IANA time zone.
    pub time_zone: &'static str,
    /// Callers meet a menu first.
    pub is_ivr: bool,
}

/// A user of the company.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agent {
    /// Aircall's user id.
    pub id: i64,
    /// Full name.
    pub name: &'static str,
    /// The e-mail that Front knows too.
    pub email: &'static str,
}

/// The company's lines.
pub const LINES: [Line; 4] = [
    Line {
        id: 41065,
        name: "Support line",
        digits: "+44 1632 960001",
        country: "AT",
        time_zone: "Europe/Vienna",
        is_ivr: false,
    },
    Line {
        id: 41026,
        name: "Billing line",
        digits: "+44 1632 960002",
        country: "GB",
        time_zone: "Europe/London",
        is_ivr: false,
    },
    Line {
        id: 41078,
        name: "Menu line",
        digits: "+44 1632 960003",
        country: "GB",
        time_zone: "Europe/Berlin",
        is_ivr: true,
    },
    Line {
        id: 41117,
        name: "Sales line",
        digits: "+44 1632 960005",
        country: "NL",
        time_zone: "Europe/Amsterdam",
        is_ivr: false,
    },
];

/// The company's agents; the default Front company has a teammate with each e-mail.
pub const AGENTS: [Agent; 3] = [
    Agent { id: 41000, name: "Noor Haddad", email: "noor.haddad@example.com" },
    Agent { id: 41052, name: "Iris Lindqvist", email: "iris.lindqvist@example.com" },
    Agent { id: 41312, name: "Pavel Novak", email: "pavel.novak@example.com" },
];
