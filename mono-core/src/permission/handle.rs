//! A permission named in code.

use super::hash;

/// A permission as code names it: a constant made by [`permission!`](crate::permission!).
///
/// It remembers where it was written, so that the start-up can point at a name that the catalogue does not have.
#[derive(Debug, Clone, Copy)]
pub struct Permission {
    name: &'static str,
    hash: u64,
    file: &'static str,
    line: u32,
}

impl Permission {
    /// Called by [`permission!`](crate::permission!), which checks the name first.
    #[doc(hidden)]
    pub const fn checked(name: &'static str, file: &'static str, line: u32) -> Self {
        Self { name, hash: hash::bytes(name.as_bytes()), file, line }
    }

    /// The name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The source file in which the constant was written.
    pub const fn file(&self) -> &'static str {
        self.file
    }

    /// The line in that file.
    pub const fn line(&self) -> u32 {
        self.line
    }

    pub(crate) const fn hash_value(&self) -> u64 {
        self.hash
    }
}

// Two constants of one name are one permission, wherever they were written.
impl PartialEq for Permission {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Permission {}

impl std::hash::Hash for Permission {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl std::fmt::Display for Permission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Names a permission; a malformed name does not compile.
///
/// ```
/// use mono_core::permission::Permission;
/// const CREATE: Permission = mono_core::permission!("tenant.accounts.create");
/// assert_eq!(CREATE.name(), "tenant.accounts.create");
/// ```
///
/// ```compile_fail
/// let _ = mono_core::permission!("tenant.accounts.*");
/// ```
#[macro_export]
macro_rules! permission {
    ($name:expr) => {{
        const NAME: &str = $name;
        // A named constant: `cargo check` looks at it too, at a `const` block only a full build does.
        const PERMISSION: $crate::permission::Permission = {
            assert!(
                $crate::permission::is_name(NAME),
                "a permission has two to four segments of a-z, 0-9, - and _, joined by dots"
            );
            $crate::permission::Permission::checked(NAME, file!(), line!())
        };
        PERMISSION
    }};
}
