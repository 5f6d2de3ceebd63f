//! Front's webhooks: who sent them, and the echo that Front asks for.
