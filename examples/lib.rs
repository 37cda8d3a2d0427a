//! Programs that show mono at work. The documentation of `docs/` stands here to be tested: its Rust blocks run.

pub mod authentication {
    //! How an application uses authentication by itself.
    #[path = "app.rs"]
    pub mod app;
    #[path = "program.rs"]
    pub mod program;
}
#[path = "marina-crm/mod.rs"]
pub mod marina_crm;

macro_rules! documents {
    ($($name:ident: $file:literal;)*) => {$(
        #[doc = include_str!(concat!("../docs/", $file))]
        #[cfg(doctest)]
        mod $name {}
    )*};
}

documents! {
    architecture: "architecture.md";
    audit: "audit.md";
    cache: "cache.md";
    client: "client.md";
    concepts: "concepts.md";
    events: "events.md";
    isolation: "isolation.md";
    own_tables: "own-tables.md";
    permissions: "permissions.md";
    seed: "seed.md";
    subscriptions: "subscriptions.md";
}
