//! Reads the world and never changes anything. What AWS, reqwest or a socket say ends here: out of
//! this room come only the core's own words.

pub mod probe;
