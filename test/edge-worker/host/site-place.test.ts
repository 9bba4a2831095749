import { beforeAll, describe, expect, it } from 'vitest'
import { placeOf } from '../../../edge-worker/host/site-place.ts'
import { type Certificate, selfSigned } from '../../support/certificates.ts'

let own: Certificate
let other: Certificate
const files = () => ({
  'ca.pem': other.cert,
  'edge.pem': own.cert,
  'edge.key': own.key,
  'other.key': other.key,
  junk: 'x',
})
const read = (path: string) => files()[path as keyof ReturnType<typeof files>]
const https = (more: object) => placeOf({ url: 'https://gateway.example.com', ...more }, read)

beforeAll(async () => {
  ;[own, other] = await Promise.all([selfSigned('edge-1'), selfSigned('gateway.example.com')])
})

describe('a site in edge.yaml', () => {
  it('may be an URL alone, or have its own authority and be shown a certificate', () => {
    expect(placeOf('http://10.0.0.1:17101', read)).toEqual({ url: 'http://10.0.0.1:17101' })
    expect(https({ ca: 'ca.pem', certificate: 'edge.pem', key: 'edge.key', certificateHost: 'g.example.com' })).toEqual(
      {
        url: 'https://gateway.example.com',
        ca: other.cert,
        certificate: own.cert,
        key: own.key,
        certificateHost: 'g.example.com',
      },
    )
  })

  it.each([
    [{ certificate: 'edge.pem' }, 'certificate and key come together'],
    [{ key: 'edge.key' }, 'certificate and key come together'],
    [{ ca: 'junk' }, 'junk holds no PEM certificate'],
    [{ ca: 'edge.key' }, 'edge.key holds no PEM certificate'],
    [{ certificate: 'junk', key: 'edge.key' }, 'junk holds no PEM certificate'],
    [{ certificate: 'edge.pem', key: 'other.key' }, 'other.key is not the key of edge.pem, without a passphrase'],
    [{ certificate: 'edge.pem', key: 'junk' }, 'junk is not the key of edge.pem, without a passphrase'],
  ])('is refused with %j, in words that quote no file', (more, fault) => {
    expect(https(more)).toEqual({ fault })
  })

  it('is refused with an authority that its plain connection would never ask', () => {
    expect(placeOf({ url: 'http://10.0.0.1', ca: 'ca.pem' }, read)).toEqual({
      fault: 'ca, certificate, key and certificateHost are for https',
    })
  })
})
