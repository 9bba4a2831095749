import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Answer, ok, type RecordingUpstream, startRecordingUpstream } from '../../../support/recording-upstream.ts'
import { catalogOf, serviceFile } from '../../support/catalog.ts'
import { tidegateOf } from '../../support/cli.ts'
import { startControlPlane, type TestControlPlane } from '../../support/control-plane.ts'
import { FakeGateway } from '../../support/fake-gateway.ts'

let plane: TestControlPlane
let gateway: FakeGateway
let internal: RecordingUpstream
let answer: Answer

beforeAll(async () => {
  plane = await startControlPlane()
  await plane.client.apply({ files: [...catalogOf(serviceFile('orders'))] })
  answer = ok('{"stamp":"42","words":{},"sites":{}}', ['content-type: application/json'])
  internal = await startRecordingUpstream(() => answer)
  gateway = await FakeGateway.start({ keys: plane.keys })
  gateway.internalUrl = internal.url
  await gateway.connect(plane.url)
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await internal.close()
  await plane.stop()
})

const tidegate = (...argv: string[]) => tidegateOf(plane, argv)

describe('tidegate cache', () => {
  it('sends every word, tells each site, and ends with 1 when one has not taken it', async () => {
    const words = ['--url', 'https://api.example.com/v1/orders/1', '--tag', 'a', '--tag', 'b', '--route', 'orders:x']
    const { code, out, told } = await tidegate('cache', 'invalidate', '--service', 'orders', ...words, '--soft', '1m')

    const sent = JSON.parse((await internal.received(1)).body.toString())
    expect(sent).toEqual({
      urls: ['https://api.example.com/v1/orders/1'],
      tags: ['a', 'b'],
      routes: ['orders:x'],
      soft: 60,
      reason: 'admin: ',
    })
    expect(out).toMatch(/^SITE +OUTCOME +BY +WHY NOT\nonprem +applied +\S+ +-\ncloud +failed +- +no gateway process/)
    expect(told).toMatch(/Not every site has taken it/)
    expect(code).toBe(1)
  })

  it('bumps a whole service, and prints what the API answered for scripts', async () => {
    const before = internal.requests.length
    const { out } = await tidegate('cache', 'bump', 'orders', '--reason', 'new prices', '-o', 'json')

    expect(JSON.parse((await internal.received(before + 1)).body.toString())).toEqual({
      all: true,
      reason: 'admin: new prices',
    })
    expect(JSON.parse(out)).toMatchObject({ namespace: 'http-orders', mode: 'hard', complete: false })
  })

  it.each([
    [2, ['invalidate', '--service', 'orders'], /tidegate cache bump orders/],
    [2, ['invalidate', '--tag', 'a'], /--service <service>/],
    [2, ['bump', 'orders', '--soft', '10ms'], /whole seconds/],
    [2, ['bump', 'orders', '--soft', '2d'], /whole seconds/],
    [3, ['bump', 'order'], /did you mean orders/],
  ])('ends with %s: %j', async (code, argv, told) => {
    const ended = await tidegate('cache', ...argv)

    expect(ended.code).toBe(code)
    expect(ended.told).toMatch(told)
  })

  it('ends with 2 when the gateway cannot follow the words', async () => {
    const usual = answer
    const text = '{"code":"cache-prefix-too-deep","detail":"prefixes[0] has 5 segments"}'
    answer = {
      bytes: `HTTP/1.1 422 X\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
    }
    try {
      const { code, told } = await tidegate('cache', 'invalidate', '--service', 'orders', '--prefix', 'a/b/c/d/e/f')

      expect(code).toBe(2)
      expect(told).toMatch(/prefixes\[0\] has 5 segments/)
    } finally {
      answer = usual
    }
  })
})
