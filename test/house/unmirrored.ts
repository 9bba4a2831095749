/** Source files without a test at the mirrored path, and why. A pattern that fits nothing is a fault, too. */
export const unmirrored: readonly { readonly files: RegExp; readonly reason: string }[] = [
  { files: /\/errors\.ts$/, reason: 'tables; test/house/errors.test.ts reads all of them' },
  { files: /^routes\/(?:vocabulary|request-facts)\.ts$/, reason: 'types and names only; the compiler is their test' },
  {
    files: /^routes\/(?:trie|trie-build|linear-matcher)\.ts$/,
    reason: 'test/properties/trie.test.ts holds the two against each other, which says more than cases of either',
  },
  {
    files: /^routes\/(?:structure|structure-codec|structure-parts|placements-codec|front-code|table|table-index)\.ts$/,
    reason: 'test/properties/table.test.ts: what is encoded comes back, and what was tampered with is refused',
  },
  { files: /^routes\/pattern-fault\.ts$/, reason: 'test/routes/pattern.test.ts reads every word of it' },
  {
    files: /^server-kit\/(?:built-console|find-node|folder-lock|installed-packages)\.mjs$/,
    reason: 'run by test/server-kit/bootstrap.integration.test.ts',
  },
  {
    files: /^(?:gateway|edge-worker|control-plane)\//,
    reason:
      'first landing: where a file has no test of its own, tests of its folder, test/journeys/ and test/wire/ run it',
  },
]
