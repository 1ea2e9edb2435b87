//! The network: how it looks, and how to play with it.

use lb_tests::{Cluster, Layout, Namespace};

use super::screen::{Screen, say};

/// Who is where.
pub(super) fn picture(layout: &Layout) -> String {
    let [director1, director2] = layout.outside.directors;
    let [server1, server2] = layout.servers;
    let (client, address, mode) = (layout.client, layout.virtual_address, layout.mode);
    format!(
        "
          client {client}
                   │
      ─────────────┴───────────── one bridge, virtual address {address}:80
          │                 │
      director 1        director 2        lb-agent, {mode}
      {director1:<15}   {director2:<15}
          │                 │
      ────┴────┬────────┬───┴────
              rs1      rs2                nginx
       {server1:>15}  {server2}
"
    )
}

/// Tells how to play with the network.
pub(super) fn invite(cluster: &Cluster, screen: &Screen) {
    let (client, service) = (cluster.site.client.name(), cluster.site.service());
    let [first, second] = cluster.site.directors.each_ref().map(Namespace::name);
    say("The network stays up until Ctrl-C. In another terminal:");
    screen.quote(&format!(
        "ip netns exec {client} curl http://{service}/\n\
         ip netns exec {first} ip address\n\
         target/debug/lb-agent dump all --instance {first}\n\
         target/debug/lb-agent dump services --stats --instance {second}"
    ));
}
