//! The interface as wit-bindgen makes it from `wit/`. The modules of this crate say the same in
//! Rust's words; come here for what they leave out, such as a time-out beyond every limit.
#![allow(missing_docs, unsafe_code, clippy::all, reason = "generated; the words are in wit/")]

wit_bindgen::generate!({
    path: "../../wit",
    world: "agent",
    pub_export_macro: true,
    export_macro_name: "export",
    default_bindings_module: "aos_guest::bindings",
});
