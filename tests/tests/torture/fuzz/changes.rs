//! Changes of bytes, as broken disks, editors and people make them.

use crate::simulation::random::Random;

/// What makes trouble in most languages.
const TROUBLE: &[&[u8]] = &[
    b"\0",
    b"\xFF",
    b"\xC3",
    b"\xED\xA0\x80",
    b"\xEF\xBB\xBF",
    b"\r\n",
    b"\r",
    b"\n",
    b"\t",
    b" ",
    b"'",
    b"\"",
    b"\"\"\"",
    b"'''",
    b"\\",
    b"\\u0000",
    b"\\uD800",
    b"%",
    b"%00",
    b"%zz",
    b"=",
    b"==",
    b":",
    b": ",
    b"- ",
    b"#",
    b"[",
    b"]",
    b"[[",
    b"]]",
    b"{",
    b"}",
    b"${",
    b"${X}",
    b"$",
    b"@",
    b"/",
    b"..",
    b"../",
    b",",
    b"?",
    b"&",
    b"&a",
    b"*a",
    b"<<: ",
    b"!!binary ",
    b"|\n",
    b">\n",
    b"---\n",
    b"-1",
    b"0",
    b"99999999999999999999",
    b"1e309",
    b"nan",
    b"true",
    b"null",
    b"~",
    b"1979-05-27",
    b"\xC3\xA9",
    b"\xF0\x9F\x98\x80",
    b"\xE2\x80\xAE",
];

/// What is opened over and over.
const NESTED: &[&[u8]] =
    &[b"[", b"{", b"(", b"/*", b"- ", b"a = [", b"a.", b"{a: ", b"$a$", b"\\", b"%41", b"&a [*a,", b"case when "];

/// A text after a few changes; `others` are texts to take pieces of.
pub(crate) fn changed(random: &mut Random, text: &[u8], others: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = text.to_vec();
    for _ in 0..1 + random.below(4) {
        change(random, &mut bytes, others);
    }
    bytes
}

fn change(random: &mut Random, bytes: &mut Vec<u8>, others: &[Vec<u8>]) {
    let at = random.below(bytes.len() + 1);
    let range = at..bytes.len().min(at + random.below(16));
    match random.below(10) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        1 => drop(bytes.drain(range)),
        2 => bytes.truncate(at),
        3 => {
            let piece = bytes[range].repeat(1 + random.below(4));
            insert(bytes, at, &piece);
        }
        4 => {
            let other = &others[random.below(others.len())];
            let from = random.below(other.len() + 1);
            insert(bytes, at, &other[from..other.len().min(from + random.below(80))]);
        }
        5 if random.percent(20) => insert(bytes, at, &random.one_of(NESTED).repeat(1 + random.below(20_000))),
        _ => insert(bytes, at, random.one_of(TROUBLE)),
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, piece: &[u8]) {
    bytes.splice(at..at, piece.iter().copied());
}
