//! What JSON Schema says of text. These are regular expressions that JavaScript, Python and Rust read alike.

/// Control characters, as a part of a class.
macro_rules! control {
    () => {
        r"\x00-\x1f\x7f-\x9f"
    };
}
/// What reorders or hides text.
macro_rules! hidden {
    () => {
        r"\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff"
    };
}
/// A label of a domain in any script: of ASCII letters and digits only, with hyphens within.
macro_rules! label {
    () => {
        concat!(
            r"[^\s\x00-/:-@\[-`{-\x9f",
            hidden!(),
            r"]([^\s\x00-,./:-@\[-`{-\x9f",
            hidden!(),
            r"]{0,61}[^\s\x00-/:-@\[-`{-\x9f",
            hidden!(),
            "])?"
        )
    };
}

/// No control character.
pub(crate) const NO_CONTROL: &str = concat!("^[^", control!(), "]*$");
/// No control character, and something besides spaces.
pub(crate) const NOT_BLANK: &str =
    concat!("^[^", control!(), r"]*[^\s", control!(), "][^", control!(), "]*$");
/// As `NOT_BLANK`, and nothing that reorders or hides text.
pub(super) const NAME: &str = concat!(
    "^[^",
    control!(),
    hidden!(),
    r"]*[^\s",
    control!(),
    hidden!(),
    "][^",
    control!(),
    hidden!(),
    "]*$"
);
/// A local part, and a domain of two labels or more.
pub(super) const EMAIL: &str =
    concat!(r#"^[^\s@,;:<>()\[\]\\""#, control!(), hidden!(), "]{1,64}@", label!(), r"(\.", label!(), ")+$");
pub(super) const SLUG: &str = "^[a-z0-9]+(-[a-z0-9]+)*$";
pub(super) const LOCALE: &str = "^[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?$";
pub(super) const TIME_ZONE: &str = "^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z][A-Za-z0-9_+-]*){0,2}$";
/// The last label has a letter: an address in figures is no name.
pub(super) const DOMAIN: &str = concat!(
    r"^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+",
    r"([A-Za-z]|[0-9][0-9-]*[A-Za-z])([A-Za-z0-9-]*[A-Za-z0-9])?\.?$",
);
