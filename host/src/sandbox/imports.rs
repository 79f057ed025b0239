//! The closed list of what a component may import, by name. Types are wasmtime's to compare, when it links.

/// The version of `aos:host` that this host offers.
pub const HOST_VERSION: &str = "0.1.0";

/// Interfaces and their functions, as wit/*.wit and WASI 0.2.12 have them.
const OFFERED: &[(&str, &str)] = &[
    ("aos:host/artifact", "put get list"),
    ("aos:host/infer", "models generate stream [method]generation.next [method]generation.cancel"),
    ("aos:host/ipc", "send receive publish subscribe [method]subscription.close"),
    ("aos:host/label", "list declassify"),
    ("aos:host/lease", "acquire [method]lease.token [method]lease.renew [method]lease.release"),
    ("aos:host/log", "emit"),
    ("aos:host/mount", "read write list stat remove rename"),
    (
        "aos:host/process",
        "whoami spawn continue-as-new restored held budget [method]child.pid [method]child.wait \
         [method]child.signal",
    ),
    ("aos:host/tool", "list call"),
    ("aos:host/types", ""),
    ("wasi:io/error", "[method]error.to-debug-string"),
    ("wasi:io/poll", "[method]pollable.ready [method]pollable.block poll"),
    (
        "wasi:io/streams",
        "[method]input-stream.read [method]input-stream.blocking-read [method]input-stream.skip \
         [method]input-stream.blocking-skip [method]input-stream.subscribe [method]output-stream.check-write \
         [method]output-stream.write [method]output-stream.blocking-write-and-flush \
         [method]output-stream.flush [method]output-stream.blocking-flush [method]output-stream.subscribe \
         [method]output-stream.write-zeroes [method]output-stream.blocking-write-zeroes-and-flush \
         [method]output-stream.splice [method]output-stream.blocking-splice",
    ),
    ("wasi:clocks/monotonic-clock", "now resolution subscribe-instant subscribe-duration"),
    ("wasi:clocks/wall-clock", "now resolution"),
    ("wasi:random/insecure-seed", "insecure-seed"),
    ("wasi:random/insecure", "get-insecure-random-bytes get-insecure-random-u64"),
    ("wasi:random/random", "get-random-bytes get-random-u64"),
    ("wasi:cli/environment", "get-environment get-arguments initial-cwd"),
    ("wasi:cli/exit", "exit exit-with-code"),
    ("wasi:cli/stdin", "get-stdin"),
    ("wasi:cli/stdout", "get-stdout"),
    ("wasi:cli/stderr", "get-stderr"),
    ("wasi:cli/terminal-input", ""),
    ("wasi:cli/terminal-output", ""),
    ("wasi:cli/terminal-stdin", "get-terminal-stdin"),
    ("wasi:cli/terminal-stdout", "get-terminal-stdout"),
    ("wasi:cli/terminal-stderr", "get-terminal-stderr"),
    (
        "wasi:filesystem/types",
        "[method]descriptor.read-via-stream [method]descriptor.write-via-stream \
         [method]descriptor.append-via-stream [method]descriptor.advise [method]descriptor.sync-data \
         [method]descriptor.get-flags [method]descriptor.get-type [method]descriptor.set-size \
         [method]descriptor.set-times [method]descriptor.read [method]descriptor.write \
         [method]descriptor.read-directory [method]descriptor.sync [method]descriptor.create-directory-at \
         [method]descriptor.stat [method]descriptor.stat-at [method]descriptor.set-times-at \
         [method]descriptor.link-at [method]descriptor.open-at [method]descriptor.readlink-at \
         [method]descriptor.remove-directory-at [method]descriptor.rename-at [method]descriptor.symlink-at \
         [method]descriptor.unlink-file-at [method]descriptor.is-same-object [method]descriptor.metadata-hash \
         [method]descriptor.metadata-hash-at [method]directory-entry-stream.read-directory-entry \
         filesystem-error-code",
    ),
    ("wasi:filesystem/preopens", "get-directories"),
    ("wasi:sockets/network", "network-error-code"),
    ("wasi:sockets/instance-network", "instance-network"),
    (
        "wasi:sockets/ip-name-lookup",
        "[method]resolve-address-stream.resolve-next-address [method]resolve-address-stream.subscribe \
         resolve-addresses",
    ),
    (
        "wasi:sockets/tcp",
        "[method]tcp-socket.start-bind [method]tcp-socket.finish-bind [method]tcp-socket.start-connect \
         [method]tcp-socket.finish-connect [method]tcp-socket.start-listen [method]tcp-socket.finish-listen \
         [method]tcp-socket.accept [method]tcp-socket.local-address [method]tcp-socket.remote-address \
         [method]tcp-socket.is-listening [method]tcp-socket.address-family \
         [method]tcp-socket.set-listen-backlog-size [method]tcp-socket.keep-alive-enabled \
         [method]tcp-socket.set-keep-alive-enabled [method]tcp-socket.keep-alive-idle-time \
         [method]tcp-socket.set-keep-alive-idle-time [method]tcp-socket.keep-alive-interval \
         [method]tcp-socket.set-keep-alive-interval [method]tcp-socket.keep-alive-count \
         [method]tcp-socket.set-keep-alive-count [method]tcp-socket.hop-limit \
         [method]tcp-socket.set-hop-limit [method]tcp-socket.receive-buffer-size \
         [method]tcp-socket.set-receive-buffer-size [method]tcp-socket.send-buffer-size \
         [method]tcp-socket.set-send-buffer-size [method]tcp-socket.subscribe [method]tcp-socket.shutdown",
    ),
    ("wasi:sockets/tcp-create-socket", "create-tcp-socket"),
    (
        "wasi:sockets/udp",
        "[method]udp-socket.start-bind [method]udp-socket.finish-bind [method]udp-socket.stream \
         [method]udp-socket.local-address [method]udp-socket.remote-address [method]udp-socket.address-family \
         [method]udp-socket.unicast-hop-limit [method]udp-socket.set-unicast-hop-limit \
         [method]udp-socket.receive-buffer-size [method]udp-socket.set-receive-buffer-size \
         [method]udp-socket.send-buffer-size [method]udp-socket.set-send-buffer-size \
         [method]udp-socket.subscribe [method]incoming-datagram-stream.receive \
         [method]incoming-datagram-stream.subscribe [method]outgoing-datagram-stream.check-send \
         [method]outgoing-datagram-stream.send [method]outgoing-datagram-stream.subscribe",
    ),
    ("wasi:sockets/udp-create-socket", "create-udp-socket"),
];

/// The functions of an interface; none if it is not offered.
pub fn functions(interface: &str) -> impl Iterator<Item = &'static str> {
    find(interface).unwrap_or_default().split_whitespace()
}

/// WASI's interfaces and their functions, for the test that all of them are linked.
#[cfg(test)]
pub(crate) fn wasi() -> impl Iterator<Item = (&'static str, &'static str)> {
    OFFERED
        .iter()
        .filter(|(name, _)| name.starts_with("wasi:"))
        .flat_map(|(name, _)| functions(name).map(move |function| (*name, function)))
}

/// Whether an interface, named without its version, is offered.
pub fn offers(interface: &str) -> bool {
    find(interface).is_some()
}

/// Whether a version can be linked: the same minor of 0.x, no pre-release. Patch levels of WASI add functions only,
/// and so do those of `aos:host`.
pub fn links(package: &str, version: &str) -> bool {
    let minor = match package {
        "aos:host" => "0.1.",
        _ => "0.2.",
    };
    version.strip_prefix(minor).is_some_and(|patch| patch.parse::<u32>().is_ok() && !patch.starts_with('+'))
}

fn find(interface: &str) -> Option<&'static str> {
    OFFERED.iter().find(|(name, _)| *name == interface).map(|(_, functions)| *functions)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of all functions of a WIT file, with their interface.
    fn declared(text: &str) -> Vec<(String, String)> {
        let (mut interface, mut resource) = (String::new(), None);
        let mut found = Vec::new();
        for line in text.lines() {
            let words = line.trim();
            if let Some(name) = words.strip_prefix("interface ") {
                interface = format!("aos:host/{}", name.trim_end_matches(" {"));
            } else if let Some(name) = words.strip_prefix("resource ") {
                resource = Some(name.trim_end_matches(" {").to_owned());
            } else if line == "  }" {
                resource = None;
            } else if let Some((name, _)) = words.split_once(": func(") {
                let name = name.trim_start_matches('%');
                let function = match &resource {
                    Some(resource) => format!("[method]{resource}.{name}"),
                    None => name.to_owned(),
                };
                found.push((interface.clone(), function));
            }
        }
        found
    }

    #[test]
    fn the_list_is_the_wit() {
        let wit = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
        let mut found = 0;
        for file in std::fs::read_dir(wit).unwrap() {
            let path = file.unwrap().path();
            if path.file_name().unwrap() == "world.wit" {
                continue;
            }
            for (interface, function) in declared(&std::fs::read_to_string(path).unwrap()) {
                assert!(
                    functions(&interface).any(|known| known == function),
                    "{interface}/{function} is in wit/ and not in the list"
                );
                found += 1;
            }
        }
        let listed = OFFERED
            .iter()
            .filter(|(name, _)| name.starts_with("aos:host/"))
            .flat_map(|(name, _)| functions(name))
            .count();
        assert_eq!(found, listed);
        assert!(found > 30);
    }

    #[test]
    fn versions_link_within_their_minor() {
        assert!(links("aos:host", "0.1.0"));
        assert!(links("aos:host", "0.1.7"));
        assert!(!links("aos:host", "0.2.0"));
        assert!(!links("aos:host", "1.0.0"));
        assert!(!links("aos:host", "0.1.0-rc.1"));
        assert!(!links("aos:host", "0.1."));
        assert!(links("wasi:io", "0.2.6"));
        assert!(!links("wasi:io", "0.3.0"));
        assert!(!links("wasi:io", "0.2.0-rc-2023-11-10"));
        assert!(!links("wasi:io", "0.2.+1"));
    }
}
