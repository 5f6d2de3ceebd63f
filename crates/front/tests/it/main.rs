//! What goes over the wire to Front, what its answers mean, and the client over a loopback connection.

mod answers;
mod client;
mod comments;
mod wire;
