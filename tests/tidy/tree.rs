//! The checkout's files, without what a build makes.

use std::fs;
use std::path::{Path, PathBuf};

/// A text file of the project.
pub struct File {
    /// Relative to the checkout, with `/`.
    pub path: String,
    /// What is in it.
    pub text: String,
}

/// The checkout.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every text file of the project, sorted by its path.
pub fn all() -> Vec<File> {
    let mut files = Vec::new();
    walk(&root(), &root(), &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(
        files.len() > 50,
        "only {} files under {}: the rules look at nothing",
        files.len(),
        root().display()
    );
    files
}

/// The Rust files under one of the folders; each folder must have some.
pub fn rust(folders: &[&str]) -> Vec<File> {
    let files: Vec<File> = all().into_iter().filter(|file| file.path.ends_with(".rs")).collect();
    for folder in folders {
        assert!(
            files.iter().any(|file| file.path.starts_with(folder)),
            "no Rust file under {folder}: mend the rule"
        );
    }
    files.into_iter().filter(|file| folders.iter().any(|folder| file.path.starts_with(folder))).collect()
}

fn walk(root: &Path, folder: &Path, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            let made = name == "target" || name == "node_modules" || name == "__pycache__";
            // Of the hidden folders only those that hold the project's own files.
            let hidden = name.starts_with('.') && ![".ci", ".cargo", ".github"].contains(&name.as_str());
            if !made && !hidden {
                walk(root, &entry.path(), files);
            }
        } else if kind.is_file() {
            // What is not text (components, pictures) has no lines to complain about.
            let Ok(text) = fs::read_to_string(entry.path()) else { continue };
            let path = entry.path().strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
            files.push(File { path, text });
        }
    }
}
