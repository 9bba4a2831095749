import { writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { createMetrics } from '#server-kit/metrics.ts'
import { systemRandom } from '#server-kit/random.ts'
import { openZones, type ZoneYaml } from '../../../gateway/cache/open-zones.ts'
import { LoneZoneState } from '../../../gateway/store/shared-zone-state-lone.ts'
import { StampClock } from '../../../gateway/store/stamp.ts'
import { startMemcached } from '../../support/servers.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const stamps = new StampClock(systemClock, 5)
const newStamp = () => stamps.next()

const zone = (more: Partial<ZoneYaml>): ZoneYaml => ({
  name: 'near',
  driver: 'memcached',
  nodes: [],
  ring: 'ketama',
  mode: 'auto',
  tls: false,
  limit: '1MiB',
  ...more,
})
const open = (zones: ZoneYaml[], env: Record<string, string> = {}, metrics = createMetrics()) =>
  openZones(zones, {
    newStamp,
    believes: (stamp) => stamps.believes(stamp),
    shared: new LoneZoneState(newStamp),
    path: (relative) => relative,
    env,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    metrics,
  })

describe('the zones of the configuration', () => {
  it('keep a value each, whatever their driver and mode', async () => {
    await using folder = await temporaryFolder()
    await writeFile(folder.file('users'), 'shop:open-sesame\n', { mode: 0o600 })
    await using plain = await startMemcached()
    await using guarded = await startMemcached(['-Y', folder.file('users')])
    const metrics = createMetrics()
    const zones = open(
      [
        zone({ name: 'envelope', nodes: [guarded.address], user: 'shop', passwordFrom: 'CACHE_PASSWORD' }),
        zone({ name: 'binary', driver: 'memjs', nodes: [plain.address] }),
        zone({ name: 'old', nodes: [plain.address], mode: 'raw', namespace: 'legacy' }),
        zone({ name: 'own', driver: 'memory' }),
      ],
      { CACHE_PASSWORD: 'open-sesame' },
      metrics,
    )
    for (const each of zones) {
      await each.opened()
      const put = { stamp: newStamp(), ttlMs: 60_000, flags: 7 }
      expect(await each.put('legacy', 'k', Buffer.from(each.zone), put), each.zone).toBe('stored')
      const found = await each.get('legacy', 'k', { deadlineMs: 2_000 })
      expect(found.kind === 'hit' && found.value.toString()).toBe(each.zone)
    }
    expect(zones.map((each) => [each.zone, each.keeps?.('shop') ?? true])).toEqual([
      ['envelope', true],
      ['binary', true],
      ['old', false],
      ['own', true],
    ])
    expect(await metrics.text()).toContain('tidegate_cache_bypassed_writes{zone="old"} 0')
    for (const each of zones) await each.close()
  })

  it('are refused with the reason when a secret or an authority is missing', () => {
    const nodes = ['127.0.0.1:1']
    expect(() => open([zone({ nodes, user: 'shop', passwordFrom: 'NOBODY' })])).toThrow(/NOBODY/)
    expect(() => open([zone({ nodes, tls: true, ca: '/nowhere/ca.pem' })])).toThrow(/\/nowhere\/ca.pem/)
  })
})
