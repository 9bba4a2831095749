import { describe, expect, it } from 'vitest'
import { importFaults, importsOf } from './import-rules.ts'
import { repositoryFiles } from './repository.ts'

const planted = (path: string, specifier: string): string[] =>
  importFaults([{ path, text: `import type { X } from '${specifier}'\n` }])

describe('the direction of imports', () => {
  it('holds in every file', () => {
    const files = repositoryFiles(
      /^(?:routes|server-kit|gateway|edge-worker|control-plane|bench|test)\/.*\.(?:ts|tsx|mjs)$/,
    )

    expect(files.length).toBeGreaterThan(20)
    expect(files.flatMap(({ path, text }) => importsOf(path, text)).length).toBeGreaterThan(40)
    expect(importFaults(files)).toEqual([])
  })

  it.each([
    ['routes/trie.ts', 'node:fs'],
    ['routes/trie.ts', 'yaml'],
    ['routes/trie.ts', '#server-kit/clock.ts'],
    ['server-kit/log.ts', '#routes/table.ts'],
    ['server-kit/log.ts', '../gateway/config.ts'],
    ['edge-worker/worker.ts', 'node:crypto'],
    ['edge-worker/worker.ts', 'itty-router'],
    ['edge-worker/worker.ts', '#routes/compile.ts'],
    ['edge-worker/worker.ts', '#server-kit/clock.ts'],
    ['gateway/fence/fence.ts', '../../control-plane/tables/publish.ts'],
    ['gateway/gateway.ts', '../test/support/servers.ts'],
    ['control-plane/moves/flip.ts', '../catalog/api.ts'],
    ['control-plane/moves/flip.ts', '../store/database.ts'],
    ['control-plane/moves/flip.ts', '../../edge-worker/facts.ts'],
    ['control-plane/cli/main.ts', '../moves/flip.ts'],
    ['control-plane/console/main.tsx', '#server-kit/clock.ts'],
    ['control-plane/console/main.tsx', 'node:fs'],
  ])('%s may not import %s', (path, specifier) => {
    expect(planted(path, specifier)).toEqual([`${path}: may not import ${specifier}`])
  })

  it.each([
    ['routes/catalog.ts', 'yaml'],
    ['server-kit/config.ts', '#routes/document.ts'],
    ['edge-worker/endpoints.ts', 'itty-router'],
    ['edge-worker/host/supervisor.ts', '#server-kit/lifecycle.ts'],
    ['control-plane/moves/api.ts', '../api-client/schema.ts'],
    ['control-plane/moves/api.ts', '../access/can.ts'],
    ['control-plane/app.ts', './store/database.ts'],
    ['bench/run.ts', '../gateway/gateway.ts'],
  ])('%s may import %s', (path, specifier) => {
    expect(planted(path, specifier)).toEqual([])
  })

  it('keeps clocks out of the language, and phases apart', () => {
    const phase = (path: string, more = '') => ({ path, text: `${more}export function make(): Phase {}` })

    expect(importFaults([{ path: 'routes/decide.ts', text: 'const now = Date.now()' }])).toHaveLength(1)
    expect(
      importFaults([phase('gateway/auth/a.ts', "import { b } from './b.ts'\n"), phase('gateway/auth/b.ts')]),
    ).toHaveLength(1)
  })
})
