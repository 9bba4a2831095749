/** An operator asks for copies, and the service at the other site gets them: a whole system, from the API to the wire. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bucketOf } from '#routes/bucket.ts'
import { headers } from '#routes/messages.ts'
import { type RunningSystem, startSystem } from '../../../bench/support/start-system.ts'
import { eventually } from '../../support/eventually.ts'
import {
  ok,
  type RecordedRequest,
  type RecordingUpstream,
  startRecordingUpstream,
} from '../../support/recording-upstream.ts'

let system: RunningSystem
let home: RecordingUpstream
let other: RecordingUpstream

beforeAll(async () => {
  home = await startRecordingUpstream(() => ok('{}'))
  other = await startRecordingUpstream(() => ok('{}'))
  system = await startSystem({ stores: 'embedded' })
  const [team] = (await system.client.services()).map((service) => service.team)
  const text = `service: parcels
owner: ${team}
state: none
key: [header:x-device-id]
deployments:
  onprem: { url: ${home.url} }
  cloud: { url: ${other.url} }
routes:
  - { path: '/v1/parcels/**', auth: public }
`
  await system.client.apply({ files: [{ file: 'services/parcels.yaml', text }], mode: 'merge', reason: 'a test' })
}, 60_000)

afterAll(async () => {
  await system.stop()
  await Promise.all([home.close(), other.close()])
})

const devices = Array.from({ length: 40 }, (_, at) => `device-${at}`)
const paths = ['a', 'b', 'c']
const deviceOf = ({ head }: RecordedRequest) => /^x-device-id: (.*)\r$/im.exec(head)?.[1] ?? ''
const targetOf = ({ head }: RecordedRequest) => head.split(' ', 2)[1]

async function ask(device: string, path: string, method = 'GET'): Promise<void> {
  const url = `${system.demo.gateways.onprem.public}/v1/parcels/${path}`
  const answer = await fetch(url, { method, headers: { 'x-device-id': device } })
  await answer.text()
  expect(answer.status).toBe(200)
}

it('copies what whole clients read to the other site, marked, from the first request after the answer', async () => {
  const { placement } = await system.client.unit('parcels')
  const on = await system.client.shadow('parcels', { to: 'cloud', sample: 3_000, reason: 'a test' }, placement.epoch)
  const sampled = devices.filter((device) => bucketOf(`${placement.cohort}:shadow`, device) < 3_000)
  expect(sampled.length).toBeGreaterThan(0)
  expect(sampled.length).toBeLessThan(devices.length)
  expect(on.gateways.map(({ site }) => site).sort()).toEqual(['cloud', 'onprem'])

  for (const device of devices) {
    for (const path of paths) await ask(device, path)
    await ask(device, 'written', 'POST')
  }

  await eventually(() => other.requests.length >= sampled.length * paths.length, { what: 'the copies' })
  const copied = other.requests.map((request) => `${deviceOf(request)} ${targetOf(request)}`)
  const expected = sampled.flatMap((device) => paths.map((path) => `${device} /v1/parcels/${path}`))
  expect(copied.sort()).toEqual(expected.sort())
  for (const { head } of other.requests) expect(head.toLowerCase()).toContain(`\r\n${headers.shadow}: 1\r\n`)
  for (const { head } of home.requests) expect(head.toLowerCase()).not.toContain(headers.shadow)
  expect(home.requests).toHaveLength(devices.length * (paths.length + 1))
}, 60_000)

it('ends with the next request after the answer that says so', async () => {
  const count = other.requests.length
  const { placement } = await system.client.unit('parcels')
  const off = await system.client.endShadow('parcels', 'seen enough', placement.epoch)
  expect(off.gateways.map(({ site }) => site).sort()).toEqual(['cloud', 'onprem'])

  for (const device of devices) await ask(device, 'a')
  // A copy leaves before its own request does: of so many, all but the last ones would have come before this one of ours.
  await fetch(`${other.url}/last`)
  expect(other.requests.slice(count).map(targetOf)).toEqual(['/last'])
}, 30_000)
