//! mono
fn main() {}
