//! Where things are: state (the log), configuration (keys), cache (compiled code). Three directories, because they are
//! backed up, guarded and thrown away differently (XDG Base Directory Specification).

use std::path::{Path, PathBuf};

use audit::Digest;

use super::error::HostError;

/// A host's directories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dirs {
    /// The log and the components that it names.
    pub state: PathBuf,
    /// Keys.
    pub config: PathBuf,
    /// Compiled code.
    pub cache: PathBuf,
}

impl Dirs {
    /// The directories of the project in the current directory, or with another state directory.
    ///
    /// # Errors
    /// When there is neither an XDG directory nor a home.
    pub fn resolve(state: Option<PathBuf>) -> Result<Dirs, HostError> {
        let state = match state {
            Some(state) => state,
            None => base("XDG_STATE_HOME", ".local/state")?.join(project()?),
        };
        Ok(Dirs {
            state: absolute(&state)?,
            config: base("XDG_CONFIG_HOME", ".config")?,
            cache: base("XDG_CACHE_HOME", ".cache")?,
        })
    }

    /// What no mount may contain or lie inside.
    pub fn private(&self) -> [(&'static str, &Path); 3] {
        [("state", &self.state), ("key", &self.config), ("cache", &self.cache)]
    }
}

fn base(variable: &str, below_home: &str) -> Result<PathBuf, HostError> {
    let set = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let dir = set(variable).or_else(|| set("HOME").map(|home| home.join(below_home)));
    dir.map(|dir| dir.join("aos-host")).ok_or_else(|| HostError::Usage {
        message: format!("neither {variable} nor HOME is set"),
        help: Some(format!("set {variable} to a directory of your own")),
    })
}

/// A name for the project in the current directory that no other has.
fn project() -> Result<String, HostError> {
    let here = std::env::current_dir().map_err(|source| HostError::Io { path: ".".into(), source })?;
    let digest = Digest::of(here.as_os_str().as_encoded_bytes()).to_string();
    let name = here.file_name().and_then(|name| name.to_str()).unwrap_or("project");
    let plain: String =
        name.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).take(40).collect();
    Ok(format!("{plain}-{}", &digest[7..15]))
}

fn absolute(path: &Path) -> Result<PathBuf, HostError> {
    std::path::absolute(path).map_err(|source| HostError::Io { path: path.to_owned(), source })
}
