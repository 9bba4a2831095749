import { gunzipSync, gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { overBudget } from '../../../control-plane/edge/script-budgets.ts'
import { buildInProcess } from '../../../control-plane/edge/script-builder.ts'
import { CloudflareApiFake } from '../../support/cloudflare-api.ts'
import { eventually } from '../../support/eventually.ts'
import { placement, placementSet, route, structure, tableOf } from '../../support/tables.ts'
import { catalogOf, serviceFile } from '../support/catalog.ts'
import { startControlPlane } from '../support/control-plane.ts'

const running = new AbortController().signal

it('the script is built with the table inside, starts on workerd, and keeps to its budgets', async () => {
  const { structure: routes, placements } = await tableOf(structure([route('/a')]), placementSet([placement('orders')]))
  const offer = { structure: routes.sealed, placements: placements.sealed }

  const script = await buildInProcess(running)(offer)

  const [worker, table] = script.modules
  expect([worker?.name, table?.name, script.mainModule]).toEqual(['worker.js', 'bundled-table.js', 'worker.js'])
  expect(worker?.content).toContain('from"./bundled-table.js"')
  expect(JSON.parse(JSON.parse(/JSON\.parse\((".*")\)\n$/.exec(table?.content ?? '')?.[1] ?? ''))).toEqual(offer)
  expect(gunzipSync(gzipSync(worker?.content ?? '')).length).toBe(Buffer.byteLength(worker?.content ?? ''))
  expect(script.startupMs).toBeGreaterThan(0)
  expect(overBudget(script)).toBeUndefined()
}, 60_000)

it('equal sources and settings have one digest, whatever the table', async () => {
  const build = buildInProcess(running)

  const [empty, other] = [
    await build({}),
    await build({ structure: { kind: 'structure', keyId: 'k', signature: '', body: '' } }),
  ]

  expect(empty.codeDigest).toBe(other.codeDigest)
  expect(empty.codeGzipBytes).toBe(other.codeGzipBytes)
}, 60_000)

it('a build that is stopped says so as a problem', async () => {
  const stopped = AbortSignal.abort()

  await expect(buildInProcess(stopped)({})).rejects.toMatchObject({ code: 'edge-build-failed' })
})

it('a control plane uploads this script with its first catalog', async () => {
  await using fake = await CloudflareApiFake.start()
  const cloudflare = {
    account: fake.account,
    script: fake.script,
    token: '${env:TOKEN}',
    host: 'http://127.0.0.1:1',
    api: fake.api,
  }
  await using plane = await startControlPlane({ env: { TOKEN: fake.token }, config: { cloudflare } })
  await plane.client.apply({ files: [...catalogOf(serviceFile('orders'))] })

  const uploaded = await eventually(() => fake.versions[1], { deadlineMs: 30_000 })

  expect(uploaded.modules.get('worker.js')).toContain('/.well-known/tidegate')
  expect(uploaded.modules.get('bundled-table.js')).toContain('orders')
  expect(uploaded.metadata).toMatchObject({ main_module: 'worker.js', compatibility_date: expect.any(String) })
}, 60_000)
