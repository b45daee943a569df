//! A folder of its own for another program, gone with everything in it when it is dropped.

use std::io;

use camino::Utf8Path;

/// The folder.
#[derive(Debug)]
pub struct Scratch(tempfile::TempDir);

impl Scratch {
    /// Makes one where the system keeps temporary files; only the present user may look into it.
    ///
    /// # Errors
    /// What the system answers, or a path that is not UTF-8.
    pub fn new() -> io::Result<Scratch> {
        let folder = tempfile::Builder::new().prefix("trustree-").tempdir()?;
        match Utf8Path::from_path(folder.path()) {
            Some(_) => Ok(Scratch(folder)),
            None => Err(io::Error::new(io::ErrorKind::InvalidFilename, "the path of temporary files is not UTF-8")),
        }
    }

    /// Where it lies.
    pub fn path(&self) -> &Utf8Path {
        // Looked at when it was made.
        Utf8Path::from_path(self.0.path()).unwrap_or(Utf8Path::new(""))
    }

    /// Writes a file, and the folders on the way to it; `below` is a plain path.
    ///
    /// # Errors
    /// What the system answers.
    #[expect(clippy::disallowed_methods, reason = "nothing but our own folder is written")]
    pub fn write(&self, below: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.path().join(below);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scratch_folder_goes_with_everything_in_it() {
        let scratch = Scratch::new().expect("a folder");
        scratch.write("chart/templates/a.yaml", b"a: 1\n").expect("written");
        let path = scratch.path().to_owned();
        assert!(path.join("chart/templates/a.yaml").is_file());
        drop(scratch);
        assert!(!path.exists());
    }
}
