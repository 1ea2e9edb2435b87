//! Keys of `auth_hmac` that stand in files.

use std::io;
use std::path::Path;

use super::Setup;
use crate::config::model::{HMAC_KEY_LEN, HmacKey, Secret};

/// More than any key, with blanks around it.
pub const MAX_KEY_FILE: u64 = 4096;

impl Setup {
    /// Reads the keys that stand in files, and says which cannot be: without one adverts signed with
    /// it are dropped, ours by the others. Those that were read before are known.
    #[must_use]
    pub fn read_keys(&mut self, read: impl Fn(&Path) -> io::Result<Vec<u8>>) -> Vec<String> {
        let mut unread = Vec::new();
        for instance in &mut self.instances {
            let name = &instance.name;
            for (id, key) in instance.auth_hmac.iter_mut().flat_map(|it| &mut it.key) {
                let HmacKey::File(path) = &*key else {
                    continue;
                };
                let place = path.display();
                match read(path).map(|bytes| bytes.trim_ascii().to_vec()) {
                    Ok(bytes) if HMAC_KEY_LEN.contains(&bytes.len()) => {
                        *key = HmacKey::Bytes(Secret::new(bytes));
                    }
                    Ok(bytes) => unread.push(format!(
                        "({name}) auth_hmac: key {id} in {place} has {} bytes; it takes {} to {}",
                        bytes.len(),
                        HMAC_KEY_LEN.start(),
                        HMAC_KEY_LEN.end()
                    )),
                    Err(error) => unread.push(format!(
                        "({name}) auth_hmac: cannot read key {id}: {place}: {error}"
                    )),
                }
            }
        }
        unread
    }
}
