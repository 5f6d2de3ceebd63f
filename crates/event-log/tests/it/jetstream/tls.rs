//! Connections by TLS, with certificates on both sides.

use std::fs;
use std::path::{Path, PathBuf};

use calltrail_event_log::jetstream::permissions::Role;
use calltrail_event_log::jetstream::{ConnectError, JetStream, Options, Tls};
use calltrail_event_log::testing::NatsServer;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// A folder with an authority, and the certificates of a server and a client that it signed.
struct Certificates(tempfile::TempDir);

impl Certificates {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut authority = CertificateParams::new(Vec::new()).expect("an authority");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate().expect("a key");
        let certificate = authority.self_signed(&authority_key).expect("it signs itself");
        fs::write(folder.path().join("ca.pem"), certificate.pem()).expect("it is written");
        let issuer = Issuer::new(authority, authority_key);
        for name in ["server", "client"] {
            let key = KeyPair::generate().expect("a key");
            let names = vec!["127.0.0.1".to_owned()];
            let signed = CertificateParams::new(names).expect("a request").signed_by(&key, &issuer);
            let pem = signed.expect("the authority signs").pem();
            fs::write(folder.path().join(format!("{name}.pem")), pem).expect("it is written");
            fs::write(folder.path().join(format!("{name}.key")), key.serialize_pem()).expect("it is written");
        }
        Self(folder)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

fn tls_block(certificates: &Certificates) -> String {
    let quoted = |name: &str| format!("{:?}", Path::new(&certificates.file(name)));
    format!(
        "tls {{ cert_file: {}, key_file: {}, ca_file: {}, verify: true }}",
        quoted("server.pem"),
        quoted("server.key"),
        quoted("ca.pem")
    )
}

async fn connect(server: &NatsServer, tls: Tls) -> Result<JetStream, ConnectError> {
    let options = Options { urls: vec![server.url()], role: Role::Operator, nkey_seed: None, tls };
    JetStream::connect(&options).await
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_know_each_other_by_certificates_or_there_is_no_connection() {
    let certificates = Certificates::new();
    let server = NatsServer::with(&tls_block(&certificates));
    let whole = Tls {
        ca_file: Some(certificates.file("ca.pem")),
        cert_file: Some(certificates.file("client.pem")),
        key_file: Some(certificates.file("client.key")),
    };
    connect(&server, whole.clone()).await.expect("both know each other");
    let unknown_server = Tls { ca_file: None, ..whole.clone() };
    connect(&server, unknown_server).await.expect_err("the server's authority is not known");
    let unknown_client = Tls { cert_file: None, key_file: None, ..whole.clone() };
    connect(&server, unknown_client).await.expect_err("the server asks for a certificate");
    let strangers = Certificates::new();
    let other_authority = Tls { ca_file: Some(strangers.file("ca.pem")), ..whole };
    connect(&server, other_authority).await.expect_err("another authority signed the server's certificate");
}
