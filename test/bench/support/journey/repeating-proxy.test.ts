import { expect, it } from 'vitest'
import { startRepeatingProxy } from '../../../../bench/support/journey/repeating-proxy.ts'
import { ok, startRecordingUpstream } from '../../../support/recording-upstream.ts'

it('a repeating proxy sends one POST in two twice, and its client sees nothing of it', async () => {
  const upstream = await startRecordingUpstream(() => ok('hello'))
  await using proxy = await startRepeatingProxy(upstream.url, 2)
  const post = async () => (await fetch(`${proxy.url}/v1/orders?a=1`, { method: 'POST', body: 'order' })).text()

  expect([await post(), await post(), await (await fetch(proxy.url)).text()]).toEqual(['hello', 'hello', 'hello'])

  expect(proxy.repeated).toBe(1)
  expect(upstream.requests).toHaveLength(4)
  await upstream.close()
})
