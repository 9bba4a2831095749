import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createSecureServer } from 'node:http2'
import { createServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DeploymentFacts, DeploymentTls } from '#routes/structure.ts'
import { readCertificates } from '../../../gateway/upstream/upstream-tls.ts'
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts'
import { openServiceBed } from './service-bed.ts'

let folder: TemporaryFolder
const pem = (name: string) => readFileSync(folder.file(name), 'utf8')

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { cwd: folder.path, stdio: 'ignore' })
}

/** A certificate of our test authority that begins now and ends after `days`; 0: it is over. */
async function certificate(name: string, alternative: string, days = 2): Promise<void> {
  openssl(
    ...['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`],
    ...['-out', `${name}.csr`, '-subj', `/CN=${name}`],
  )
  await writeFile(folder.file(`${name}.ext`), `subjectAltName=${alternative}`)
  openssl(
    ...['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'],
    ...['-out', `${name}.pem`, '-extfile', `${name}.ext`, '-days', String(days)],
  )
}

beforeAll(async () => {
  folder = await temporaryFolder()
  openssl(
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'ca.key'],
    ...['-out', 'ca.pem', '-subj', '/CN=test authority', '-days', '2'],
  )
  await certificate('good', 'DNS:localhost,DNS:orders.test')
  await certificate('wrong', 'DNS:elsewhere.test')
  await certificate('addressed', 'IP:127.0.0.1,IP:::1')
  await certificate('client', 'DNS:gateway.test')
})
afterAll(() => folder[Symbol.asyncDispose]())

interface Secure extends AsyncDisposable {
  readonly url: string
  readonly seen: { readonly servername: unknown; readonly client: string | undefined }[]
}

async function secureService(name: string, options: ServerOptions = {}): Promise<Secure> {
  const seen: { servername: unknown; client: string | undefined }[] = []
  const server = createServer(
    { cert: pem(`${name}.pem`), key: pem(`${name}.key`), ...options },
    (message, response) => {
      const socket = message.socket as TLSSocket & { servername?: unknown }
      const client = socket.getPeerCertificate().subject?.CN
      seen.push({ servername: socket.servername, client: typeof client === 'string' ? client : undefined })
      response.end('ok')
    },
  ).listen(0, '127.0.0.1')
  server.on('tlsClientError', () => {})
  await once(server, 'listening')
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    seen,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

const certificates = () =>
  readCertificates({ own: { ca: 'ca.pem' }, us: { ca: 'ca.pem', cert: 'client.pem', key: 'client.key' } }, (relative) =>
    folder.file(relative),
  )

async function asked(
  url: string,
  tls: DeploymentTls,
  protocol: Pick<DeploymentFacts, 'protocol'> = {},
): Promise<{ status: number; code: string | null; metrics: string }> {
  await using bed = await openServiceBed({
    deployment: { url, tls, ...protocol },
    certificates: certificates(),
    settings: { breaker: false },
  })
  const answer = await fetch(bed.url)
  await answer.text()
  return { status: answer.status, code: answer.headers.get('x-code'), metrics: await bed.metrics() }
}

describe('C7: a service behind TLS', () => {
  it('C7: is reached when the authority that the catalog names has signed its certificate, with its name in SNI', async () => {
    await using service = await secureService('good')

    expect(await asked(service.url, { ca: 'own' })).toMatchObject({ status: 200 })
    expect(await asked(service.url, { ca: 'own', sni: 'orders.test' })).toMatchObject({ status: 200 })
    expect(service.seen.map(({ servername }) => servername)).toEqual(['localhost', 'orders.test'])
  })

  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['[::1]', '::1'],
  ])(
    'C7: is reached at %s over HTTP/2 when its certificate holds for that address, which is not said in SNI',
    async (host, address) => {
      const names: unknown[] = []
      const server = createSecureServer({ cert: pem('addressed.pem'), key: pem('addressed.key') })
      server.on('session', ({ socket }) => names.push((socket as TLSSocket & { servername?: unknown }).servername))
      server.on('stream', (stream) => {
        stream.respond({ ':status': 200 })
        stream.end('ok')
      })
      server.listen(0, address)
      await once(server, 'listening')

      const url = `https://${host}:${(server.address() as AddressInfo).port}`
      expect(await asked(url, { ca: 'own' }, { protocol: 'h2' })).toMatchObject({ status: 200 })
      expect(names).toEqual([false])
      server.close()
    },
  )

  it('C7: is reached at an address over HTTP/1.1 by every connection, also one that takes the place of a closed one', async () => {
    const names: unknown[] = []
    const server = createServer({ cert: pem('addressed.pem'), key: pem('addressed.key') }, (message, response) => {
      names.push((message.socket as TLSSocket & { servername?: unknown }).servername)
      response.setHeader('connection', 'close')
      response.end('ok')
    }).listen(0, '::1')
    await once(server, 'listening')
    await using bed = await openServiceBed({
      deployment: { url: `https://[::1]:${(server.address() as AddressInfo).port}`, tls: { ca: 'own' } },
      certificates: certificates(),
      settings: { connections: 1 },
    })

    const answers = await Promise.all(Array.from({ length: 4 }, () => fetch(bed.url)))

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    expect(names).toEqual([false, false, false, false])
    server.close()
  })

  it('C7: gets 502 upstream-tls when nobody whom we believe has signed it, for another name, and when it is over', async () => {
    await using good = await secureService('good')
    await using wrong = await secureService('wrong')
    await certificate('over', 'DNS:localhost', 0)
    await using over = await secureService('over')

    const refused = { status: 502, code: 'upstream-tls' }
    expect(await asked(good.url, {})).toMatchObject(refused)
    expect(await asked(wrong.url, { ca: 'own' })).toMatchObject(refused)
    expect(await asked(over.url, { ca: 'own' })).toMatchObject(refused)
    expect([...good.seen, ...wrong.seen, ...over.seen]).toEqual([])
  })

  it('C7: is not spoken to below TLS 1.2', async () => {
    await using old = await secureService('good', {
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
      ciphers: 'ALL@SECLEVEL=0',
    })

    expect(await asked(old.url, { ca: 'own' })).toMatchObject({ status: 502, code: 'upstream-tls' })
  })

  it('C7: is shown our certificate where the catalog names one, and refuses us without it', async () => {
    await using service = await secureService('good', { requestCert: true, ca: pem('ca.pem') })

    expect(await asked(service.url, { ca: 'own', certificate: 'us' })).toMatchObject({ status: 200 })
    expect(service.seen[0]?.client).toBe('client')
    expect((await asked(service.url, { ca: 'own' })).status).toBe(502)
  })

  it('C7: gets 502 where the catalog names a certificate that this gateway does not have: it is never left out', async () => {
    await using service = await secureService('good')

    expect(await asked(service.url, { ca: 'unknown' })).toMatchObject({ status: 502, code: 'upstream-tls' })
    expect(service.seen).toEqual([])
  })

  it('C7: is not verified where the catalog says insecure, and that is counted', async () => {
    await using service = await secureService('wrong')

    const { status, metrics } = await asked(service.url, { insecure: true })

    expect(status).toBe(200)
    expect(metrics).toContain('tidegate_upstream_insecure_total{deployment="orders"} 1')
  })
})
