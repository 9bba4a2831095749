import { describe, expect, it } from 'vitest'
import { signCall } from '#routes/call.ts'
import { KeyRing } from '#routes/seal.ts'
import { HeldClock } from '#server-kit/clock.ts'
import { Credentials } from '../../../gateway/internal/credentials.ts'

async function ring(fill: number): Promise<KeyRing> {
  const secret = Buffer.alloc(32, fill).toString('base64url')
  const opened = await KeyRing.open({ purpose: 'gateway-gateway', keys: [{ id: 'k1', secret }] })
  if (opened === undefined) throw new Error('no ring')
  return opened
}

describe('the head of a call', () => {
  it('is believed for what a peer signed, before its body is there, and for nothing else', async () => {
    const clock = new HeldClock()
    const peers = await ring(1)
    const credentials = new Credentials({ audience: 'gateway:a', control: undefined, peers, tokens: [], clock })
    const body = Buffer.from('all of it')
    const call = { method: 'POST', target: '/gateway/v1/cache/replicate', body, audience: 'gateway:a' }
    const signed = await signCall(call, peers, clock.now(), 'n')
    const head = (over: object = {}) => ({ ...call, headers: { 'x-tidegate-call': signed }, ...over })

    expect(await credentials.isPeerHead(head())).toBe(true)
    expect(await credentials.isPeer(head())).toBe(true)
    expect(await credentials.isPeer(head({ body: Buffer.from('another') }))).toBe(false)
    expect(await credentials.isPeerHead(head({ headers: {} }))).toBe(false)
    expect(await credentials.isPeerHead(head({ target: '/gateway/v1/cache/pull' }))).toBe(false)
    const foreign = await signCall(call, await ring(2), clock.now(), 'n')
    expect(await credentials.isPeerHead(head({ headers: { 'x-tidegate-call': foreign } }))).toBe(false)
    clock.advance(61_000)
    expect(await credentials.isPeerHead(head())).toBe(false)
  })
})
