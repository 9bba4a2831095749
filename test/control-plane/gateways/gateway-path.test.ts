import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isOffered } from '../../../control-plane/gateways/gateway-path.ts'

describe('a path of the internal API of a gateway', () => {
  it.each([
    '/status',
    '/status?documents=1',
    '/upstreams/orders@10.0.0.7:8080/eject',
    '/extensions/one/off',
    '/routes?q=%2F..%2F',
    '/cache/debt?instance=a',
    '/cache/zones/near',
    '/events/replay',
  ])('is passed on when it is offered: %s', (path) => {
    expect(isOffered(path)).toBe(true)
  })

  it.each([
    '',
    '/',
    '/tokens/find',
    '/cache',
    '/cache/replicate',
    '/cache/pull',
    '/cache/sample',
    '/handoff/release',
    '/status/',
    '//status',
    '/./status',
    '/../cache/v1/x',
    '/status/../tokens/find',
    '/status/..',
    '/status/%2e%2e/tokens/find',
    '/%73tatus',
    '/status;a',
    '/status%00',
    '/status%2f..%2ftokens',
    '/status\\..\\tokens',
    '/STATUS',
    '/status#x',
  ])('is refused when it is not, or could be read in two ways: %s', (path) => {
    expect(isOffered(path)).toBe(false)
  })

  it('is the same text after any normalising, whenever it is passed on', () => {
    const pieces = fc.constantFrom('/', 'status', '.', '..', '%2e', '%2F', '\\', ';', 'tokens', 'a', '?', '%', '@', ':')
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        const path = `/${parts.join('')}`
        const [plain = ''] = path.split('?', 1)
        if (isOffered(path)) expect(new URL(`http://gateway/gateway/v1${plain}`).pathname).toBe(`/gateway/v1${plain}`)
      }),
      { numRuns: 2_000 },
    )
  })
})
