"""Alternative texts of the figures of notebook 04, for whoever does not see them."""

from __future__ import annotations

LAG_ALT = (
    "Step chart of the share of due keys that were removed against the time since their deadline, one line for each number "
    "of live keys with a TTL; the more live keys, the later."
)
SETTINGS_ALT = (
    "Dot chart of the time from deadline to removal on a logarithmic scale, a row for each hz, effort and load; the rows with a "
    "higher hz or effort lie further left."
)
LAZY_ALT = "Bar chart: keys past their deadline, keys still held in memory, keys seen by a reader, keys left after one read each."
REPLICA_ALT = "Step chart of due keys removed on the primary and on its replica against the time since the deadline; the lines coincide."
EVENTS_ALT = (
    "Scatter chart of how late each timer was seen, by expired event and by a schedule, against its deadline, with the absence of the "
    "listener shaded and events that never came marked by crosses."
)
SLIDING_ALT = "Two bar charts, bytes to file and replica and server time, for plain writes and reads and for three ways to refresh a TTL with them."
SURVIVAL_ALT = "Two lists of write commands: those that keep a key's TTL and those that take it away."
CRASH_ALT = (
    "Bar chart of the keys without a TTL left by a hundred kills, client killed and server killed, for five ways to write a key with "
    "a TTL; only the two separate round trips leave many."
)
MASS_ALT = (
    "Line chart of the longest wait of another client in each 20 ms, before and after the first deadline, with all keys due at once "
    "and with jitter."
)
BIG_ALT = "Bar chart of the server's time to remove one big sorted set by DEL, UNLINK and expiry, with dots for the longest wait of another client."
MEMORY_ALT = (
    "Three line charts of used_memory, RSS and slots of the table of keys after the deadline, in per cent of what the keys added, for "
    "keys that all expire, are all unlinked, or expire but for one in six."
)
LEASES_ALT = "Two bar charts of bytes a member and server time of a renewal for each structure that keeps leases."
CLEANUP_ALT = (
    "Four bar charts for one hash, a list of keys, a scan by prefix and a TTL on each key: bytes a session, server time to end one, "
    "its longest command, keys left right after."
)
