//! How the console looks and listens: colours, ASCII, keymap, theme.

use super::file::File;
use super::layers::{Layers, Said};
use super::load::path_of;
use super::values::Name;
use super::{Chosen, Environment, Flags, Origin};

/// What is used where nobody chooses.
const DEFAULT: &str = "default";

/// The keymap: `keymap`, `keymap_file`, `--keymap`.
pub(super) fn keymap(
    layers: &mut Layers,
    file: &File,
    (env, flags): (&Environment, &Flags),
) -> Chosen {
    let said = (file.keymap.as_ref(), file.keymap_file.as_ref(), flags.keymap.as_ref());
    choose(layers, ["keymap", "keymap_file", "--keymap"], said, env)
}

/// The theme: `theme`, `theme_file`, `--theme`.
pub(super) fn theme(
    layers: &mut Layers,
    file: &File,
    (env, flags): (&Environment, &Flags),
) -> Chosen {
    let said = (file.theme.as_ref(), file.theme_file.as_ref(), flags.theme.as_ref());
    choose(layers, ["theme", "theme_file", "--theme"], said, env)
}

/// A name chooses among those that come with the program. In the place of a name a path may stand:
/// then it is the operator's own file, over the default. A file of their own in its usual place need
/// not be named, and need not be there.
fn choose(
    layers: &mut Layers,
    [name, file, flag]: [&'static str; 3],
    (in_file, own, by_flag): (Option<&Name>, Option<&Name>, Option<&String>),
    env: &Environment,
) -> Chosen {
    let path = |text: &str| path_of(Some(&Name(text.to_owned())), env);
    let (in_file, own) = (in_file.map(|it| it.0.as_str()), own.map(|it| it.0.as_str()));
    let by_flag = by_flag.map(String::as_str);
    let name_of = |said: Option<&str>| said.filter(|it| !is_path(it)).map(str::to_owned);
    let path_in = |said: Option<&str>| said.filter(|it| is_path(it)).and_then(path);
    let names = Said::file(name_of(in_file)).flag(flag, name_of(by_flag));
    let files = Said::file(own.and_then(path).or_else(|| path_in(in_file)));
    let files = files.flag(flag, path_in(by_flag));
    let usual = || env.config_home().map(|home| home.join(format!("quarterdeck/{name}.toml")));
    Chosen {
        name: layers.pick(name, names).unwrap_or_else(|| DEFAULT.to_owned()),
        file: layers.pick(file, files).or_else(|| usual().filter(|path| path.is_file())),
    }
}

/// Whether a text is a file's path and no name.
fn is_path(text: &str) -> bool {
    text.contains('/') || text.ends_with(".toml")
}

/// Whether the terminal says that it knows 24 bits of colour: COLORTERM as terminals set it, or a
/// TERM of the terminfo entries with direct colour.
pub(super) fn is_true_color(env: &Environment) -> bool {
    let says = env.text("COLORTERM").is_some_and(|says| matches!(says, "truecolor" | "24bit"));
    says || env.text("TERM").is_some_and(|term| term.ends_with("-direct"))
}

/// Colour and ASCII. NO_COLOR of any value but the empty one means no colour (no-color.org).
pub(super) fn color_and_ascii(
    layers: &mut Layers,
    file: &File,
    env: &Environment,
    flags: &Flags,
) -> (bool, bool) {
    let no_color = env.path("NO_COLOR").map(|_| ("NO_COLOR", false));
    let color =
        Said::file(file.color).env(no_color).flag("--no-color", flags.no_color.then_some(false));
    let ascii = Said::file(file.ascii).flag("--ascii", flags.ascii.then_some(true));
    let color = layers.pick("color", color).unwrap_or(true);
    let ascii = layers.pick("ascii", ascii).unwrap_or_else(|| needs_ascii(layers, env));
    (color, ascii)
}

/// Whether the locale knows ASCII alone. It says what the terminal is made for and not what the
/// operator wants, so it comes last. Without any the locale is C, as for every other program.
fn needs_ascii(layers: &mut Layers, env: &Environment) -> bool {
    let Some((name, value)) = env.locale() else { return true };
    layers.origins.insert("ascii".into(), Origin::Env(name));
    !is_utf8(value)
}

/// Whether a locale's characters are UTF-8.
pub fn is_utf8(locale: &str) -> bool {
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::super::load;
    use super::*;
    use std::path::PathBuf;

    fn chosen(file: &str, flag: Option<&str>) -> (Chosen, Chosen) {
        let home = std::env::temp_dir().join(format!("quarterdeck-looks-{}", std::process::id()));
        std::fs::create_dir_all(home.join(".config/quarterdeck")).unwrap();
        std::fs::write(home.join(".config/quarterdeck/config.toml"), file).unwrap();
        let env: Environment = [("HOME", home.clone().into_os_string())].into_iter().collect();
        let flag = flag.map(str::to_owned);
        let flags = Flags { keymap: flag.clone(), theme: flag, ..Flags::default() };
        let settings = load(&env, &flags).unwrap();
        let bare = |chosen: Chosen| Chosen {
            file: chosen.file.map(|it| it.strip_prefix(&home).map(PathBuf::from).unwrap_or(it)),
            ..chosen
        };
        (bare(settings.keymap), bare(settings.theme))
    }

    #[test]
    fn a_name_chooses_and_a_path_is_laid_over() {
        let is = |name: &str, file: Option<&str>| Chosen {
            name: name.into(),
            file: file.map(PathBuf::from),
        };
        for (file, flag, expected) in [
            ("", None, is("default", None)),
            ("keymap = \"vim\"\ntheme = \"vim\"", None, is("vim", None)),
            ("keymap = \"vim\"\ntheme = \"vim\"", Some("emacs"), is("emacs", None)),
            ("keymap = \"/k.toml\"\ntheme = \"/k.toml\"", None, is("default", Some("/k.toml"))),
            ("keymap = \"~/k\"\ntheme = \"~/k\"", Some("vim"), is("vim", Some("k"))),
            (
                "keymap_file = \"/a\"\ntheme_file = \"/a\"",
                Some("b.toml"),
                is("default", Some("b.toml")),
            ),
            (
                "keymap = \"vim\"\nkeymap_file = \"/a\"\ntheme = \"vim\"\ntheme_file = \"/a\"",
                None,
                is("vim", Some("/a")),
            ),
        ] {
            assert_eq!(chosen(file, flag), (expected.clone(), expected), "{file:?} {flag:?}");
        }
    }

    #[test]
    fn true_colour_is_what_the_terminal_says_it_is() {
        let says = |pairs: &[(&str, &str)]| is_true_color(&pairs.iter().copied().collect());
        assert!(says(&[("COLORTERM", "truecolor")]) && says(&[("COLORTERM", "24bit")]));
        assert!(says(&[("TERM", "xterm-direct")]));
        assert!(!says(&[]) && !says(&[("COLORTERM", "yes"), ("TERM", "xterm-256color")]));
    }
}
