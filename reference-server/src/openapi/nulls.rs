//! Fields that may be left out, and are never `null`.

use serde_json::Value;

/// Marks a field that `null` removes (RFC 7396).
const NULLABLE: &str = "x-nullable";

/// Takes `null` from the fields that the server never sends as such: `sent` is the schema of the same type as the
/// server sends it, in which such a field is not required. Without it nothing is sent, as in a query.
///
/// serde reads `null` as "left out" for every optional field. One way to say so is enough; where the two differ, the
/// field is marked.
pub(super) fn forbid(schema: &mut Value, sent: Option<&Value>) {
    if let Value::Array(list) = schema {
        for (i, inner) in list.iter_mut().enumerate() {
            forbid(inner, sent.and_then(|sent| sent.get(i)));
        }
    }
    let Value::Object(object) = schema else { return };
    for (key, inner) in object {
        let inner_sent = sent.and_then(|sent| sent.get(key));
        forbid(inner, inner_sent);
        let Value::Object(fields) = inner else { continue };
        if key != "properties" {
            continue;
        }
        let always_sent = |name: &str| {
            let required = sent.and_then(|sent| sent.get("required")?.as_array());
            required.is_some_and(|names| names.iter().any(|other| other == name))
        };
        for (name, field) in fields {
            let marked = field.as_object_mut().and_then(|field| field.remove(NULLABLE)).is_some();
            if !marked && !always_sent(name) {
                take_null(field);
            }
        }
    }
}

fn take_null(field: &mut Value) {
    let Value::Object(object) = field else { return };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [one] = types.as_mut_slice() {
            let one = one.take();
            object.insert("type".to_owned(), one);
        }
    }
    if object.get("default").is_some_and(Value::is_null) {
        object.remove("default");
    }
    if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
        if let [Value::Object(one)] = choices.as_mut_slice() {
            let one = std::mem::take(one);
            object.remove("anyOf");
            object.extend(one);
        }
    }
}
