/** A host whose worker is deployed by the fake of Cloudflare's API: which version answers follows from shares and override. */

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { checkCall } from '#routes/call.ts'
import { headers } from '#routes/messages.ts'
import type { KeyRing } from '#routes/seal.ts'
import type { CloudflareApiFake } from '../../support/cloudflare-api.ts'

export interface FakeZone extends AsyncDisposable {
  readonly url: string
  /** `<version> <path>` of each signed call. */
  readonly asked: string[]
  /** What the worker says of itself; default: its own version, the structure of its bundle. */
  status: (versionId: string) => unknown
  probe: (versionId: string) => unknown
}

export async function startFakeZone(fake: CloudflareApiFake, ring: KeyRing): Promise<FakeZone> {
  const asked: string[] = []
  const server = createServer(async (request, response) => {
    const target = request.url ?? ''
    const call = { method: 'GET', target, body: new Uint8Array(), audience: 'edge' }
    const signature = request.headers[headers.call]
    const verdict = await checkCall(typeof signature === 'string' ? signature : undefined, call, ring, Date.now())
    if (verdict !== 'valid') return void response.writeHead(404).end()
    const versionId = versionFor(fake, request.headers['cloudflare-workers-version-overrides'])
    asked.push(`${versionId} ${target}`)
    const answer = target.endsWith('/probe') ? zone.probe(versionId) : zone.status(versionId)
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const zone: FakeZone = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    status: (versionId) => ({
      scriptVersion: versionId,
      held: { structure: { number: structureOf(fake, versionId) } },
    }),
    probe: () => ({ sites: [{ site: 'onprem', status: 404, ms: 1 }] }),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return zone
}

/** An override is followed only where the version is in the deployment; else the largest share answers. */
function versionFor(fake: CloudflareApiFake, override: string | string[] | undefined): string {
  const shares = [...(fake.deployments.at(-1) ?? [])].sort((a, b) => b.percentage - a.percentage)
  const [, wanted] = /^tidegate-edge="([^"]+)"$/.exec(String(override)) ?? []
  return (shares.find(({ version_id }) => version_id === wanted) ?? shares[0])?.version_id ?? ''
}

function structureOf(fake: CloudflareApiFake, versionId: string): number {
  const message = fake.versions.find(({ id }) => id === versionId)?.message ?? ''
  return Number(/^structure (\d+)/.exec(message)?.[1] ?? 0)
}
