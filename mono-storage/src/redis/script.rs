//! Scripts, which Redis runs as a whole.

use redis::Cmd;
use std::sync::OnceLock;

/// A script in Lua. All keys that it touches are handed in, and have one hash tag, so that a cluster can run it.
pub(crate) struct Script {
    text: &'static str,
    hash: OnceLock<String>,
}

impl Script {
    pub(crate) const fn new(text: &'static str) -> Self {
        Self { text, hash: OnceLock::new() }
    }

    /// The call by hash: the text travels only where the server does not know it.
    pub(super) fn by_hash(&self, call: &Call<'_>) -> Cmd {
        let hash = self.hash.get_or_init(|| redis::Script::new(self.text).get_hash().to_owned());
        call.command("EVALSHA", hash)
    }

    /// The call by text, which also makes the server know the script.
    pub(super) fn by_text(&self, call: &Call<'_>) -> Cmd {
        call.command("EVAL", self.text)
    }
}

/// What a script is called with.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    /// The keys, `KEYS` of the script.
    pub(crate) keys: &'a [&'a str],
    /// The arguments, `ARGV` of the script.
    pub(crate) arguments: &'a [&'a [u8]],
}

impl Call<'_> {
    fn command(&self, verb: &str, script: &str) -> Cmd {
        let mut command = redis::cmd(verb);
        command.arg(script).arg(self.keys.len()).arg(self.keys).arg(self.arguments);
        command
    }
}
