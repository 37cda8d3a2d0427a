//! Writes the foreign-language sources.
fn main() {
    uniffi::uniffi_bindgen_main()
}
