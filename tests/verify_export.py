"""Checks an export of an aos-host log without any code of aos-host:  verify_export.py FILE KEY [--witness KEY]...

KEY is the log's verifier key as its owner gave it to you, not as it came with the file; each --witness has to have cosigned.
Prints `ok` and what the file shows, or the first thing that is wrong; ends with 0 or 1. Written from the formats alone:
docs/audit.md, RFC 6962, C2SP's signed-note, tlog-checkpoint and tlog-cosignature.
"""
import argparse, base64, contextlib, hashlib, json, time
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
AUTHOR, WITNESS, LINE = 1, 4, 24 << 20  # types of keys; bytes of a line at most

def need(holds, what):
    if not holds:
        raise ValueError(what)

def unbase64(text, what):
    with contextlib.suppress(ValueError):
        if base64.b64encode(data := base64.b64decode(text)).decode() == text:
            return data
    raise ValueError(f"{what} is not in the one form of base 64")

def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()

class Key:
    def __init__(self, text):
        self.name, number, code = text.split("+", 2)
        raw = unbase64(code, "the key")
        self.kind, self.key, self.id = raw[0], raw[1:], bytes.fromhex(number)
        follows = sha256(self.name.encode(), b"\n", raw)[:4] == self.id
        need(follows and self.kind in (AUTHOR, WITNESS), "the key is of no known type, or its id is another's")

    def signed(self, text, signatures):
        """When it signed: seconds since 1970, 0 for an author."""
        found = [raw[4:] for name, raw in signatures if name == self.name and raw[:4] == self.id]
        need(found, f"checkpoint: {self.name} did not sign it")
        for raw in found:
            when = int.from_bytes(raw[:-64], "big")
            before = b"cosignature/v1\ntime %d\n" % when if self.kind == WITNESS else b""
            try:
                Ed25519PublicKey.from_public_bytes(self.key).verify(raw[-64:], before + text)
            except InvalidSignature:
                raise ValueError(f"checkpoint: the signature of {self.name} is not valid") from None
        return when

class Export:
    def __init__(self, file):
        self.file, self.shown, self.bodies, self.committed = file, 0, 0, 0
        need(self.line() == "aos-export@v1", "it is no export")
        word, first, last = self.line().split(" ")
        self.first, self.last = int(first) - 1, int(last)
        need(word == "entries" and 0 <= self.first < self.last, "`entries FIRST LAST` is expected")
        self.beside = iter([unbase64(self.line(), "a hash") for _ in range(self.count("hashes", 128))])
        self.note = "".join(self.line() + "\n" for _ in range(self.count("checkpoint", 96)))
        self.ahead = self.line()

    def line(self):
        line = self.file.readline(LINE + 1)
        need(line.endswith(b"\n"), "it is cut off, or a line is too long")
        return line[:-1].decode(errors="replace")

    def count(self, word, most):
        name, number = self.line().split(" ")
        need(name == word and number == str(int(number)) and 0 <= int(number) <= most, f"`{word} N` is expected")
        return int(number)

    def leaf(self, seq):
        (leaf, _, entry), self.ahead = self.ahead.partition(" "), self.line()
        leaf, body = unbase64(leaf, f"#{seq}: its leaf"), {}
        if entry:
            need(sha256(b"\0", entry.encode()) == leaf, f"#{seq}: it is not the line of its leaf hash")
            need((read := json.loads(entry))["seq"] == seq, f"#{seq}: it says that it is another one")
            body = read.get("body") or {}
            self.shown, self.committed = self.shown + 1, self.committed + ("digest" in body)
        if self.ahead.startswith("+ "):
            salt, data = self.ahead[2:].split(" ")
            data, salt = unbase64(data, f"#{seq}: its body"), b"" if salt == "-" else unbase64(salt, f"#{seq}: its salt")
            found = {"size": len(data), "digest": "sha256:" + sha256(salt, data).hex()}
            need(found == body, f"#{seq}: its body is another one")
            self.bodies, self.ahead = self.bodies + 1, self.line()
        return leaf

    def tree(self, low, high):
        """RFC 6962's hash over the leaves low to high; leaves and the hashes beside them are taken as they come."""
        if high <= self.first or low >= self.last:
            return next(self.beside)
        if high - low == 1:
            return self.leaf(high)
        middle = low + (1 << (high - low - 1).bit_length() - 1)
        return sha256(b"\1", self.tree(low, middle), self.tree(middle, high))

def check(export, log, witnesses):
    text, _, lines = export.note.rpartition("\n\n")
    (origin, size, root), text = text.split("\n")[:3], text + "\n"
    lines = [line.removeprefix("\u2014 ").split(" ") for line in lines.splitlines()]
    signatures = [(name, unbase64(code, f"checkpoint: the signature of {name}")) for name, code in lines]
    need(log.kind == AUTHOR and log.name == origin, f"checkpoint: it is of {origin}, the key of {log.name}")
    signers = [(key.name, key.signed(text.encode(), signatures)) for key in [log, *witnesses]]
    need(export.last <= int(size) < 1 << 63, "checkpoint: the entries are beyond it")
    found = export.tree(0, int(size))
    over = export.ahead != "end" or export.file.read(1) or next(export.beside, None)
    need(not over, f"#{export.last}: more follows than the entries, or there are hashes left")
    entries, present = f"#{export.first + 1} to #{export.last}", f"{export.shown} present"
    need(base64.b64encode(found).decode() == root, f"{entries} do not give the checkpoint's root")
    signers = ", ".join(name + time.strftime(" (%F)", time.gmtime(when)) * (when > 0) for name, when in signers)
    bodies = f"bodies {export.bodies}/{export.committed}"
    return f"ok · {origin} · {entries} of {size} · {present} · {bodies} · signed by {signers}"

if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("file")
    arguments.add_argument("key")
    arguments.add_argument("--witness", action="append", default=[])
    given = arguments.parse_args()
    try:
        print(check(Export(open(given.file, "rb")), Key(given.key), map(Key, given.witness)))
    except Exception as wrong:  # also what a hostile file makes of the parsers
        print(f"FAILED {wrong or type(wrong).__name__}")
        raise SystemExit(1) from None
