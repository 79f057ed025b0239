//! The program. Everything is in the library.

fn main() -> std::process::ExitCode {
    aos_host::cli::main()
}
