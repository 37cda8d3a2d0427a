//! What is told of something that happened: each kind of event is a type.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// What is to be known about something that happened. The type says of what kind it is, so that nobody writes the name of one
/// kind over what belongs to another.
///
/// It is kept for seven days, and read by servers of the version before and after: a field that is added later has a default
/// for serde, and none goes or changes its meaning.
///
/// ```
/// use mono_core::event::EventPayload;
/// use serde::{Deserialize, Serialize};
///
/// /// Somebody took a berth.
/// #[derive(Serialize, Deserialize)]
/// struct BerthTaken {
///     berth: String,
///     nights: u32,
/// }
///
/// impl EventPayload for BerthTaken {
///     const KIND: &str = "berth.taken";
/// }
/// ```
pub trait EventPayload: Serialize + DeserializeOwned {
    /// The name of the kind, `noun.what_happened`. It is stored beside the payload, and never changes.
    const KIND: &'static str;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Problem;
    use crate::id::AccountId;
    use crate::model::mail::{MailKind, TemplateBroken};
    use crate::subscription::{LimitEvent, Threshold};
    use crate::text::Locale;
    use crate::time::Timestamp;
    use serde_json::{Value, json};

    fn is_written<E: EventPayload + PartialEq + std::fmt::Debug>(event: &E, kind: &str, text: Value) {
        assert_eq!(E::KIND, kind);
        assert_eq!(serde_json::to_value(event).unwrap(), text);
        assert_eq!(serde_json::from_value::<E>(text).unwrap(), *event);
    }

    #[test]
    fn the_events_of_mono_stay_as_they_are_written() {
        let id = AccountId::from_u128(1);
        let mut event = LimitEvent {
            limit: "members".to_owned(),
            account: None,
            threshold: Threshold::NearlyFull,
            used: 8,
            maximum: 10,
            window_start: Timestamp::UNIX_EPOCH,
        };
        let mut text = json!({
            "limit": "members", "account": null, "threshold": "nearly_full", "used": 8, "maximum": 10,
            "windowStart": "1970-01-01T00:00:00Z",
        });
        is_written(&event, "limit.threshold_reached", text.clone());
        (event.account, text["account"]) = (Some(id), json!(id));
        is_written(&event, "limit.threshold_reached", text);

        let event = TemplateBroken {
            kind: MailKind::ResetPassword,
            locale: Locale::parse("de").unwrap(),
            problems: vec![Problem::new("html", "broken", "line 2: x")],
        };
        let problem = json!({"field": "html", "code": "broken", "message": "line 2: x"});
        let text = json!({"kind": "reset_password", "locale": "de", "problems": [problem]});
        is_written(&event, "mail.template_broken", text);
    }
}
