//! What an operation says of itself beside its signature.

use super::describe::Describe;
use mono_core::ErrorKind;
use mono_core::permission::Permission;
use schemars::JsonSchema;
use serde_json::Value;

/// What is said of an operation where it is routed.
pub(crate) struct About {
    pub(super) summary: String,
    pub(super) description: String,
    pub(super) permissions: Vec<Vec<Permission>>,
    pub(super) example: Option<Value>,
    pub(super) answers: Vec<fn(&mut Describe<'_>)>,
    pub(super) texts: &'static [&'static str],
    pub(super) failures: Vec<ErrorKind>,
    pub(super) compares_version: bool,
}

/// Begins with a summary: what the operation does, in a few words.
pub(crate) fn about(summary: impl Into<String>) -> About {
    About {
        summary: summary.into(),
        description: String::new(),
        permissions: Vec::new(),
        example: None,
        answers: Vec::new(),
        texts: &[],
        failures: Vec::new(),
        compares_version: false,
    }
}

impl About {
    /// What else a caller should know, in Markdown.
    pub(crate) fn says(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// A permission that the operation asks for.
    pub(crate) fn needs(self, permission: Permission) -> Self {
        self.needs_one_of(&[permission])
    }

    /// Permissions of which one is enough.
    pub(crate) fn needs_one_of(mut self, permissions: &[Permission]) -> Self {
        self.permissions.push(permissions.to_vec());
        self
    }

    /// A body that can be sent.
    pub(crate) fn example(mut self, body: Value) -> Self {
        self.example = Some(body);
        self
    }

    /// Data that it answers with in the envelope, where its signature does not tell. Called again, for other data.
    pub(crate) fn answers<const STATUS: u16, T: JsonSchema>(mut self) -> Self {
        self.answers.push(|operation| operation.answer::<T>(STATUS));
        self
    }

    /// Text that it answers with, without the envelope.
    pub(crate) fn answers_text(mut self, media_types: &'static [&'static str]) -> Self {
        self.texts = media_types;
        self
    }

    /// A kind of failure that its signature does not tell of.
    pub(crate) fn fails(mut self, kind: ErrorKind) -> Self {
        self.failures.push(kind);
        self
    }

    /// It changes one thing that counts its versions, and refuses where the request expects another one (`If-Match`).
    pub(crate) const fn compares_version(mut self) -> Self {
        self.compares_version = true;
        self
    }
}
