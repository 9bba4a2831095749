import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { systemClock } from '#server-kit/clock.ts'
import { sendRaw } from '../../../../control-plane/cli/edge-doctor/connection.ts'
import { judgeMutualTls, judgeUnsigned } from '../../../../control-plane/cli/edge-doctor/judge-origin.ts'
import { replyOf } from '../../../../control-plane/cli/edge-doctor/reply.ts'
import { selfSigned } from '../../../support/certificates.ts'
import { echoOf, outcomeOf, problemOf, silenceOf } from './replies.ts'

const refused = silenceOf('ECONNREFUSED: connect')
const nginx = replyOf(outcomeOf(400, '<h1>400</h1> No required SSL certificate was sent'))
const alert = silenceOf('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: tlsv13 alert certificate required')

describe('an origin', () => {
  it('that wants a certificate is known by the alert of a real handshake, and not by any that fails', async () => {
    const { key, cert } = await selfSigned('api.example.com')
    const asked = async (version: 'TLSv1.2' | 'TLSv1.3') => {
      const only = { minVersion: version, maxVersion: version } as const
      const server = createServer({ key, cert, ca: cert, requestCert: true, rejectUnauthorized: true, ...only })
      server.on('tlsClientError', (_, socket) => socket.destroy()).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const url = new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}`)
      const place = { url, host: 'api.example.com', ca: undefined }
      const reply = replyOf(await sendRaw(place, { head: 'GET / HTTP/1.1\r\nHost: a\r\n\r\n' }, systemClock))
      server.close()
      return [judgeMutualTls(reply, 'https:').verdict, judgeUnsigned(reply).verdict]
    }

    expect(await asked('TLSv1.3')).toEqual(['ok', 'ok'])
    expect(await asked('TLSv1.2')).toEqual(['unknown', 'unknown'])
  })

  it('is closed where it refuses, is not reached, or wants a certificate', () => {
    for (const reply of [problemOf(403, 'edge-required'), refused, nginx, alert])
      expect(judgeUnsigned(reply).verdict).toBe('ok')
    for (const reply of [refused, nginx, alert]) expect(judgeMutualTls(reply, 'https:').verdict).toBe('ok')
  })

  it('is open where anything else is answered, a plain 403 too', () => {
    for (const reply of [problemOf(404, 'route-unknown'), replyOf(outcomeOf(403, '<html>')), echoOf()]) {
      expect(judgeUnsigned(reply)).toMatchObject({ verdict: 'wrong', fix: expect.stringContaining('edgeRequired') })
      expect(judgeMutualTls(reply, 'https:').verdict).toBe('wrong')
    }
    expect(judgeMutualTls(refused, 'http:').verdict).toBe('wrong')
  })

  it('is not judged by a connection that broke', () => {
    const broken = silenceOf('ECONNRESET: read')
    expect(judgeUnsigned(silenceOf('ENOTFOUND: no such name')).verdict).toBe('unknown')

    expect([judgeUnsigned(broken).verdict, judgeMutualTls(broken, 'https:').verdict]).toEqual(['unknown', 'unknown'])
  })
})
