//! How a guest is started: the words of its machine.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::RawFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use super::kernel::{Fetched, Kernel};
use super::wait;

/// A guest that is not yet running.
pub(super) struct Machine<'a> {
    pub(super) kernel: &'a Fetched,
    /// MiB.
    pub(super) memory: u32,
    pub(super) cpus: u32,
    /// The directory that `init.sh` reads.
    pub(super) control: &'a Path,
    /// Where output, errors and status go to.
    pub(super) channels: [RawFd; 3],
}

impl Machine<'_> {
    /// Starts it; what its kernel says goes to the file `console`.
    pub(super) fn start(&self, console: &Path) -> Result<Child> {
        let console = File::create(console).context("cannot write the guest's console")?;
        let command = match self.kernel.kernel {
            Kernel::Uml => self.uml(),
            Kernel::Qemu => self.qemu(),
        };
        wait::bound(&command)
            .stdin(Stdio::null())
            .stdout(console.try_clone()?)
            .stderr(console)
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))
    }

    /// What both kernels are told.
    fn words(&self) -> [OsString; 4] {
        let mut control = OsString::from("guest.control=");
        control.push(self.control);
        [
            "quiet".into(),
            "panic=-1".into(),
            self.kernel.kernel.word(),
            control,
        ]
    }

    /// User-mode-linux: the kernel is a program, its consoles are our pipes.
    fn uml(&self) -> Command {
        let mut uml = Command::new(self.kernel.directory.join("linux"));
        let mut directory = OsString::from("uml_dir=");
        directory.push(self.control);
        directory.push("/");
        let mut init = OsString::from("init=");
        init.push(self.control.join("init.sh"));
        uml.arg(format!("mem={}M", self.memory))
            .args([directory, "umid=guest".into(), init])
            .args([
                "rootfstype=hostfs",
                "rootflags=/",
                "ro",
                "con=null",
                "con0=null,fd:1",
            ])
            .args(
                (1..)
                    .zip(self.channels)
                    .map(|(port, channel)| format!("con{port}=null,fd:{channel}")),
            )
            .args(self.words());
        // Its memory is a file there.
        uml.env("TMPDIR", "/dev/shm");
        uml
    }

    /// A whole machine, emulated: slower, but with several processors, a JIT and BTF.
    fn qemu(&self) -> Command {
        // While it starts the kernel waits for ticks of the timer, which come late where this machine
        // has no time for the guest: it would give up.
        let mut append = OsString::from(
            "console=ttyS0 nokaslr mitigations=off tsc=reliable no_timer_check \
             random.trust_cpu=on audit=0 apparmor=0",
        );
        for word in self.words() {
            append.push(" ");
            append.push(word);
        }
        let mut qemu = Command::new("qemu-system-x86_64");
        qemu.args(["-M", "pc", "-accel", "tcg,thread=multi", "-cpu", "max"])
            .args(["-m", &self.memory.to_string(), "-smp", &self.cpus.to_string()])
            .args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"])
            .args(["-serial", "stdio"])
            .arg("-kernel")
            .arg(self.kernel.directory.join("vmlinux"))
            .arg("-initrd")
            .arg(self.kernel.directory.join("initrd"))
            .arg("-append")
            .arg(append)
            .args(["-virtfs", "local,path=/,mount_tag=host,readonly=on,security_model=passthrough,multidevs=remap"])
            .args(["-device", "virtio-serial-pci"]);
        for (port, channel) in (1..).zip(self.channels) {
            qemu.args([
                "-chardev",
                &format!("file,id=port{port},path=/proc/self/fd/{channel}"),
            ])
            .args([
                "-device",
                &format!("virtserialport,chardev=port{port},nr={port}"),
            ]);
        }
        qemu
    }
}
