//! Other programs: started without a shell and without our environment, and ended when they take too long or say too much.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use camino::Utf8Path;

/// How long an end that is due is waited for before it is looked at again.
const PAUSE: Duration = Duration::from_millis(2);

/// What is to be started.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// Path of the program, or a name that is looked for on the `PATH` of `environment`.
    pub program: &'a str,
    /// Its arguments, as they are: no shell sees them.
    pub arguments: &'a [String],
    /// Its whole environment.
    pub environment: &'a [(String, String)],
    /// The folder that it works in.
    pub folder: &'a Utf8Path,
}

/// What a program may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Time until it must have ended.
    pub time: Duration,
    /// Bytes that it may write to each of its outputs.
    pub bytes: u64,
    /// Bytes of address space that it, and each program that it starts, may have. Held only on Linux.
    pub memory: u64,
}

/// What a program that ended by itself has said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whether it says that all went well.
    pub is_success: bool,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// There is no such program.
    #[error("there is no program of that name")]
    NotFound,
    /// It cannot be started, or listened to.
    #[error("it cannot be run: {0}")]
    Io(#[from] io::Error),
    /// It took longer than it may, and was ended.
    #[error("it had not ended after {} seconds, and was stopped", .0.as_secs())]
    TimedOut(Duration),
    /// It wrote more than it may, and was ended.
    #[error("it wrote more than {} KiB, and was stopped", .0 / 1024)]
    TooMuch(u64),
}

/// One of the two outputs, and what was read from it; None where it was more than allowed.
type Heard = (bool, io::Result<Option<Vec<u8>>>);

/// Runs a program to its end. Standard input is empty.
///
/// # Errors
/// A program that cannot be started, or had to be stopped.
pub fn call(call: &Call<'_>, limits: &Limits) -> Result<Answer, CallError> {
    let mut child = Running(start(call)?);
    child.limit(limits.memory)?;
    let (sender, receiver) = mpsc::channel();
    listen(true, child.0.stdout.take(), limits.bytes, &sender);
    listen(false, child.0.stderr.take(), limits.bytes, &sender);
    drop(sender);
    let deadline = deadline(limits.time);
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        let (is_stdout, heard) = match receiver.recv_timeout(left(deadline)) {
            Ok(heard) => heard,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Err(CallError::TimedOut(limits.time)),
        };
        let bytes = heard?.ok_or(CallError::TooMuch(limits.bytes))?;
        *(if is_stdout { &mut stdout } else { &mut stderr }) = bytes;
    }
    let status = child.wait(deadline)?.ok_or(CallError::TimedOut(limits.time))?;
    Ok(Answer { is_success: status.success(), stdout, stderr })
}

#[expect(clippy::disallowed_methods, reason = "this is the door")]
fn start(call: &Call<'_>) -> Result<Child, CallError> {
    let mut command = Command::new(call.program);
    command.args(call.arguments).env_clear().envs(call.environment.iter().map(|(name, value)| (name, value)));
    command.current_dir(call.folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    #[cfg(unix)]
    {
        // A group of its own can be ended as a whole.
        use std::os::unix::process::CommandExt as _;
        command.process_group(0);
    }
    command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => CallError::NotFound,
        _ => CallError::Io(error),
    })
}

/// Reads an output to its end in a thread of its own, as far as is allowed.
fn listen(is_stdout: bool, output: Option<impl Read + Send + 'static>, bytes: u64, to: &Sender<Heard>) {
    let to = to.clone();
    thread::spawn(move || {
        let mut heard = Vec::new();
        let read = output.map_or(Ok(0), |output| output.take(bytes.saturating_add(1)).read_to_end(&mut heard));
        let is_too_much = u64::try_from(heard.len()).is_ok_and(|length| length > bytes);
        // Whoever asked may have gone away.
        drop(to.send((is_stdout, read.map(|_| (!is_too_much).then_some(heard)))));
    });
}

#[expect(clippy::disallowed_methods, reason = "a stop watch, which decides nothing but when to give up")]
fn deadline(time: Duration) -> Instant {
    Instant::now() + time
}

#[expect(clippy::disallowed_methods, reason = "a stop watch, which decides nothing but when to give up")]
fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// A program that is ended, with everything that it has started, when nobody waits for it any more.
struct Running(Child);

impl Running {
    /// Limits its memory. It runs already, but has not come far.
    #[cfg(target_os = "linux")]
    fn limit(&self, memory: u64) -> io::Result<()> {
        use rustix::process::{Pid, Resource, Rlimit, prlimit};
        let limit = Rlimit { current: Some(memory), maximum: Some(memory) };
        match prlimit(Some(Pid::from_child(&self.0)), Resource::As, limit) {
            // It has ended already.
            Err(rustix::io::Errno::SRCH) => Ok(()),
            set => Ok(set.map(drop)?),
        }
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "elsewhere it can fail")]
    fn limit(&self, _: u64) -> io::Result<()> {
        Ok(())
    }

    /// How it ended; None where it has not by then.
    fn wait(&mut self, deadline: Instant) -> io::Result<Option<ExitStatus>> {
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(Some(status));
            }
            if left(deadline).is_zero() {
                return Ok(None);
            }
            thread::sleep(PAUSE);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !matches!(self.0.try_wait(), Ok(None)) {
            return;
        }
        // What has ended meanwhile needs no end.
        #[cfg(unix)]
        let _ = rustix::process::kill_process_group(rustix::process::Pid::from_child(&self.0), rustix::process::Signal::KILL);
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { time: Duration::from_secs(20), bytes: 1024, memory: 4 << 30 };

    fn shell(script: &str, limits: &Limits) -> Result<Answer, CallError> {
        let arguments = ["-c".to_owned(), script.to_owned()];
        let environment = [("GIVEN".to_owned(), "a b".to_owned()), ("PATH".to_owned(), "/usr/bin:/bin".to_owned())];
        call(&Call { program: "sh", arguments: &arguments, environment: &environment, folder: Utf8Path::new("/") }, limits)
    }

    #[test]
    fn both_outputs_are_kept_apart_and_the_environment_is_what_is_given() {
        let answer = shell("echo \"$GIVEN$CARGO_MANIFEST_DIR\"; echo no >&2; exit 3", &LIMITS).expect("an answer");
        assert_eq!(answer, Answer { is_success: false, stdout: b"a b\n".to_vec(), stderr: b"no\n".to_vec() });
    }

    #[test]
    fn a_program_that_does_not_end_is_ended_with_what_it_has_started() {
        let folder = tempfile::tempdir().expect("a folder");
        let mark = folder.path().join("mark");
        let script = format!("(sleep 1; echo x > '{}') & sleep 60", mark.display());
        let limits = Limits { time: Duration::from_millis(100), ..LIMITS };
        assert!(matches!(shell(&script, &limits), Err(CallError::TimedOut(_))));
        thread::sleep(Duration::from_millis(1500));
        assert!(!mark.exists());
    }

    #[test]
    fn a_program_that_says_too_much_is_ended() {
        assert!(matches!(shell("while :; do echo aaaaaaaaaaaaaaaaaaaa; done", &LIMITS), Err(CallError::TooMuch(1024))));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_program_that_wants_too_much_memory_gets_none() {
        let limits = Limits { memory: 64 << 20, ..LIMITS };
        // A second is enough for the limit to be there, however busy the machine.
        let script = |size: u32| format!("sleep 1; x=$(head -c {size} /dev/zero | tr '\\0' x) && echo ${{#x}}");
        assert_eq!(shell(&script(1000), &limits).expect("an answer").stdout, b"1000\n");
        assert!(!shell(&script(200_000_000), &limits).expect("an answer").is_success);
    }

    #[test]
    fn a_program_that_is_not_there_is_no_answer() {
        let none = Call { program: "trustree-no-such-program", arguments: &[], environment: &[], folder: Utf8Path::new("/") };
        assert!(matches!(call(&none, &LIMITS), Err(CallError::NotFound)));
    }
}
