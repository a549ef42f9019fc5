"""A libtorrent DHT node to measure beside: PORT and bootstrap contacts as arguments."""
import sys
import time

import libtorrent as lt

session = lt.session({
    "listen_interfaces": f"127.0.0.1:{sys.argv[1]}", "enable_dht": True, "enable_lsd": False,
    "enable_upnp": False, "enable_natpmp": False, "dht_bootstrap_nodes": ",".join(sys.argv[2:]),
    "dht_restrict_routing_ips": False, "dht_restrict_search_ips": False,
    "dht_ignore_dark_internet": False, "dht_prefer_verified_node_ids": False,
    "dht_block_ratelimit": 1000000000, "dht_upload_rate_limit": 1000000000})
while True:
    print(session.status().dht_nodes, flush=True)
    time.sleep(1)
