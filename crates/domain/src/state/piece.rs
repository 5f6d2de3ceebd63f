//! The kinds of pieces, and how they are stored: as JSON that does not name its kind, since its key does.

use std::collections::BTreeSet;

use serde::de::{DeserializeOwned, Error as _};

use super::{Account, Erased, Strays};
use crate::call::Call;
use crate::ids::PartyId;
use crate::party::{Number, Party, PartyEntry};
use crate::policy::Policy;
use crate::timer::Timer;

/// One piece of state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Account(Account),
    Policy(Box<Policy>),
    Strays(Strays),
    Party(PartyEntry),
    Call(Box<Call>),
    /// The parties whose calls go, or went, into a conversation.
    Conversation(BTreeSet<PartyId>),
    /// The party that is a contact.
    Contact(PartyId),
    /// What is known of one number.
    Number(Number),
    Timer(Timer),
    Erased(Erased),
}

impl Piece {
    /// The party that this is; `None` for one that was joined into another, and for other pieces.
    #[must_use]
    pub fn party(&self) -> Option<&Party> {
        match self {
            Self::Party(PartyEntry::Party(party)) => Some(party),
            _ => None,
        }
    }

    /// The call that this is; `None` for other pieces.
    #[must_use]
    pub fn call(&self) -> Option<&Call> {
        match self {
            Self::Call(call) => Some(call),
            _ => None,
        }
    }

    /// The timer that this is; `None` for other pieces.
    #[must_use]
    pub fn timer(&self) -> Option<&Timer> {
        Timer::of(self)
    }

    /// The bytes to store.
    ///
    /// # Panics
    /// Never: every field of a piece has a JSON form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let encoded = match self {
            Self::Account(account) => serde_json::to_vec(account),
            Self::Policy(policy) => serde_json::to_vec(policy),
            Self::Strays(strays) => serde_json::to_vec(strays),
            Self::Party(party) => serde_json::to_vec(party),
            Self::Call(call) => serde_json::to_vec(call),
            Self::Conversation(parties) => serde_json::to_vec(parties),
            Self::Contact(party) => serde_json::to_vec(party),
            Self::Number(number) => serde_json::to_vec(number),
            Self::Timer(timer) => serde_json::to_vec(timer),
            Self::Erased(erased) => serde_json::to_vec(erased),
        };
        #[expect(clippy::expect_used, reason = "pieces hold text, numbers and lists only")]
        encoded.expect("a piece has a JSON form")
    }

    /// As a part of a record.
    ///
    /// # Panics
    /// Never: a piece is stored as JSON.
    #[must_use]
    pub fn to_value(&self) -> serde_json::Value {
        #[expect(clippy::expect_used, reason = "what was just written as JSON is JSON")]
        serde_json::from_slice(&self.encode()).expect("a piece has a JSON form")
    }

    /// Reads a part of a record.
    pub fn of_value(key: &str, value: &serde_json::Value) -> Result<Self, serde_json::Error> {
        Self::decode(key, &serde_json::to_vec(value)?)
    }

    /// Reads what was stored under `key`.
    pub fn decode(key: &str, bytes: &[u8]) -> Result<Self, serde_json::Error> {
        match key.split('/').next().unwrap_or_default() {
            "account" => read::<Account>(bytes),
            "policy" => read::<Policy>(bytes),
            "strays" => read::<Strays>(bytes),
            "party" => read::<PartyEntry>(bytes),
            "call" => read::<Call>(bytes),
            "conversation" => read::<BTreeSet<PartyId>>(bytes),
            "contact" => read::<PartyId>(bytes),
            "number" => read::<Number>(bytes),
            "timer" => read::<Timer>(bytes),
            "erased" => read::<Erased>(bytes),
            _ => Err(serde_json::Error::custom("no piece has such a key")),
        }
    }
}

fn read<T: Stored + DeserializeOwned>(bytes: &[u8]) -> Result<Piece, serde_json::Error> {
    serde_json::from_slice::<T>(bytes).map(T::into)
}

/// What is stored as a piece of its own.
pub(crate) trait Stored: Clone + Into<Piece> {
    /// The piece as what it is; `None` when it is of another kind.
    fn of(piece: &Piece) -> Option<&Self>;
}

macro_rules! stored {
    ($($kind:ident: $stored:ty;)*) => {$(
        impl From<$stored> for Piece {
            fn from(stored: $stored) -> Self {
                Self::$kind(stored.into())
            }
        }

        impl Stored for $stored {
            fn of(piece: &Piece) -> Option<&Self> {
                match piece {
                    Piece::$kind(stored) => Some(stored),
                    _ => None,
                }
            }
        }
    )*};
}

stored! {
    Account: Account;
    Policy: Policy;
    Strays: Strays;
    Party: PartyEntry;
    Call: Call;
    Conversation: BTreeSet<PartyId>;
    Contact: PartyId;
    Number: Number;
    Timer: Timer;
    Erased: Erased;
}

#[cfg(test)]
mod tests {
    use super::{Account, Erased, Piece, Strays};
    use crate::ids::{CallId, PartyId};
    use crate::party::PartyEntry;
    use crate::time::Timestamp;
    use crate::timer::Timer;

    fn check(key: &str, piece: impl Into<Piece>, stored: &str) {
        let piece = piece.into();
        assert_eq!(String::from_utf8_lossy(&piece.encode()), stored);
        assert_eq!(Piece::decode(key, stored.as_bytes()).expect("readable"), piece);
    }

    #[test]
    fn a_piece_is_stored_as_what_it_is_without_its_kind() {
        let party = || PartyId::new("a1");
        let account =
            r#"{"party_key":null,"front_heard_at":null,"anonymous":null,"covered_through":0,"logged":{},"#;
        check("account", Account::default(), &format!(r#"{account}"left_out":{{}},"rejected":0}}"#));
        check("strays", Strays::default(), r#"{"events":[],"dropped_through":0}"#);
        check("party/b2", PartyEntry::JoinedInto(party()), r#"{"joined_into":"a1"}"#);
        check("conversation/cnv_1", std::collections::BTreeSet::from([party()]), r#"["a1"]"#);
        check("contact/crd_1", party(), r#""a1""#);
        let timer = Timer::CallEnd { call: CallId(812) };
        check("timer/000000000000001/812", timer, r#"{"awaited":"call_end","call":812}"#);
        check("erased/812", Erased { at: Timestamp::from_millis(7) }, r#"{"at":7}"#);
    }

    #[test]
    fn bytes_of_another_kind_are_no_piece_of_the_key() {
        for (key, bytes) in [("account", "[]"), ("call/1", "{"), ("contact/1", "7"), ("other/1", "{}")] {
            assert!(Piece::decode(key, bytes.as_bytes()).is_err(), "{key}");
        }
    }
}
