//! What an instance's adverts are like: built so, and expected so from the others.

use std::net::IpAddr;
use std::time::Duration;

use crate::config::model::{AuthHmac, HmacMode};
use crate::vrrp::settings::{
    Authentication, Family, OldUnicastChecksum, Peer, Version, VirtualRouter, adver_int_seconds,
    centiseconds,
};
use crate::wire::vrrp::{
    AUTH_AH, AUTH_DATA_LEN, AUTH_NONE, AUTH_PASS, PRIORITY_OWNER, PseudoHeader, VersionRepr,
};

/// What an instance's adverts must be like, on both routers.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Virtual router id.
    pub vrid: u8,
    /// Version of the protocol.
    pub version: Version,
    /// Family of the adverts and of the addresses in them.
    pub family: Family,
    /// Our advertisement interval.
    pub advert_int: Duration,
    /// Password or key, if any.
    pub authentication: Option<Authentication>,
    /// `unicast_peer`; empty: adverts come through the multicast group.
    pub peers: Vec<Peer>,
    /// `check_unicast_src`.
    pub check_unicast_src: bool,
    /// We own the addresses and do not listen to others (`owner_ignore_adverts`).
    pub ignore: bool,
    /// The multicast group, which old keepalived puts in the checksum of unicast adverts.
    pub group: IpAddr,
    /// `v3_checksum_as_v2`.
    pub v3_checksum_as_v2: bool,
    /// `old_unicast_checksum`.
    pub old_unicast_checksum: OldUnicastChecksum,
    /// `auth_hmac`.
    pub auth_hmac: Option<AuthHmac>,
    /// The advertised addresses, in order.
    pub addresses: Vec<IpAddr>,
}

impl From<&VirtualRouter> for Expected {
    fn from(router: &VirtualRouter) -> Self {
        let addresses = router.virtual_ipaddress.iter();
        Self {
            vrid: router.virtual_router_id,
            version: router.version,
            family: router.family,
            advert_int: router.advert_int,
            authentication: router.authentication.clone(),
            peers: router.unicast_peer.clone(),
            check_unicast_src: router.check_unicast_src,
            ignore: router.owner_ignore_adverts && router.priority == PRIORITY_OWNER,
            group: router.mcast_dst_ip,
            v3_checksum_as_v2: router.v3_checksum_as_v2,
            old_unicast_checksum: router.old_unicast_checksum,
            auth_hmac: router.auth_hmac.clone(),
            addresses: addresses.map(|address| address.address.addr()).collect(),
        }
    }
}

impl Expected {
    /// Whether adverts come from peers and not through the multicast group.
    pub const fn is_unicast(&self) -> bool {
        !self.peers.is_empty()
    }

    /// Whether our checksums are those of old keepalived from the beginning.
    pub fn sends_old_checksum(&self) -> bool {
        self.is_unicast() && self.old_unicast_checksum == OldUnicastChecksum::Always
    }

    /// `auth_type` on the wire.
    pub const fn auth_type(&self) -> u8 {
        match self.authentication {
            None => AUTH_NONE,
            Some(Authentication::Pass(_)) => AUTH_PASS,
            Some(Authentication::Ah(_)) => AUTH_AH,
        }
    }

    /// The authentication data on the wire: zeros without a password.
    pub const fn auth_data(&self) -> [u8; AUTH_DATA_LEN] {
        match self.authentication {
            None | Some(Authentication::Ah(_)) => [0; AUTH_DATA_LEN],
            Some(Authentication::Pass(password)) => password,
        }
    }

    /// The key of the authentication header, if there is one.
    pub fn ah_key(&self) -> Option<&[u8]> {
        match &self.authentication {
            Some(Authentication::Ah(key)) => Some(key),
            None | Some(Authentication::Pass(_)) => None,
        }
    }

    /// The key that our adverts are signed with, and its number; `None`: they are not.
    pub fn signing_key(&self) -> Option<(u8, &[u8])> {
        let hmac = self.auth_hmac.as_ref();
        let hmac = hmac.filter(|hmac| hmac.mode != HmacMode::ReceiveOnly)?;
        // Without the key there are zeros, and whoever minds drops the advert.
        let key = hmac.key_of(hmac.active_key).unwrap_or_default();
        Some((hmac.active_key, key))
    }

    /// What an advert of ours has of its version. `old_checksum`: as old keepalived does it.
    pub fn version_repr(
        &self,
        source: IpAddr,
        destination: IpAddr,
        old_checksum: bool,
    ) -> VersionRepr {
        match self.version {
            Version::V2 => VersionRepr::V2 {
                auth_type: self.auth_type(),
                adver_int: adver_int_seconds(self.advert_int),
                auth_data: self.auth_data(),
            },
            Version::V3 => VersionRepr::V3 {
                max_advertise_interval: centiseconds(self.advert_int),
                pseudo: self.pseudo(source, destination, old_checksum),
            },
        }
    }

    /// The pseudo-header of an advert of version 3. In IPv6 it is never left out: the kernel
    /// of a keepalived computes it (RFC 9568 5.2.8).
    pub(super) fn pseudo(
        &self,
        source: IpAddr,
        destination: IpAddr,
        old_checksum: bool,
    ) -> Option<PseudoHeader> {
        let destination = if old_checksum {
            self.group
        } else {
            destination
        };
        let left_out = self.v3_checksum_as_v2 && self.family == Family::V4;
        (!left_out).then_some(PseudoHeader {
            source,
            destination,
        })
    }
}
