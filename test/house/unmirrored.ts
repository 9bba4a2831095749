/** Source files without a test at the mirrored path, and why. A pattern that fits nothing is a fault, too. */
export const unmirrored: readonly { readonly files: RegExp; readonly reason: string }[] = [
  { files: /\/errors\.ts$/, reason: 'tables; test/house/errors.test.ts reads all of them' },
  {
    files: /^gateway\/cache-api\/(?:admission|bounded-body|cache-command|command-runner|http-answer)\.ts$/,
    reason:
      'the parts of http.ts: http.test.ts, verbs.integration.test.ts and attacks.integration.test.ts ask all of them',
  },
  {
    files: /^gateway\/cache-api\/(?:cache-fields|json-command)\.ts$/,
    reason: 'cache-request.test.ts and batch.test.ts say each of their words, and wrong ones',
  },
  {
    files:
      /^gateway\/store\/(?:item-records|memjs-connection|node-connection|node-link|store-node|zoned-store-options)\.ts$/,
    reason: 'parts of what meta-node, memjs-node, memcached-store and zoned-store test with real Memcached, and types',
  },
  {
    files:
      /^gateway\/store\/(?:site-zone|zone-state-script|open-shared-zone-state|shared-zone-state(?:-file|-lone)?)\.ts$/,
    reason:
      'parts of zoned-store.ts and of the shared state: zoned-store.test.ts, kept-zone-state.test.ts (the disk), shared-zone-state-redis.integration.test.ts and test/properties/zones.test.ts',
  },
  {
    files: /^gateway\/cache-api\/leases\.ts$/,
    reason: 'item-commands.integration.test.ts takes them by real Memcached',
  },
  {
    files: /^gateway\/journal\/(?:memory-reader|waiting-log)\.ts$/,
    reason: 'the parts of memory-journal.ts, whose test holds their sums and limits under any traffic',
  },
  {
    files: /^gateway\/replication\/(?:apply-operation|http-peer|replication-peer)\.ts$/,
    reason:
      'apply-batch.test.ts applies each kind of write; receive.test.ts sends over a real port; the last is a port',
  },
  {
    files: /^routes\/(?:vocabulary|request-facts|gateway-answers)\.ts$/,
    reason: 'types and names only; the compiler is their test',
  },
  {
    files: /^routes\/(?:trie|trie-build|linear-matcher)\.ts$/,
    reason: 'test/properties/trie.test.ts holds the two against each other, which says more than cases of either',
  },
  {
    files:
      /^routes\/(?:structure|structure-codec|structure-decoder|structure-parts|site-parts|placements-codec|front-code|table|table-index)\.ts$/,
    reason: 'test/properties/table.test.ts: what is encoded comes back, and what was tampered with is refused',
  },
  {
    files:
      /^routes\/(?:catalog-(?:answers|cache|conditions|deployment|names|policy|transforms)|(?:cache|deployment|hops|policy|route|transform)-schema|schema-texts|findings)\.ts$/,
    reason:
      'test/corpora/catalog: a case for each fault, and one that has every key, read by test/routes/catalog.test.ts',
  },
  {
    files: /^routes\/catalog-(?:openapi(?:-[a-z]+)?|validate)\.ts$/,
    reason:
      'test/corpora/catalog has a case for each fault and warning; test/properties/openapi.test.ts what is resolved',
  },
  {
    files: /^routes\/json-schema-keywords\.ts$/,
    reason: 'a table; test/routes/json-schema.test.ts holds it against a validator',
  },
  { files: /^routes\/policy(?:-parts)?\.ts$/, reason: 'test/properties/policy.test.ts: any policy comes back whole' },
  { files: /^routes\/receiver\.ts$/, reason: 'test/routes/receive.test.ts and edge-parts.test.ts run it' },
  { files: /^routes\/witness-facts\.ts$/, reason: 'test/routes/witness.test.ts: what is said holds' },
  {
    files: /^routes\/(header-names|paths)\.ts$/,
    reason: 'names alone; the programs that send them are tested with them',
  },
  { files: /^routes\/pattern-fault\.ts$/, reason: 'test/routes/pattern.test.ts reads every word of it' },
  {
    files: /^server-kit\/(?:built-console|find-node|folder-lock|installed-packages)\.mjs$/,
    reason: 'run by test/server-kit/bootstrap.integration.test.ts',
  },
  {
    files: /^server-kit\/socket-holder\.ts$/,
    reason: 'the thread that test/server-kit/listening-socket.test.ts starts',
  },
  {
    files: /^(?:gateway|edge-worker|control-plane)\//,
    reason:
      'first landing: where a file has no test of its own, tests of its folder, test/journeys/ and test/wire/ run it',
  },
]
