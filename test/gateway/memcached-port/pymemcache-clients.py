"""Uses a Memcached with pymemcache as a monolith would; prints one line of JSON. Arguments: host port."""
import json
import sys

from pymemcache import serde
from pymemcache.client.base import Client, PooledClient

address = (sys.argv[1], int(sys.argv[2]))
told = {}

client = Client(address, timeout=5, connect_timeout=5, no_delay=True)
told["set"] = client.set("k", b"value", expire=100)
told["get"] = client.get("k").decode()
told["add over it"] = client.add("k", b"other", noreply=False)
told["replace"] = client.replace("k", b"10", noreply=False)
told["incr"] = client.incr("k", 5)
told["decr"] = client.decr("k", 6)
value, unique = client.gets("k")
told["cas"] = client.cas("k", b"swapped", unique)
told["cas again"] = client.cas("k", b"lost", unique)
told["append"] = client.append("k", b"!", noreply=False)
told["prepend"] = client.prepend("k", b"<", noreply=False)
told["now"] = client.get("k").decode()
told["touch"] = client.touch("k", 50, noreply=False)
client.set_many({f"m{i}": str(i).encode() for i in range(500)}, noreply=True)
told["many"] = len(client.get_many([f"m{i}" for i in range(600)]))
told["delete"] = client.delete("k", noreply=False)
told["delete again"] = client.delete("k", noreply=False)
told["large"] = len(client.get("large") or b"") if client.set("large", b"x" * 1_000_000, noreply=False) else -1
told["version"] = client.version().decode()
told["stats"] = b"get_hits" in client.stats()
client.quit()

pickled = PooledClient(address, serde=serde.pickle_serde, max_pool_size=4)
pickled.set("object", {"a": [1, 2, 3], "b": None})
told["object"] = pickled.get("object")
pickled.close()
print(json.dumps(told))
