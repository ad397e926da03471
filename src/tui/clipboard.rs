//! The clipboard of the operator's terminal, however far away: OSC 52, which the terminal itself
//! understands. tmux and screen keep such sequences to themselves unless they are wrapped for them.

use crate::config::Environment;

/// screen takes so many bytes of a sequence that is passed through, its own end included.
const SCREEN_PART: usize = 512;

/// What stands between us and the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Between {
    /// Nothing that is known.
    Nothing,
    /// tmux: it passes on what is wrapped (`allow-passthrough`), or understands the plain sequence
    /// itself (`set-clipboard on`). Which one is on cannot be asked, and both do no harm.
    Tmux,
    /// screen.
    Screen,
    /// A terminal that is called as screen calls itself, on another host perhaps: screen, or tmux.
    Either,
}

impl Between {
    /// As the environment tells.
    pub(super) fn of(env: &Environment) -> Self {
        let term = env.text("TERM").unwrap_or_default();
        match (env.text("TMUX"), env.text("STY")) {
            (Some(_), _) => Self::Tmux,
            (None, Some(_)) => Self::Screen,
            (None, None) if term.starts_with("tmux") => Self::Tmux,
            (None, None) if term.starts_with("screen") => Self::Either,
            (None, None) => Self::Nothing,
        }
    }

    /// The bytes that bring a text to the clipboard.
    pub(super) fn copy(self, text: &str) -> Vec<u8> {
        let plain = format!("\x1b]52;c;{}\x07", base64(text.as_bytes()));
        match self {
            Self::Nothing => plain.into_bytes(),
            Self::Tmux => {
                let wrapped = format!("\x1bPtmux;{}\x1b\\", plain.replace('\x1b', "\x1b\x1b"));
                (plain + &wrapped).into_bytes()
            }
            Self::Screen => for_screen(&plain),
            Self::Either => [plain.as_bytes(), &for_screen(&plain)].concat(),
        }
    }
}

fn for_screen(plain: &str) -> Vec<u8> {
    let room = SCREEN_PART - 4;
    let parts = plain.as_bytes().chunks(room);
    parts.flat_map(|part| [b"\x1bP", part, b"\x1b\\"].concat()).collect()
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut all = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |place: usize| u32::from(group.get(place).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            all.push(if place <= group.len() { letter.into() } else { '=' });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (text, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
        assert_eq!(base64(&[0xff, 0xfe, 0xfd]), "//79");
    }

    #[test]
    fn what_is_between_is_told_by_the_environment() {
        for (env, between) in [
            (&[("TERM", "xterm-256color")][..], Between::Nothing),
            (&[("TERM", "screen-256color"), ("TMUX", "/tmp/tmux-0/default,1,0")], Between::Tmux),
            (&[("TERM", "tmux-256color")], Between::Tmux),
            (&[("TERM", "screen"), ("STY", "123.pts-0.host")], Between::Screen),
            (&[("TERM", "screen.xterm")], Between::Either),
            (&[], Between::Nothing),
        ] {
            let env: Environment = env.iter().copied().collect();
            assert_eq!(Between::of(&env), between);
        }
    }

    #[test]
    fn each_has_its_bytes() {
        let plain = "\x1b]52;c;Zm9v\x07";
        let tmux = "\x1bPtmux;\x1b\x1b]52;c;Zm9v\x07\x1b\\";
        let screen = "\x1bP\x1b]52;c;Zm9v\x07\x1b\\";
        for (between, bytes) in [
            (Between::Nothing, plain.to_owned()),
            (Between::Tmux, format!("{plain}{tmux}")),
            (Between::Screen, screen.to_owned()),
            (Between::Either, format!("{plain}{screen}")),
        ] {
            assert_eq!(String::from_utf8(between.copy("foo")).unwrap(), bytes);
        }
    }

    #[test]
    fn screen_gets_no_part_longer_than_it_takes_and_all_of_them() {
        let text = "0123456789".repeat(500);
        let bytes = String::from_utf8(Between::Screen.copy(&text)).unwrap();
        let parts: Vec<&str> = bytes.split("\x1b\\").filter(|part| !part.is_empty()).collect();
        assert!(
            parts.iter().all(|part| part.starts_with("\x1bP") && part.len() + 2 <= SCREEN_PART)
        );
        let whole: String = parts.iter().map(|part| &part[2..]).collect();
        assert_eq!(whole, format!("\x1b]52;c;{}\x07", base64(text.as_bytes())));
    }
}
