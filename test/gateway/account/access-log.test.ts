import { openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import { AccessLog } from '../../../gateway/account/access-log.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { exchangeOf } from '../exchange.ts'

const answer = { status: 200, reason: 'OK', headers: [], body: undefined }

describe('the access log', () => {
  it('has one JSON line a request, without its query and without its credential', async () => {
    await using folder = await temporaryFolder()
    const dropped: number[] = []
    const log = new AccessLog({
      site: 'onprem',
      clock: new HeldClock(),
      dropped: { inc: () => void dropped.push(1) },
      fd: openSync(folder.file('log'), 'w'),
    })
    const x = exchangeOf(['Authorization', 'Bearer very-secret', 'traceparent', '00-a-b-00'], {
      target: '/v1/x?key=secret',
    })
    x.caller = { consumer: 'shop', scopes: [] }

    log.closed(x, answer, 'done')
    log.closed(exchangeOf([], { target: '/v1/"y"\n' }), answer, 'client-aborted')
    await log.close()

    const text = await readFile(folder.file('log'), 'utf8')
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines).toHaveLength(2)
    expect(lines[0]).toMatchObject({
      method: 'GET',
      path: '/v1/x',
      status: 200,
      consumer: 'shop',
      trace: '00-a-b-00',
      site: 'onprem',
    })
    expect(lines[1]).toMatchObject({ path: '/v1/"y"\n', reason: 'client-aborted' })
    expect(text).not.toContain('secret')
    expect(dropped).toEqual([])
  })

  it('says what else than its placement brought a request here, and why a mark was not believed', async () => {
    await using folder = await temporaryFolder()
    const fd = openSync(folder.file('log'), 'w')
    const log = new AccessLog({ site: 'onprem', clock: new HeldClock(), dropped: { inc: () => undefined }, fd })
    const mark = { from: 'FRA', flags: ['failover', 'unsafe'] }

    log.closed(Object.assign(exchangeOf(), { mark, markKind: 'edge' }), answer, 'done')
    log.closed(Object.assign(exchangeOf(), { markFault: 'out-of-window' }), answer, 'done')
    await log.close()

    const [failedOver, distrusted] = (await readFile(folder.file('log'), 'utf8')).split('\n')
    expect(JSON.parse(failedOver as string)).toMatchObject({ edge: 'FRA', flags: 'failover,unsafe' })
    expect(JSON.parse(distrusted as string)).toMatchObject({ markFault: 'out-of-window' })
    expect(distrusted).not.toContain('flags')
  })

  it('drops and counts lines when the disk cannot keep up, and holds no more than its limit', () => {
    let dropped = 0
    const log = new AccessLog({
      site: 's',
      clock: new HeldClock(),
      dropped: { inc: () => void dropped++ },
      fd: openSync('/dev/null', 'w'),
    })

    for (let at = 0; at < 10_000; at++) log.closed(exchangeOf(), answer, 'done')

    expect(dropped).toBeGreaterThan(1_000)
  })
})
