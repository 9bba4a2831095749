import { describe, expect, it } from 'vitest'
import { toEntry } from '../../../../gateway/cache/policy/storable.ts'
import { anybody, date, get, response, rules, times } from './made.ts'

const ruled = { ...rules, strict: true, targeted: ['x-tidegate-cache-control'] }
const lasting = ['Date', date, 'Cache-Control', 'max-age=60']
const kept = (...headers: string[]): readonly string[] | string => {
  const judged = toEntry(get(), response(200, ...lasting, ...headers), ruled, anybody, times)
  return judged.kind === 'entry' ? judged.entry.headers.slice(lasting.length) : judged.because
}

describe('fields of a connection', () => {
  it.each([
    'Connection',
    'Keep-Alive',
    'TE',
    'Trailer',
    'Transfer-Encoding',
    'Upgrade',
    'Proxy-Connection',
    'Proxy-Authenticate',
    'Proxy-Authentication-Info',
    'Proxy-Authorization',
    'pRoXy-AuThOrIzAtIoN',
  ])('Cache S7: %s is not stored', (name) => {
    expect(kept('X-A', '1', name, 'x', 'X-B', '2')).toEqual(['X-A', '1', 'X-B', '2'])
  })

  it.each(['Proxy-Status', 'Via', 'Trailers', 'X-Connection'])('Cache S7: %s is stored', (name) => {
    expect(kept(name, 'x')).toEqual([name, 'x'])
  })

  it('Cache S7: what Connection names is not stored, in all its lines', () => {
    const named = ['Connection', 'close, X-A ,,', 'connection', '\tx-b', 'x-a', '1', 'X-A', '2', 'X-B', '3', 'X-C', '4']

    expect(kept(...named)).toEqual(['X-C', '4'])
  })

  it.each([
    'Cache-Control',
    'expires',
    'VARY',
    'Date',
    'Age',
    'ETag',
    'Last-Modified',
    'Set-Cookie',
    'Content-Encoding',
    'Content-Range',
    'Surrogate-Key',
    'Cache-Tag',
    'Cache-Groups',
    'X-Tidegate-Cache-Control',
  ])('Cache S7: nothing is stored if Connection names %s', (name) => {
    expect(kept('Connection', `close, ${name}`)).toBe('connection-names')
    expect(kept('Connection', 'close', 'Connection', name)).toBe('connection-names')
  })

  it('Cache S7: nothing is stored if Connection is too long to be read', () => {
    expect(kept('Connection', `${'a,'.repeat(5000)}`)).toBe('connection-names')
  })
})
