import { once } from 'node:events'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type Certificate, selfSigned } from '../support/certificates.ts'
import { placementSet, route, structure } from '../support/tables.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'
import { bodyOf, type EdgeBed, startEdgeBed, statusOf } from './edge-bed.ts'

const get = 'GET /v1/orders/1 HTTP/1.1\r\nHost: api.example.com\r\n\r\n'
let folder: TemporaryFolder
let gateway: Server
let own: Certificate
let bed: EdgeBed | undefined

beforeEach(async () => {
  folder = await temporaryFolder()
  own = await selfSigned('edge-1')
  const theirs = await selfSigned('gateway.example.com')
  gateway = createServer(
    { ...theirs, ca: own.cert, requestCert: true, rejectUnauthorized: true },
    (request, response) =>
      response.end(`${request.headers.host} by ${(request.socket as TLSSocket).getPeerCertificate().subject.CN}`),
  ).listen(0, '127.0.0.1')
  await once(gateway, 'listening')
  await writeFile(folder.file('ca.pem'), theirs.cert)
  await writeFile(folder.file('edge.pem'), own.cert)
  await writeFile(folder.file('edge.key'), own.key, { mode: 0o600 })
  await writeFile(folder.file('stranger.pem'), (await selfSigned('stranger')).cert)
})
afterEach(async () => {
  await bed?.[Symbol.asyncDispose]()
  bed = undefined
  gateway.closeAllConnections()
  gateway.close()
  await folder[Symbol.asyncDispose]()
})

/** The answer of an edge whose one site is the gateway. */
async function answered(place: Readonly<Record<string, string>>): Promise<string> {
  const url = `https://127.0.0.1:${(gateway.address() as AddressInfo).port}`
  bed = await startEdgeBed({
    offer: async (sealer) => ({
      structure: await sealer.structure(structure([route('/v1/orders/**')])),
      placements: await sealer.placements(placementSet([])),
    }),
    more: { sites: { onprem: { url, ...place } } },
  })
  return bed.raw(get)
}

const shown = () => ({ certificate: folder.file('edge.pem'), key: folder.file('edge.key') })

it('an edge shows its certificate to a site, and believes the authority of that site alone', async () => {
  const answer = await answered({ ca: folder.file('ca.pem'), certificateHost: 'gateway.example.com', ...shown() })

  expect([statusOf(answer), bodyOf(answer)]).toEqual([200, 'api.example.com by edge-1'])
})

it('a site whose certificate another authority made gets no request', async () => {
  const answer = await answered({ ca: folder.file('stranger.pem'), certificateHost: 'gateway.example.com', ...shown() })

  expect(statusOf(answer)).toBe(502)
})

it('a site whose certificate has another name gets no request', async () => {
  expect(statusOf(await answered({ ca: folder.file('ca.pem'), ...shown() }))).toBe(502)
})

it('the key for sites lies in no generated file that others than its owner may read', async () => {
  await answered({ ca: folder.file('ca.pem'), certificateHost: 'gateway.example.com', ...shown() })
  const run = join(dirname(bed?.home ?? ''), 'home', 'run')
  const secret = own.key.split('\n')[1] ?? ''

  const holding: string[] = []
  for (const name of await readdir(run)) {
    if (!(await readFile(join(run, name), 'utf8')).includes(secret)) continue
    holding.push(name)
    expect((await stat(join(run, name))).mode & 0o777).toBe(0o600)
  }
  expect(holding).toHaveLength(1)
  expect((await stat(run)).mode & 0o777).toBe(0o700)
})
