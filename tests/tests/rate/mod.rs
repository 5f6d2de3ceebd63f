//! The company's limit of requests, with several writers on one budget, and with others who use it too.

mod replicas;
mod shared;
mod site;
