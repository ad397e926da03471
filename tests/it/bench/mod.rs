//! The bench: what stands around the program in a test. An AWS (`moto`, or `big` from memory), what
//! stands between (`proxy`, with the faults of `fault`), the nodes (`node`), the networks they live
//! in (`network`), and two ways to run the program (`cli`, `terminal`). Everything is on loopback.

pub mod big;
pub mod cli;
pub mod fault;
pub mod http;
pub mod moto;
pub mod network;
pub mod node;
pub mod proxy;
pub mod skip;
pub mod terminal;
