import { describe, expect, it } from 'vitest'
import { type Call, checkCall, signCall } from '#routes/call.ts'
import { KeyRing, type Purpose } from '#routes/seal.ts'

const open = async (purpose: Purpose) =>
  (await KeyRing.open({
    purpose,
    keys: [{ id: 'k1', secret: Buffer.alloc(32, 'a').toString('base64url') }],
  })) as KeyRing
const ring = await open('control-gateway')
const utf8 = new TextEncoder()
const call: Call = { method: 'PUT', target: '/api/v1/x?y=1', body: utf8.encode('{"a":1}'), audience: 'control-plane' }
const header = await signCall(call, ring, 5_000, 'n1')

describe('a signed call', () => {
  it('is valid for its own method, target, audience and body', async () => {
    expect(await checkCall(header, call, ring, 5_000)).toBe('valid')
  })

  it('is refused for anything else, and says why', async () => {
    expect(await checkCall(undefined, call, ring, 5_000)).toBe('missing')
    expect(await checkCall('v=1', call, ring, 5_000)).toBe('malformed')
    expect(await checkCall(header, { ...call, method: 'POST' }, ring, 5_000)).toBe('mac-wrong')
    expect(await checkCall(header, { ...call, target: '/api/v1/x?y=2' }, ring, 5_000)).toBe('mac-wrong')
    expect(await checkCall(header, { ...call, body: utf8.encode('{"a":2}') }, ring, 5_000)).toBe('body-differs')
    expect(await checkCall(header, { ...call, audience: 'gateway:cloud' }, ring, 5_000)).toBe('other-audience')
    expect(await checkCall(header, call, ring, 70_000)).toBe('out-of-window')
  })

  it('of one purpose is none of another, even under the same secret', async () => {
    expect(await checkCall(header, call, await open('gateway-gateway'), 5_000)).toBe('mac-wrong')
  })
})
