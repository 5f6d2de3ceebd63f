//! The configurations of `deploy/`: what is deployed is what is read.

use std::path::Path;

use calltrail::config::{Backend, Config, Environment, load};

/// The secrets that the deployed files take from files which are elsewhere.
const SECRETS: [(&str, &str); 6] = [
    ("CALLTRAIL__LOG__JETSTREAM__NKEY_SEED", "SUAG6ZRAMEQHIZLTOQWCAYLOMQQG6ZRANZXXI2DJNZTSAZLMONSS4LRM3A"),
    ("CALLTRAIL__ACCOUNT__0__AIRCALL__WEBHOOK_TOKENS", "webhook-token"),
    ("CALLTRAIL__ACCOUNT__0__AIRCALL__API_ID", "api-id"),
    ("CALLTRAIL__ACCOUNT__0__AIRCALL__API_TOKEN", "api-token"),
    ("CALLTRAIL__ACCOUNT__0__FRONT__API_TOKEN", "front-token"),
    ("CALLTRAIL__ACCOUNT__0__FRONT__SIGNING_KEY", "signing-key"),
];

#[test]
fn what_is_deployed_is_read() {
    for site in ["compose", "kubernetes"] {
        let config = deployed(site);
        assert_eq!(config.log.backend, Backend::JetStream, "{site}");
        assert_eq!((config.log.jetstream.replicas, config.log.jetstream.manage), (3, false), "{site}");
        assert_eq!(config.log.path, Path::new("/var/lib/calltrail"), "{site}");
        assert_eq!(config.http.listen.to_string(), "0.0.0.0:8080", "{site}");
        assert_eq!(config.http.operator_listen.to_string(), "0.0.0.0:8081", "{site}");
    }
}

fn deployed(site: &str) -> Config {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../deploy/{site}/calltrail.toml"));
    load(&path, &Environment::from_pairs(SECRETS)).unwrap_or_else(|error| panic!("{site}: {error}"))
}
