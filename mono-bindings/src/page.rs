//! Pages of lists.

/// Makes the record of a page of some model of the core.
macro_rules! page {
    ($(#[$doc:meta])* $name:ident of $item:ident, $model:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, uniffi::Record)]
        pub struct $name {
            /// What the page holds, in the order of the list.
            pub items: Vec<$item>,
            /// The number of this page, from 1.
            pub page: u32,
            /// How many items a page holds.
            pub limit: u32,
            /// How many items the whole list holds.
            pub total: u64,
            /// How many pages the whole list has.
            pub total_pages: u64,
        }

        impl From<mono_core::page::Page<$model>> for $name {
            fn from(page: mono_core::page::Page<$model>) -> Self {
                Self {
                    items: page.items.into_iter().map(Into::into).collect(),
                    page: page.pagination.page,
                    limit: page.pagination.limit,
                    total: page.pagination.total,
                    total_pages: page.pagination.total_pages,
                }
            }
        }
    };
}

pub(crate) use page;
