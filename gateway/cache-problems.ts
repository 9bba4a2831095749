import type { ProblemEntry } from '#routes/problem.ts'

/** What can go wrong in the cache and at its doors: a part of the room's table (`errors.ts`), sorted by code. */
export const cacheProblems = {
  'cache-batch-too-large': {
    status: 413,
    meaning: 'The replication batch holds more than {limit} bytes.',
    fix: 'Nothing to do: the peer gateway sends smaller ones. Where this stays, compare the versions of both gateways.',
  },
  'cache-batch-unreadable': {
    status: 400,
    meaning: 'The replication batch cannot be read: {because}.',
    fix: 'Both gateways must run releases that speak the same batch version; compare the versions in the status of both.',
  },
  'cache-forbidden': {
    status: 403,
    meaning: 'This client may not {verb} in namespace {namespace}.',
    fix: 'Grant the verb or the namespace to the client in the cache section of the gateway configuration.',
  },
  'cache-idempotency-mismatch': {
    status: 422,
    meaning: 'This idempotency-key was used for another request in the last ten minutes.',
    fix: 'Use a new key for each request; send an old one again only with the same target and body.',
  },
  'cache-invalidation-not-durable': {
    status: 503,
    meaning: 'No zone took the delete in time, so the old value may still be served.',
    fix: 'Send the delete again; if it persists, look at the zones in the status of the gateway.',
  },
  'cache-journal-full': {
    status: 503,
    meaning: 'The {log} of the cache journal have all of their {bytes} bytes.',
    fix: 'Check why the other site or a zone does not take what it is told; raise cache.journal of the gateway configuration.',
  },
  'cache-journal-unreadable': {
    status: 500,
    meaning: 'The cache journal cannot be read at {segment}: {because}.',
    fix: 'Check the disk of the home folder. What waits stays owed; after a restart a damaged journal starts anew, cold.',
  },
  'cache-journal-unusable': {
    status: 500,
    meaning: 'The cache journal in {folder} cannot be opened: {because}.',
    fix: 'The home folder needs room and must be writable for the gateway; at most 64 gateway processes share one.',
  },
  'cache-miss': {
    status: 404,
    meaning: 'The key has no readable value: {because}.',
    fix: 'Read the value from its source and put it; x-tidegate-cache-reason tells an absent key from a zone that failed.',
  },
  'cache-not-a-number': {
    status: 422,
    meaning: 'The stored value is not a decimal number of at most 64 bits, so nothing was counted.',
    fix: 'Put a number under the key first, or count under a key of its own.',
  },
  'cache-peer-refused': {
    status: 502,
    meaning: 'The peer gateway did not take a replication batch: {because}.',
    fix: 'Check the peer address and the gateway-to-gateway keys; the operations stay queued and are sent again.',
  },
  'cache-precondition-failed': {
    status: 412,
    meaning: 'The stored value is not the one that if-match or if-none-match names.',
    fix: 'Read the value again and repeat the change with its new etag.',
  },
  'cache-prefix-too-deep': {
    status: 422,
    meaning: '{field} has {segments} segments, and answers below it can be purged by {depth} at most.',
    fix: 'Name a shorter prefix, its URLs or a tag; or raise `prefixDepth` of the route, which holds for answers stored from then on.',
  },
  'cache-receiver-away': {
    status: 503,
    meaning: 'Cache writes of another site cannot be taken now: {because}.',
    fix: 'Look at the zones and at the Redis of this site; the peer gateway keeps what it has and sends it again.',
  },
  'cache-receiver-busy': {
    status: 429,
    meaning: '{batches} replication batches are being applied, which is as many as this gateway takes at once.',
    fix: 'Nothing to do: the peer gateway waits a moment and sends again. Where this stays, look at the zones.',
  },
  'cache-quota': {
    status: 429,
    meaning: 'The client {client} asks for more than its quota.',
    fix: 'Wait for the seconds of retry-after, or raise `quota` of the client in the cache section of the gateway configuration.',
  },
  'cache-request-invalid': {
    status: 400,
    meaning: '{field} is not acceptable: {because}.',
    fix: 'Correct the named field; docs/reference has the limits of the cache API.',
  },
  'cache-superseded': {
    status: 409,
    meaning: 'A newer write of this key is already stored, or the lease of this one is lost.',
    fix: 'Nothing to do: the newer write stays. Check the clocks if this is frequent, or lease for longer.',
  },
  'cache-too-large': {
    status: 413,
    meaning: 'The request is larger than {limit} {unit}.',
    fix: 'Store a smaller value, or compress it before it is stored; send a large batch in parts.',
  },
  'cache-unauthenticated': {
    status: 401,
    meaning: 'The request carries no valid credential for the cache.',
    fix: 'Send a bearer token that the cache section of the gateway configuration knows, or the signature of a peer gateway.',
  },
  'cache-write-unavailable': {
    status: 503,
    meaning: 'The write cannot be taken now: {because}.',
    fix: 'Send it again after a moment; if it persists, look at the zones in the status of the gateway.',
  },
  'cache-writer-invalid': {
    status: 500,
    meaning: 'Writer id {writer} is not a whole number from 0 to 255.',
    fix: 'Set cache.writerId to a number that no other gateway process uses.',
  },
  'cache-zone-state-unreadable': {
    status: 500,
    meaning: 'What is kept of the cache zones cannot be read: {because}.',
    fix: 'Nothing to do: the zones start from nothing. If it comes again, look at the disk, and whether all gateways run one release.',
  },
  'cache-zone-state-unshared': {
    status: 503,
    meaning: 'What is to hold for the zone {zone} holds in this process alone: {because}.',
    fix: 'Check the disk and the Redis of cache.events, or set cache.memory.alone where no other process serves the site; then say it again.',
  },
  'event-refused': {
    status: 400,
    meaning: 'The events cannot be followed, and none of them was: {because}.',
    fix: 'Send CloudEvents 1.0 of the type tidegate.cache.invalidate.v1, as the page on events describes them.',
  },
  'event-type-unknown': {
    status: 415,
    meaning: 'Events come as application/cloudevents+json or application/cloudevents-batch+json.',
    fix: 'Set the content type of the request.',
  },
  'event-unknown': {
    status: 404,
    meaning: 'No dead letter has the id {id}, or its text was too long to be kept.',
    fix: 'See `tidegate events dead` for those that wait.',
  },
  'events-replay-busy': {
    status: 409,
    meaning: 'Events are being replayed by this process.',
    fix: 'See `tidegate events lag` for how far it is, and begin the next one when it has ended.',
  },
  'events-source-absent': {
    status: 404,
    meaning: 'This gateway reads no stream of events.',
    fix: 'Set cache.events.redis and cache.events.stream in the configuration of the gateway.',
  },
  'events-source-away': {
    status: 503,
    meaning: 'The Redis that has the events does not answer.',
    fix: 'Check the server that cache.events.redis names; invalidations by HTTP work meanwhile.',
  },
} as const satisfies Record<string, ProblemEntry>
